from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from mzbuild.core.cargo.config_file import CargoConfig, parse_cargo_config
from mzbuild.core.cargo.manifest import Dependency

from tests.core.cargo.workspaces import crate
from tests.core.conftest import ENV

# As `cargo vendor` prints it.
VENDORED = b"""\
[source.crates-io]
replace-with = "vendored-sources"

[source."git+https://example.com/forked"]
git = "https://example.com/forked"
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
"""


def test_directories_are_relative_to_where_the_configuration_applies() -> None:
    assert parse_cargo_config(VENDORED, ".cargo/config.toml").vendored == ("vendor",)
    assert parse_cargo_config(VENDORED, "rust/ws/.cargo/config").vendored == ("rust/ws/vendor",)


def test_each_source_may_name_one() -> None:
    config = b"[source]\na.directory = '../third/party/'\nb.local-registry = './registry'\n"
    found = parse_cargo_config(config, "rust/.cargo/config").vendored
    assert found == ("third/party", "rust/registry")


def test_what_takes_the_place_of_other_crates() -> None:
    config = (
        b"paths = ['../forks', '.']\n"
        b"[patch.crates-io]\nserde = { path = 'serde' }\nlog = { git = 'https://git/log' }\n"
    )
    assert parse_cargo_config(config, "rust/.cargo/config") == CargoConfig(
        "rust/.cargo/config",
        patches=(Dependency("serde", "serde", directory="rust/serde"),),
        overrides=("forks", "rust"),
    )


@pytest.mark.parametrize(
    "config",
    [
        "",
        "source = 1",
        "[source]\na = 1",
        "[source.a]\ndirectory = 1",
        "paths = 1",
        "paths = [1]",
        "patch = 1",
        "[patch]\ncrates-io = 1",
        "This is not TOML",
        "\udcff",
    ],
)
def test_a_file_that_names_none_has_none(config: str) -> None:
    content = config.encode(errors="surrogateescape")
    assert parse_cargo_config(content, ".cargo/config") == CargoConfig(".cargo/config")


def test_what_the_lock_file_has_no_checksums_of(tmp_path: Path) -> None:
    """As Cargo itself vendors a crate of a Git repository."""

    def run(directory: str, *command: str) -> str:
        env = {**ENV, "CARGO_HOME": str(tmp_path / "home"), "CARGO_NET_GIT_FETCH_WITH_CLI": "true"}
        place = tmp_path / directory
        done = subprocess.run(command, cwd=place, env=env, check=True, capture_output=True)
        return done.stdout.decode()

    app = f"[dependencies]\nforked = {{ git = 'file://{tmp_path}/forked' }}\n"
    for path, content in {**crate("app", app), **crate("forked")}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    run("forked", "git", "init", "--quiet")
    run("forked", "git", "add", ".")
    run("forked", "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    config = run("app", "cargo", "vendor").encode()
    assert '"package":null' in (tmp_path / "app/vendor/forked/.cargo-checksum.json").read_text()
    assert parse_cargo_config(config, "app/.cargo/config.toml").unpinned == ("app/vendor",)


def test_what_is_vendored_of_a_registry_is_in_the_lock_file() -> None:
    config = b"[source]\na = { replace-with = 'b' }\nb.directory = 'vendor'\n"
    assert parse_cargo_config(config, ".cargo/config").unpinned == ()


@pytest.mark.parametrize("last", ["'gone'", "'a'", "1"])
def test_a_replacement_that_leads_nowhere(last: str) -> None:
    chain = f"[source]\na = {{ git = 'x', replace-with = 'b' }}\nb.replace-with = {last}\n"
    assert parse_cargo_config(chain.encode(), ".cargo/config") == CargoConfig(".cargo/config")
