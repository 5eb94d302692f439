from __future__ import annotations

import pytest
from mzbuild.core.cargo.config_file import CargoConfig, parse_cargo_config
from mzbuild.core.cargo.manifest import Dependency

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
