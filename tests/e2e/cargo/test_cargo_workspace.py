"""Cargo workspaces that are not a virtual one at the repository's root, really built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.images import COPY_ALL, assert_refused, building, described, image
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
