"""The Cargo workspace: which crate has a binary, and what belongs to its closure.

How Cargo finds members and targets: https://doc.rust-lang.org/cargo/reference/workspaces.html
and https://doc.rust-lang.org/cargo/reference/cargo-targets.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Callable

from mzbuild.core.cargo_manifest import (
    CargoToml,
    DependencyKind,
    Manifest,
    PathDependency,
    WorkspaceTable,
)
from mzbuild.core.configuration import Scheme
from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.image import CargoBuild, under
from mzbuild.core.listing import Listing, less_nested, nesting

ROOT_MANIFEST = "Cargo.toml"

# What every Cargo build has as inputs besides its crates.
_SHARED_FILES = ("Cargo.toml", "Cargo.lock", ".cargo/config")
_SHARED_DIRECTORIES = ("ci/builder",)
# What the `mzbuild` scheme misses of them.
_STRICT_SHARED_FILES = (".cargo/config.toml", "rust-toolchain", "rust-toolchain.toml")


@dataclass(frozen=True)
class Crate:
    """A package of the workspace and the names of what it builds."""

    manifest: Manifest
    bins: frozenset[str]
    examples: frozenset[str]

    @property
    def name(self) -> str:
        """The package's name."""
        return self.manifest.name

    @property
    def directory(self) -> str:
        """The package's directory, relative to the root."""
        return self.manifest.directory


@dataclass(frozen=True)
class CargoWorkspace:
    """All crates of a workspace, sorted by name."""

    crates: tuple[Crate, ...] = ()
    dependencies: tuple[tuple[str, tuple[str, str]], ...] = ()
    profiles: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Crate]:
        """The crates by their packages' names."""
        return {crate.name: crate for crate in self.crates}

    @cached_property
    def by_directory(self) -> Mapping[str, Crate]:
        """The crates by their directories."""
        return {crate.directory: crate for crate in self.crates}

    @cached_property
    def _by_bin(self) -> Mapping[str, list[Crate]]:
        return _index(self.crates, lambda crate: crate.bins)

    @cached_property
    def _by_example(self) -> Mapping[str, list[Crate]]:
        return _index(self.crates, lambda crate: crate.examples)

    def bin_crate(self, name: str, where: str) -> Crate:
        """The one crate that has this binary; `where` names who asks, for the error if none."""
        return _the_one(self._by_bin, name, "binary", where)

    def example_crate(self, name: str, where: str) -> Crate:
        """The one crate that has this example."""
        return _the_one(self._by_example, name, "example", where)

    def direct_dependencies(
        self, crate: Crate, scheme: Scheme, *, dev: bool = False
    ) -> tuple[Crate, ...]:
        """The crates that a crate's inputs lead to, by the rules of a scheme.

        `dev` adds the crate's development dependencies, as its examples need them. Raises
        `MzbuildError` for a path at which there is no crate.
        """
        kinds = {DependencyKind.NORMAL, DependencyKind.BUILD}
        if dev:
            kinds.add(DependencyKind.DEV)
        found: dict[str, Crate] = {}
        for dependency in crate.manifest.dependencies:
            if dependency.kind not in kinds:
                continue
            known_gap = dependency.for_target or dependency.directory is None
            if known_gap and scheme is Scheme.MZBUILD:
                continue
            target = self._resolve(crate, dependency)
            if target is not None:
                found[target.name] = target
        return tuple(found.values())

    def roots(self, build: CargoBuild, scheme: Scheme, where: str) -> tuple[Crate, ...]:
        """The crates that a `cargo-build` names, and what their examples need besides."""
        found = {}
        for name in build.bins:
            crate = self.bin_crate(name, where)
            found[crate.name] = crate
        for name in build.examples:
            crate = self.example_crate(name, where)
            found[crate.name] = crate
            for dependency in self.direct_dependencies(crate, scheme, dev=True):
                found[dependency.name] = dependency
        return tuple(found.values())

    def closure(self, roots: Iterable[Crate], scheme: Scheme) -> tuple[Crate, ...]:
        """The crates and all that they depend on, sorted by name."""
        found: dict[str, Crate] = {}
        pending = list(roots)
        while pending:
            crate = pending.pop()
            if crate.name not in found:
                found[crate.name] = crate
                pending.extend(self.direct_dependencies(crate, scheme))
        return tuple(found[name] for name in sorted(found))

    def files(self, crate: Crate, listing: Listing) -> tuple[str, ...]:
        """The files of one crate, sorted: all in its directory but another crate's."""
        files = less_nested(listing.under(crate.directory), self.nested[crate.directory])
        skipped = under(crate.directory, "mzcompose")
        return tuple(
            path
            for path in files
            if not path.startswith(skipped)
            or not (path in (skipped, f"{skipped}.py") or path.startswith(f"{skipped}/"))
        )

    def placeholders(self, crate: Crate, listing: Listing) -> tuple[str, ...]:
        """The files that Cargo wants to see of a crate that it only reads the manifest of.

        They may be empty: that they are there is enough for the manifest to be accepted.
        """
        candidates = {under(crate.directory, path) for path in crate.manifest.target_paths}
        candidates.update(listing.under(under(crate.directory, "src/bin")))
        return tuple(sorted(path for path in candidates if path in listing))

    @cached_property
    def nested(self) -> Mapping[str, tuple[str, ...]]:
        """For each crate's directory the directories of the crates that lie in it."""
        return nesting(self.by_directory)

    def _resolve(self, crate: Crate, dependency: PathDependency) -> Crate | None:
        directory = dependency.directory
        if directory is None:
            declared = dict(self.dependencies).get(dependency.package)
            if declared is None:
                return None  # The workspace takes it from elsewhere than a path.
            directory = declared[1]
        if directory not in self.by_directory:
            raise MzbuildError(
                f"{crate.manifest.path}: `{dependency.package}` is a path dependency on "
                f"`{directory}`, but Git sees no `Cargo.toml` there. Correct the path, or have "
                "Git see the crate."
            )
        return self.by_directory[directory]


