"""One `Cargo.toml`: what the closure of a binary is computed from.

The format is Cargo's: https://doc.rust-lang.org/cargo/reference/manifest.html
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from mzbuild.core.errors import MzbuildError
from mzbuild.core.toml_reader import read_toml


class DependencyKind(Enum):
    """The table that a dependency stands in."""

    NORMAL = "dependencies"
    BUILD = "build-dependencies"
    DEV = "dev-dependencies"


@dataclass(frozen=True)
class PathDependency:
    """A dependency on another crate of the repository."""

    package: str
    kind: DependencyKind
    # Where the crate is, relative to the root; None where the workspace's table says so.
    directory: str | None
    # Under `[target.'…']`: the `mzbuild` scheme does not see those.
    for_target: bool


@dataclass(frozen=True)
class Manifest:
    """What a `Cargo.toml` says of one package; see also `WorkspaceTable`."""

    path: str
    name: str
    dependencies: tuple[PathDependency, ...]
    bins: tuple[str, ...]
    examples: tuple[str, ...]
    autobins: bool
    autoexamples: bool
    # Where the sources of the declared targets, the library and the build script may be,
    # relative to the package's directory.
    target_paths: tuple[str, ...]

    @cached_property
    def directory(self) -> str:
        """The package's directory, relative to the root."""
        return posixpath.dirname(self.path)


@dataclass(frozen=True)
class WorkspaceTable:
    """The `[workspace]` table of a root `Cargo.toml`."""

    members: tuple[str, ...]
    exclude: tuple[str, ...]
    # The path dependencies in `[workspace.dependencies]`: name, then package and directory.
    dependencies: tuple[tuple[str, tuple[str, str]], ...]


@dataclass(frozen=True)
class CargoToml:
    """A `Cargo.toml`, which may hold a package, a workspace, or both."""

    package: Manifest | None
    workspace: WorkspaceTable | None
    profiles: tuple[str, ...]


def parse_cargo_toml(content: bytes, path: str) -> CargoToml:
    """Reads a `Cargo.toml`; `path` is its own, relative to the root.

    Raises `MzbuildError` for a file that is not TOML, or whose tables have the wrong types.
    """
    table = _Table(read_toml(content, path), path)
    return CargoToml(
        package=_parse_package(table, path) if "package" in table.values else None,
        workspace=_parse_workspace(table.table("workspace"), posixpath.dirname(path))
        if "workspace" in table.values
        else None,
        profiles=tuple(table.table("profile").values),
    )


def _parse_package(table: _Table, path: str) -> Manifest:
    package = table.table("package")
    if not package.string("name"):
        raise MzbuildError(f"{path}: the package has no name. Add `name = …` under `[package]`.")
    directory = posixpath.dirname(path)
    bins, examples = table.tables("bin"), table.tables("example")
    declared = {"src/bin": bins, "examples": examples}
    declared["tests"], declared["benches"] = table.tables("test"), table.tables("bench")
    paths = ["src/lib.rs", "src/main.rs", "build.rs"]
    paths += [table.table("lib").string("path"), str(package.values.get("build", ""))]
    for target_directory, targets in declared.items():
        for target in targets:
            name = f"{target_directory}/{target.string('name')}"
            paths += [target.string("path") or f"{name}.rs", f"{name}/main.rs"]
    dependencies = [*_dependencies(table, directory, for_target=False)]
    platforms = table.table("target")
    for platform in platforms.values:
        dependencies += _dependencies(platforms.table(platform), directory, for_target=True)
    return Manifest(
        path=path,
        name=package.string("name"),
        dependencies=tuple(dependencies),
        bins=tuple(target.string("name") for target in bins),
        examples=tuple(target.string("name") for target in examples),
        autobins=package.values.get("autobins", True) is not False,
        autoexamples=package.values.get("autoexamples", True) is not False,
        target_paths=tuple(posixpath.normpath(path) for path in paths if path),
    )


def _dependencies(table: _Table, directory: str, *, for_target: bool) -> list[PathDependency]:
    found = []
    for kind in DependencyKind:
        dependencies = table.table(kind.value)
        for name, value in dependencies.values.items():
            if not isinstance(value, dict):
                continue
            if value.get("workspace") is True:
                # Whether it is a path dependency at all, the workspace's table tells.
                found.append(PathDependency(name, kind, None, for_target))
            elif isinstance(value.get("path"), str):
                found.append(
                    PathDependency(
                        str(value.get("package", name)),
                        kind,
                        _join(directory, value["path"]),
                        for_target,
                    )
                )
    return found


def _parse_workspace(table: _Table, directory: str) -> WorkspaceTable:
    dependencies = {
        name: (str(value.get("package", name)), _join(directory, value["path"]))
        for name, value in table.table("dependencies").values.items()
        if isinstance(value, dict) and isinstance(value.get("path"), str)
    }
    return WorkspaceTable(
        members=tuple(_join(directory, member) for member in table.strings("members")),
        exclude=tuple(_join(directory, path) for path in table.strings("exclude")),
        dependencies=tuple(sorted(dependencies.items())),
    )


def _join(directory: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(directory, path))
    return "" if joined == "." else joined


class _Table:
    """A table of the file, with reads that check types; `within` names it in messages."""

    def __init__(self, values: Mapping[str, Any], path: str, within: str = ""):
        self.values = values
        self._path = path
        self._within = within

    def table(self, name: str) -> _Table:
        return _Table(self._checked(name, dict, {}, "a table"), self._path, self._full(name))

    def tables(self, name: str) -> list[_Table]:
        items = self._checked(name, list, [], "a list of tables")
        if not all(isinstance(item, dict) for item in items):
            raise self._wrong(name, "a list of tables")
        return [_Table(item, self._path, f"[{self._full(name)}]") for item in items]

    def string(self, name: str) -> str:
        return str(self._checked(name, str, "", "a string"))

    def strings(self, name: str) -> tuple[str, ...]:
        items = self._checked(name, list, [], "a list of strings")
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "a list of strings")
        return tuple(items)

    def _checked(self, name: str, kind: type, default: Any, wanted: str) -> Any:
        value = self.values.get(name, default)
        if not isinstance(value, kind):
            raise self._wrong(name, wanted)
        return value

    def _wrong(self, name: str, wanted: str) -> MzbuildError:
        return MzbuildError(f"{self._path}: `{self._full(name)}` must be {wanted}.")

    def _full(self, name: str) -> str:
        return f"{self._within}.{name}" if self._within else name
