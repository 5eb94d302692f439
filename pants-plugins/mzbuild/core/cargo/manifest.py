"""One `Cargo.toml`: what the closure of a binary is computed from.

The format is Cargo's: https://doc.rust-lang.org/cargo/reference/manifest.html
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.toml_reader import read_toml

WILDCARD = re.compile(r"[*?\[]")
"""What makes a pattern for directories of an entry of `members`."""

# Each is compared with each directory.
_MOST_GLOBS = 200


class DependencyKind(Enum):
    """The table that a dependency stands in."""

    NORMAL = "dependencies"
    BUILD = "build-dependencies"
    DEV = "dev-dependencies"


@dataclass(frozen=True)
class Dependency:
    """A dependency of a package, on another crate of the repository or on one from elsewhere."""

    # What the manifest calls it, and what the package calls itself.
    name: str
    package: str
    kind: DependencyKind = DependencyKind.NORMAL
    # Where the crate is, relative to the repository's root; None for one from elsewhere.
    directory: str | None = None
    # `workspace = true`: the workspace's table says what it is.
    inherited: bool = False
    # Under `[target.'…']`, inherited, or in a table whose name has a `_`: the `mzbuild` scheme
    # does not see those.
    missed: bool = False
    optional: bool = False
    default_features: bool = True
    features: tuple[str, ...] = ()
    # What stands in `[target.'…']`.
    platform: str | None = None


@dataclass(frozen=True)
class CargoTarget:
    """A binary or an example that a manifest declares; `path` is relative to the package."""

    name: str
    path: str | None = None
    required_features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What a `Cargo.toml` says of one package; see also `WorkspaceTable`."""

    path: str
    name: str
    dependencies: tuple[Dependency, ...]
    bins: tuple[CargoTarget, ...]
    examples: tuple[CargoTarget, ...]
    # Where the sources of the declared targets, the library and the build script may be,
    # relative to the package's directory.
    target_paths: tuple[str, ...]
    # Whether there is a `[lib]`.
    declares_lib: bool = False
    # None where the manifest does not say, and the edition decides.
    autobins: bool | None = None
    autoexamples: bool | None = None
    default_run: str = ""
    version: str = "0.0.0"
    # By name, each with the features that it switches on.
    features: tuple[tuple[str, tuple[str, ...]], ...] = ()
    # None where it is inherited.
    edition: str | None = "2015"
    # What the workspace is to say instead: `package.version`, `lints`.
    inherited: tuple[str, ...] = ()
    # The directory of `package.workspace`, relative to the repository's root.
    workspace: str | None = None
    # Whether it is a compiler plugin: its features are resolved like those of build dependencies.
    proc_macro: bool = False

    @cached_property
    def directory(self) -> str:
        """The package's directory, relative to the root."""
        return posixpath.dirname(self.path)

    @cached_property
    def inherits_dependencies(self) -> bool:
        """Whether any dependency is what the workspace says it is."""
        return any(dependency.inherited for dependency in self.dependencies)


@dataclass(frozen=True)
class WorkspaceTable:
    """The `[workspace]` table of a root `Cargo.toml`; directories are the repository's."""

    members: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    resolver: str = ""
    # What members may inherit: `package.version`, `lints`.
    inheritable: frozenset[str] = frozenset()
    # The edition that members may inherit.
    edition: str = "2015"


@dataclass(frozen=True)
class CargoToml:
    """A `Cargo.toml`, which may hold a package, a workspace, or both."""

    package: Manifest | None
    workspace: WorkspaceTable | None
    profiles: tuple[str, ...] = ()
    # The path dependencies in `[patch]` and `[replace]`.
    patches: tuple[Dependency, ...] = ()


# Pants' view, Git's and those of revisions have mostly the same files.
@lru_cache(maxsize=1 << 14)
def parse_cargo_toml(content: bytes, path: str) -> CargoToml:
    """Reads a `Cargo.toml`; `path` is its own, relative to the root.

    Raises `MzbuildError` for a file that is not TOML, or whose tables have the wrong types.
    """
    table = _Table(read_toml(content, path), path)
    directory = posixpath.dirname(path)
    # `[project]` is what `[package]` was called once; Cargo still reads it.
    package = next((name for name in ("package", "project") if name in table.values), None)
    return CargoToml(
        package=None if package is None else _parse_package(table, table.table(package), path),
        workspace=_parse_workspace(table.table("workspace"), path)
        if "workspace" in table.values
        else None,
        profiles=tuple(table.table("profile").values),
        patches=patches_in(table.values, path, directory),
    )


def patches_in(values: Mapping[str, Any], path: str, directory: str) -> tuple[Dependency, ...]:
    """The path dependencies in `[patch]` and `[replace]` of a file, relative to a directory.

    Raises `MzbuildError` for tables that have the wrong types.
    """
    table = _Table(values, path)
    patch = table.table("patch")
    sources = [patch.table(source) for source in patch.values] + [table.table("replace")]
    patches = (each for source in sources for each in _dependencies(source, directory))
    return tuple(each for each in patches if each.directory is not None)


