"""Cargo workspaces that are not a virtual one at the repository's root, really built."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.images import COPY_ALL, assert_refused, building, changed, described, image
from tests.e2e.repo import Content


def manifest(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion.workspace = true\nedition = "2021"\n{more}'


ROOT = """\
[package]
name = "whole"
version.workspace = true
edition = "2021"

[features]
loud = []

[[bin]]
name = "loud"
path = "src/loud.rs"
required-features = ["loud"]

[dependencies]
renamed = { workspace = true }
outside = { path = "../outside", optional = true }

[workspace]
members = ["crates/*"]
exclude = ["crates/excluded"]
resolver = "2"

[workspace.package]
version = "1.2.3"

[workspace.dependencies]
renamed = { path = "crates/inner", package = "inner", features = ["louder"] }
"""

FILES: Mapping[str, Content] = {
    # Both apply to a build in `rust/ws`.
    ".cargo/config.toml": "[env]\nFROM_ABOVE = 'above'\n",
    "rust/ws/.cargo/config.toml": '[build]\nrustflags = ["-Ctarget-feature=+crt-static"]\n',
    "rust/ws/Cargo.toml": ROOT,
    "rust/ws/src/main.rs": "fn main() {}\n",
    "rust/ws/src/loud.rs": "fn main() {\n"
    '    println!("{} {} {}", renamed::NAME, env!("FROM_ABOVE"), env!("CARGO_PKG_VERSION"));\n}\n',
    "rust/ws/crates/inner/Cargo.toml": manifest("inner", "[features]\nlouder = []\n"),
    "rust/ws/crates/inner/src/lib.rs": '#[cfg(feature = "louder")]\n'
    'pub const NAME: &str = "inner, louder";\n',
    "rust/ws/crates/excluded/Cargo.toml": "This is not TOML.\n",
    "rust/outside/Cargo.toml": '[package]\nname = "outside"\nversion = "0.1.0"\n',
    "rust/outside/src/lib.rs": "",
    **image("loud", COPY_ALL, "pre-image: [{type: cargo-build, bin: loud, features: loud}]\n"),
    **image("quiet", COPY_ALL, "pre-image: [{type: cargo-build, bin: loud}]\n"),
}

OPTIONS = ("--mzbuild-cargo-workspace=rust/ws", "--mzbuild-profile=dev")


def test_a_workspace_elsewhere_with_a_root_package_inheritance_and_crates_outside(
    tmp_path: Path, cold_caches: Mapping[str, str]
) -> None:
    with building(tmp_path, cold_caches, FILES) as (repo, docker):
        refused = repo.pants(*OPTIONS, "package", "images/quiet", check=False)
        assert_refused(
            repo,
            refused,
            "images/quiet/mzbuild.yml: `loud` of rust/ws/Cargo.toml is compiled only with the "
            "feature `loud`.",
        )
        repo.pants(*OPTIONS, "package", "images/loud")
        spec = described(repo)["loud"]["spec"]
        assert docker("run", "--rm", spec, "/srv/loud").stdout == "inner, louder above 1.2.3\n"


def library(directory: str, words: str) -> dict[str, str]:
    name = directory.rpartition("/")[2]
    return {
        f"{directory}/Cargo.toml": f'[package]\nname = "{name}"\nversion = "1.0.0"\n',
        f"{directory}/src/lib.rs": f'pub const WORDS: &str = "{words}";\n',
    }


REPLACING: Mapping[str, Content] = {
    ".cargo/config.toml": """\
paths = ["forks"]

[build]
rustflags = ["-Ctarget-feature=+crt-static"]

[patch.crates-io]
near = { path = "patched/near" }

[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"
""",
    "Cargo.toml": "[workspace]\nmembers = ['app']\nresolver = '2'\n",
    "app/Cargo.toml": "[package]\nname = 'app'\nversion = '1.0.0'\n"
    "[dependencies]\nfar = '1'\nnear = '1'\n",
    "app/src/main.rs": 'fn main() {\n    println!("{}, {}", far::WORDS, near::WORDS);\n}\n',
    **library("vendor/far", "far, vendored"),
    "vendor/far/.cargo-checksum.json": '{"files": {}}',
    **library("forks/far", "far, forked"),
    **library("patched/near", "near, patched"),
    **image("app", COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
}


def test_crates_that_the_configuration_of_cargo_puts_in_the_place_of_others(
    tmp_path: Path, cold_caches: Mapping[str, str]
) -> None:
    with building(tmp_path, cold_caches, REPLACING) as (repo, docker):
        command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
        subprocess.run(command, cwd=repo.root, check=True)
        repo.commit("lock")

        def said(*options: str) -> str:
            repo.pants("--mzbuild-profile=dev", *options, "package", "images/app")
            spec = described(repo)["app"]["spec"]
            return docker("run", "--rm", spec, "/srv/app").stdout

        assert said() == "far, forked, near, patched\n"
        shown = repo.pants("mzbuild-fingerprint", "--format=json", "::")
        (app,) = json.loads(shown.stdout)
        assert set(app["missed"]) == {
            *(".cargo/config.toml", "forks/far/Cargo.toml", "forks/far/src/lib.rs"),
            *("patched/near/Cargo.toml", "patched/near/src/lib.rs"),
            # Cargo resolves with it, though another one takes its place.
            *(f"vendor/far/{path}" for path in (".cargo-checksum.json", "Cargo.toml")),
            "vendor/far/src/lib.rs",
        }
        assert "leaves out 8 files that Cargo reads" in shown.stderr
        strict = "--mzbuild-fingerprint-scheme=strict"
        assert said(strict) == "far, forked, near, patched\n"
        changes = {**library("forks/far", "far, changed"), **library("patched/near", "changed")}
        with changed(repo, changes):
            assert said(strict) == "far, changed, changed\n"
        with changed(repo, {".cargo/config.toml": 'paths = ["../elsewhere"]\n'}):
            for path in repo.root.glob("dist/*/*.json"):
                path.unlink()
            options = ("--mzbuild-profile=dev", "--mzbuild-build=always")
            refused = repo.pants(*options, "package", "images/app", check=False)
            assert_refused(
                repo,
                refused,
                ".cargo/config.toml: `paths` has `../elsewhere`, but Git sees no `Cargo.toml` in "
                "there.",
            )
