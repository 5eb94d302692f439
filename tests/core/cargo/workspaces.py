"""Cargo workspaces for the tests, and what Cargo itself says of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mzbuild.core.cargo.config_file import merged_config, read_config
from mzbuild.core.cargo.manifest import CargoToml, parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.errors import MzbuildError

from tests.core.conftest import ENV, listing

Files = Mapping[str, str]


def crate(directory: str, more: str = "", name: str = "") -> dict[str, str]:
    """A library; `more` is what else its manifest says."""
    name = name or directory.rpartition("/")[2]
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{more}'
    return {f"{directory}/Cargo.toml": manifest, f"{directory}/src/lib.rs": ""}


def root(*members: str, more: str = "") -> dict[str, str]:
    return {"Cargo.toml": f'[workspace]\nresolver = "2"\nmembers = {list(members)}\n{more}'}


def load(files: Files, at: str = "", *, lenient: bool = False) -> CargoWorkspace:
    def read(path: str) -> CargoToml:
        return parse_cargo_toml(files[path].encode(), path)

    paths = listing(*files)
    config = merged_config(at, paths, lambda path: read_config(files[path].encode(), path))
    return load_workspace(paths, read, at, config, lenient=lenient)


def depends_on(**paths: str) -> str:
    return "[dependencies]\n" + "".join(
        f'{name} = {{ path = "{path}" }}\n' for name, path in paths.items()
    )


# The names of packages, each with its binaries and its examples.
Described = dict[str, tuple[set[str], set[str]]]


def members(workspace: CargoWorkspace) -> Described:
    """The members of a workspace."""
    return {
        crate.name: (set(crate.bins), set(crate.examples))
        for crate in workspace.crates
        if crate.member
    }


def problems(files: Files, at: str = "") -> tuple[str, ...]:
    """Why a workspace cannot be loaded or built."""
    try:
        return load(files, at).problems
    except MzbuildError as error:
        return (str(error),)


def members_by_cargo(
    files: Files, directory: Path, at: str = "", *, dependencies: bool = False
) -> Described | str:
    """The members that Cargo finds when the files are laid out; or why it refuses.

    With `dependencies`, it looks at those too, and refuses what it could not build.
    """
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(content)
    command = ["cargo", "metadata", "--offline", "--format-version=1"]
    if not dependencies:
        command.append("--no-deps")
    done = subprocess.run(command, cwd=directory / at, env=ENV, capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    return {
        package["name"]: (_targets(package, "bin"), _targets(package, "example"))
        for package in json.loads(done.stdout)["packages"]
    }


def _targets(package: Any, kind: str) -> set[str]:
    return {target["name"] for target in package["targets"] if kind in target["kind"]}