def shared_files(listing: Listing, scheme: Scheme) -> tuple[str, ...]:
    """The inputs, sorted, that all Cargo builds have in common."""
    names = _SHARED_FILES + (_STRICT_SHARED_FILES if scheme is Scheme.STRICT else ())
    files = [name for name in names if name in listing]
    for directory in _SHARED_DIRECTORIES:
        files += listing.under(directory)
    return tuple(sorted(files))


def shared_globs(scheme: Scheme) -> tuple[str, ...]:
    """Globs that select what `shared_files` may return."""
    names = _SHARED_FILES + (_STRICT_SHARED_FILES if scheme is Scheme.STRICT else ())
    return (*names, *(f"{directory}/**" for directory in _SHARED_DIRECTORIES))


def load_workspace(
    listing: Listing, read: Callable[[str], CargoToml], *, skip_missing: bool = False
) -> CargoWorkspace:
    """The workspace whose root manifest is at the repository's root; empty where there is none.

    `read` gives the parsed `Cargo.toml` at a path of the listing. Raises `MzbuildError` for two
    packages of the same name, and, unless told to skip it, for a member that is not there.
    """
    if ROOT_MANIFEST not in listing:
        return CargoWorkspace()
    root = read(ROOT_MANIFEST)
    workspace = root.workspace or WorkspaceTable((), (), ())
    pending = [""] if root.package else []
    pending += _members(workspace, listing, skip_missing)
    crates: dict[str, Crate] = {}
    while pending:
        directory = pending.pop()
        manifest = read(under(directory, ROOT_MANIFEST)).package
        if directory in crates or manifest is None:
            continue
        crates[directory] = _crate(manifest, listing)
        # A path dependency is a member without being listed as one.
        paths = [dependency.directory for dependency in manifest.dependencies]
        paths += [path for _, (_, path) in workspace.dependencies]
        pending += [
            path for path in paths if path is not None and under(path, ROOT_MANIFEST) in listing
        ]
    by_name: dict[str, Crate] = {}
    for crate in crates.values():
        other = by_name.setdefault(crate.name, crate)
        if other is not crate:
            raise MzbuildError(
                f"{crate.manifest.path} and {other.manifest.path} both name their package "
                f"`{crate.name}`. Rename one of them."
            )
    return CargoWorkspace(
        crates=tuple(by_name[name] for name in sorted(by_name)),
        dependencies=workspace.dependencies,
        profiles=root.profiles,
    )


def _members(workspace: WorkspaceTable, listing: Listing, skip_missing: bool) -> list[str]:
    found: list[str] = []
    directories: list[str] | None = None
    for member in workspace.members:
        if not re.search(r"[*?\[]", member):
            if under(member, ROOT_MANIFEST) not in listing:
                if skip_missing:
                    continue
                raise MzbuildError(
                    f"{ROOT_MANIFEST}: the workspace's member `{member}` has no `Cargo.toml` "
                    "that Git sees. Add it, or remove the member."
                )
            found.append(member)
            continue
        if directories is None:
            directories = [path.rpartition("/")[0] for path in listing.named(ROOT_MANIFEST)]
        found += [directory for directory in directories if _matches(member, directory)]
    return [
        directory
        for directory in found
        if not any(_matches(f"{excluded}/**", directory) for excluded in workspace.exclude)
    ]


def _matches(pattern: str, directory: str) -> bool:
    """Whether a glob of Cargo, whose wildcards match no "/", selects a directory.

    The part `**` stands for any number of directories.
    """
    part, _, further = pattern.partition("/")
    if part == "**":
        ends = [index for index, char in enumerate(f"{directory}/") if char == "/"]
        return not further or any(_matches(further, directory[end + 1 :]) for end in (-1, *ends))
    name, _, inner = directory.partition("/")
    if not name or not fnmatchcase(name, part):
        return False
    return _matches(further, inner) if further else not inner


def _crate(manifest: Manifest, listing: Listing) -> Crate:
    bins, examples = set(manifest.bins), set(manifest.examples)
    if manifest.autobins:
        if under(manifest.directory, "src/main.rs") in listing:
            bins.add(manifest.name)
        bins |= _automatic(under(manifest.directory, "src/bin"), listing)
    if manifest.autoexamples:
        examples |= _automatic(under(manifest.directory, "examples"), listing)
    return Crate(manifest, frozenset(bins), frozenset(examples))


def _automatic(directory: str, listing: Listing) -> set[str]:
    names = set()
    for path in listing.under(directory):
        name, _, rest = path[len(directory) + 1 :].partition("/")
        if not rest and name.endswith(".rs"):
            names.add(name[: -len(".rs")])
        elif rest == "main.rs":
            names.add(name)
    return names


def _index(
    crates: Iterable[Crate], names: Callable[[Crate], Iterable[str]]
) -> Mapping[str, list[Crate]]:
    index: dict[str, list[Crate]] = {}
    for crate in crates:
        for name in names(crate):
            index.setdefault(name, []).append(crate)
    return index


def _the_one(index: Mapping[str, list[Crate]], name: str, kind: str, where: str) -> Crate:
    crates = index.get(name, [])
    if len(crates) == 1:
        return crates[0]
    if crates:
        raise MzbuildError(
            f"{where}: the {kind} `{name}` is in {len(crates)} crates, "
            f"{listed(crate.manifest.path for crate in crates)}. Rename all but one."
        )
    raise MzbuildError(
        f"{where}: no crate of the Cargo workspace has the {kind} `{name}`.{nearest(name, index)}"
    )
