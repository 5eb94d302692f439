"""What the real Cargo and its compiler tell of packages and platforms."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from mzbuild.core.cargo.metadata import (
    failure,
    fetched_state,
    host_triple,
    metadata_command,
    metadata_scripts,
    parse_packages,
    read_metadata,
)
from mzbuild.core.cargo.settings import CargoFlags, CargoSettings
from mzbuild.core.cargo.staged_files import DIRECTORY
from mzbuild.core.cargo.staging import write_scripts
from mzbuild.core.configuration import Arch

from tests.core.cargo.workspaces import crate
from tests.core.conftest import ENV

TARGET = f"{Arch.host().value}-unknown-linux-gnu"
SETTINGS = CargoSettings(TARGET, "dev", CargoFlags(("--cfg=added",), (("RUSTC_WRAPPER", "no"),)))

CONFIG = """\
[build]
rustflags = ["--cfg=configured"]

[source.crates-io]
replace-with = "here"

[source.here]
directory = "vendor"
"""

FAR = """\
[features]
default = ["near"]

[dependencies]
renamed = { package = "near", version = "0.1", optional = true, default-features = false }

[build-dependencies]
near = { version = "0.1", optional = true, features = ["f"] }
"""


def test_packages_and_platforms_are_those_of_a_build(tmp_path: Path) -> None:
    files = {
        **crate("app", "[dependencies]\nfar = '0.1'\n[workspace]\n"),
        ".cargo/config.toml": CONFIG,
        **crate("vendor/far", FAR),
        **crate("vendor/near", "[features]\nf = []\n[lib]\nproc-macro = true\n"),
        "vendor/far/.cargo-checksum.json": '{"files": {}}',
        "vendor/near/.cargo-checksum.json": '{"files": {}}',
    }
    for path, content in files.items():
        (tmp_path / "sources" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sources" / path).write_text(content)
    workspace = tmp_path / "sources/app"
    lock = ["cargo", "generate-lockfile", "--offline"]
    subprocess.run(lock, cwd=workspace, env=ENV, check=True)
    compiler = subprocess.run(["rustc", "-vV"], stdout=subprocess.PIPE, text=True).stdout
    write_scripts(str(tmp_path), metadata_scripts(compiler))
    command = metadata_command("cargo", SETTINGS, compiler, "app", offline=True)
    assert read_metadata("", str(tmp_path), SETTINGS, compiler) is None
    done = subprocess.run(
        [word.replace(DIRECTORY, str(tmp_path)) for word in command],
        cwd=workspace,
        env=ENV,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = read_metadata(f"Staged.\n{done.stdout}", str(tmp_path), SETTINGS, compiler)
    assert found is not None
    assert set(found.packages) == {"far 0.1.0", "near 0.1.0"}
    far, near = found.packages["far 0.1.0"], found.packages["near 0.1.0"]
    assert far.features == {
        "default": ("near",),
        "near": ("dep:near",),
        "renamed": ("dep:renamed",),
    }
    assert [
        (each.name, each.package, each.kind.value, each.default_features, each.features)
        for each in sorted(far.dependencies, key=lambda each: each.name)
    ] == [
        ("near", "near", "build-dependencies", True, ("f",)),
        ("renamed", "near", "dependencies", False, ()),
    ]
    assert (far.proc_macro, near.proc_macro) == (False, True)
    assert (found.target.triple, found.host.triple) == (TARGET, host_triple(compiler))
    assert {"unix", "added", "configured", 'target_os="linux"'} <= found.target.cfg
    assert "unix" in found.host.cfg
    assert not {"added", "configured"} & found.host.cfg


def test_packages_that_the_lock_file_does_not_tell_apart_are_left_out() -> None:
    def package(name: str, source: str | None) -> dict[str, object]:
        rest: dict[str, object] = {"dependencies": [], "features": {}, "targets": []}
        return {"name": name, "version": "1.0.0", "source": source, **rest}

    packages = [package("a", "x"), package("a", "y"), package("b", "x"), package("c", None)]
    assert set(parse_packages(json.dumps({"packages": packages}))) == {"b 1.0.0"}
    assert parse_packages("Cargo has told nothing.") == {}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "Staged 3 files.\n\x1b[1m\x1b[91merror\x1b[0m: failed to get `far`\n\nCaused by:\n"
            "  download of config.json failed\n\nCaused by:\n  [7] Could not connect\n",
            "failed to get `far`: [7] Could not connect",
        ),
        ("error: no matching package named `far` found\n", "no matching package named `far` found"),
        ("sh: cargo: not found\n", "sh: cargo: not found"),
    ],
)
def test_a_failure_is_told_by_cargo_s_own_words(output: str, said: str) -> None:
    assert failure(output) == said


def test_what_was_fetched_is_told_by_files(tmp_path: Path) -> None:
    home = tmp_path / "[home]"
    cache = home / "registry/cache/somewhere"
    cache.mkdir(parents=True)
    before = fetched_state({"CARGO_HOME": str(home)})
    assert fetched_state({"CARGO_HOME": str(home)}) == before
    (cache / "far-0.1.0.crate").touch()
    fetched = fetched_state({"CARGO_HOME": str(home)})
    assert fetched != before
    (home / "git/db").mkdir(parents=True)
    assert fetched_state({"CARGO_HOME": str(home)}) != fetched
    assert fetched_state({"HOME": str(tmp_path)}) == fetched_state({"HOME": str(tmp_path), "A": ""})