def _parse_package(table: _Table, package: _Table, path: str) -> Manifest:
    if not package.string("name"):
        raise MzbuildError(f"{path}: the package has no name. Add `name = …` under `[package]`.")
    directory = posixpath.dirname(path)
    bins, examples = _targets(table, "bin", path), _targets(table, "example", path)
    lib = table.table("lib")
    inherited = [f"package.{name}" for name, value in package.values.items() if _inherits(value)]
    inherited += ["lints"] if _inherits(table.values.get("lints")) else []
    return Manifest(
        path=path,
        name=package.string("name"),
        dependencies=tuple(_all_dependencies(table, directory)),
        bins=bins,
        examples=examples,
        target_paths=_target_paths(table, package, bins, examples, path),
        declares_lib="lib" in table.values,
        autobins=package.boolean("autobins"),
        autoexamples=package.boolean("autoexamples"),
        default_run=package.string("default-run"),
        version=_version(package),
        features=tuple(
            (name, table.table("features").strings(name)) for name in table.table("features").values
        ),
        edition=None if "package.edition" in inherited else package.string("edition") or "2015",
        inherited=tuple(inherited),
        workspace=_join(directory, package.string("workspace"))
        if "workspace" in package.values
        else None,
        proc_macro=lib.boolean("proc-macro") or lib.boolean("proc_macro") or False,
    )


def _version(package: _Table) -> str:
    value = package.values.get("version")
    return value if isinstance(value, str) else Manifest.version


def _targets(table: _Table, kind: str, path: str) -> tuple[CargoTarget, ...]:
    targets = []
    for target in table.tables(kind):
        if not target.string("name"):
            raise MzbuildError(f"{path}: a `[[{kind}]]` has no name. Add `name = …` to it.")
        source = target.string("path")
        targets.append(
            CargoTarget(
                target.string("name"),
                posixpath.normpath(source) if source else None,
                target.strings("required-features"),
            )
        )
    return tuple(targets)


def _target_paths(
    table: _Table,
    package: _Table,
    bins: tuple[CargoTarget, ...],
    examples: tuple[CargoTarget, ...],
    path: str,
) -> tuple[str, ...]:
    build = package.values.get("build")
    paths = ["src/lib.rs", "src/main.rs", "build.rs", build if isinstance(build, str) else ""]
    paths.append(table.table("lib").string("path"))
    declared = {
        "src/bin": bins,
        "examples": examples,
        "tests": _targets(table, "test", path),
        "benches": _targets(table, "bench", path),
    }
    for directory, targets in declared.items():
        for target in targets:
            paths += [target.path] if target.path else default_paths(directory, target.name)
    return tuple(posixpath.normpath(path) for path in paths if path)


def default_paths(directory: str, name: str) -> list[str]:
    """Where Cargo looks for a target that has no `path`."""
    return [f"{directory}/{name}.rs", f"{directory}/{name}/main.rs"]


def _all_dependencies(table: _Table, directory: str) -> list[Dependency]:
    platforms = table.table("target")
    places = [(table, None), *((platforms.table(name), name) for name in platforms.values)]
    found = []
    for place, platform in places:
        missed = platform is not None
        for kind in DependencyKind:
            own = _dependencies(place.table(kind.value), directory, kind, missed=missed)
            old_name = kind.value.replace("-", "_")
            if old_name != kind.value:
                own += _dependencies(place.table(old_name), directory, kind, missed=True)
            found += [replace(each, platform=platform) for each in own]
    return found


def _dependencies(
    table: _Table,
    directory: str,
    kind: DependencyKind = DependencyKind.NORMAL,
    *,
    missed: bool = False,
) -> list[Dependency]:
    found = []
    for name, value in table.values.items():
        if not isinstance(value, dict):
            found.append(Dependency(name, name, kind, missed=missed))
            continue
        entry = table.table(name)
        inherited = _inherits(value)
        path = None if inherited else value.get("path")
        default_features = entry.boolean("default-features")
        found.append(
            Dependency(
                name=name,
                package=entry.string("package") or name,
                kind=kind,
                directory=_join(directory, entry.string("path")) if path is not None else None,
                inherited=inherited,
                missed=missed or inherited,
                optional=entry.boolean("optional") or False,
                # One that is inherited can only add them.
                default_features=not inherited if default_features is None else default_features,
                features=entry.strings("features"),
            )
        )
    return found


def _inherits(value: Any) -> bool:
    return isinstance(value, dict) and value.get("workspace") is True


def _parse_workspace(table: _Table, path: str) -> WorkspaceTable:
    directory = posixpath.dirname(path)
    package = table.table("package")
    members = table.strings("members")
    if len([*filter(WILDCARD.search, members)]) > _MOST_GLOBS:
        raise MzbuildError(
            f"{path}: `workspace.members` has more than {_MOST_GLOBS} patterns. Name directories."
        )
    inheritable = {f"package.{name}" for name in package.values}
    return WorkspaceTable(
        members=tuple(_join(directory, member) for member in members),
        exclude=tuple(_join(directory, path) for path in table.strings("exclude")),
        dependencies=tuple(_dependencies(table.table("dependencies"), directory)),
        resolver=table.string("resolver"),
        inheritable=frozenset(inheritable | ({"lints"} & set(table.values))),
        edition=package.string("edition") or "2015",
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

    def boolean(self, name: str) -> bool | None:
        if name not in self.values:
            return None
        return bool(self._checked(name, bool, False, "`true` or `false`"))

    def _checked(self, name: str, kind: type, default: Any, wanted: str) -> Any:
        value = self.values.get(name, default)
        if not isinstance(value, kind):
            raise self._wrong(name, wanted)
        return value

    def _wrong(self, name: str, wanted: str) -> MzbuildError:
        return MzbuildError(f"{self._path}: `{self._full(name)}` must be {wanted}.")

    def _full(self, name: str) -> str:
        return f"{self._within}.{name}" if self._within else name
