"""Loads a Cargo workspace: its members, the crates that they depend on by path, their targets.

What counts as a member follows Cargo: https://doc.rust-lang.org/cargo/reference/workspaces.html
and, where that says little, what `cargo metadata` lists. Where Cargo would refuse, so does this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Callable

from mzbuild.core.cargo.config_file import NO_CONFIG, CargoConfig
from mzbuild.core.cargo.manifest import (
    WILDCARD,
    CargoToml,
    Dependency,
    DependencyKind,
    Manifest,
)
from mzbuild.core.cargo.manifest import WorkspaceTable as Table
from mzbuild.core.cargo.patches import patched_crates
from mzbuild.core.cargo.targets import find_targets
from mzbuild.core.cargo.vendored import vendored_packages
from mzbuild.core.cargo.workspace import ROOT_MANIFEST, CargoWorkspace, Crate, no_crate_at
from mzbuild.core.errors import MzbuildError, nearest
from mzbuild.core.paths import under
from mzbuild.core.work_tree.listing import Listing, is_under, with_directories


def load_workspace(
    listing: Listing,
    read: Callable[[str], CargoToml],
    root: str = "",
    config: CargoConfig = NO_CONFIG,
    *,
    lenient: bool = False,
) -> CargoWorkspace:
    """The workspace whose root manifest is in a directory; empty where the root has none.

    `root` is relative to the repository's root, and `read` gives the parsed `Cargo.toml` at a path
    of the listing. `config` is Cargo's configuration that applies to it.

    Raises `MzbuildError`, unless `lenient`, for two members of the same name, and for a root or a
    member that is not there. What else Cargo would refuse is for whoever builds: see
    `CargoWorkspace.problems`.
    """
    if under(root, ROOT_MANIFEST) not in listing:
        if root and not lenient:
            raise MzbuildError(
                f"[mzbuild-cargo].workspace is `{root}`, but Git sees no "
                f"`{under(root, ROOT_MANIFEST)}`. Correct the option, or have Git see the file."
            )
        return CargoWorkspace(root=root)
    loading = _Loading(listing, read, root, config, lenient)
    loading.add_members()
    loading.add_others()
    crates = [loading.crate(directory) for directory in (*loading.members, *loading.others)]
    by_package: dict[str, list[Crate]] = {}
    for crate in crates:
        by_package.setdefault(crate.package, []).append(crate)
    by_name: dict[str, Crate] = {}
    for package, namesakes in by_package.items():
        members = [crate for crate in namesakes if crate.member]
        if len(members) > 1 and not lenient:
            first, other, *_ = members
            raise MzbuildError(
                f"{other.manifest.path} and {first.manifest.path} both name their package "
                f"`{package}`. Rename one of them."
            )
        # A member is known by its package's name alone.
        plain = members[:1] or (namesakes if len(namesakes) == 1 else [])
        named = [*plain, *(replace(each, namesake=True) for each in namesakes if each not in plain)]
        by_name.update({crate.name: crate for crate in named})
    root_toml = loading.at(root)
    assert root_toml is not None
    return CargoWorkspace(
        crates=tuple(by_name[name] for name in sorted(by_name)),
        profiles=tuple(dict.fromkeys((*root_toml.profiles, *config.profiles))),
        root=root,
        resolver=_resolver(root_toml),
        patched=loading.patched,
        manifests=tuple(sorted(loading.manifests)),
        config_files=config.files,
        vendored=vendored_packages(listing, config.vendored, loading.at),
        problems=tuple(loading.problems),
    )


def _resolver(toml: CargoToml) -> str:
    """The version of the feature resolver: said, or by the edition of a root that is a package."""
    if toml.workspace is not None and toml.workspace.resolver:
        return toml.workspace.resolver
    edition = toml.package.edition if toml.package is not None else "2015"
    if edition is None and toml.workspace is not None:
        edition = toml.workspace.edition
    return {"2021": "2", "2024": "3"}.get(edition or "", "1")


class _Loading:
    """A workspace that is being loaded."""

    def __init__(
        self,
        listing: Listing,
        read: Callable[[str], CargoToml],
        root: str,
        config: CargoConfig,
        lenient: bool,
    ):
        self._listing = listing
        self._read = read
        self._root = root
        self._config = config
        self._lenient = lenient
        # The directories of crates.
        self.members: dict[str, None] = {}
        self.others: dict[str, None] = {}
        self.patched: tuple[str, ...] = ()
        # The root manifests of other workspaces, which their members inherit from.
        self.manifests: set[str] = set()
        # What Cargo would refuse, each once, in the order in which it was found.
        self.problems: dict[str, None] = {}
        self._resolved: dict[str, tuple[Dependency, ...]] = {}

    def at(self, directory: str) -> CargoToml | None:
        """The manifest in a directory, if there is one."""
        path = under(directory, ROOT_MANIFEST)
        return self._read(path) if path in self._listing else None

    @cached_property
    def _table(self) -> Table | None:
        toml = self.at(self._root)
        return None if toml is None else toml.workspace

    def add_members(self) -> None:
        """Finds the members: those that are listed, and what they depend on by path."""
        root_manifest = under(self._root, ROOT_MANIFEST)
        if self._table is None:
            owner = self._root_of(self._root)
            if owner not in (None, self._root):
                self._refuse(
                    f"{root_manifest}: this package is in the workspace of "
                    f"`{under(owner or '', ROOT_MANIFEST)}`, so Cargo would not take it for a "
                    f"root. Set [mzbuild-cargo].workspace to `{owner or '.'}`."
                )
            self._add_member(self._root, root_manifest, implicit=False)
            return
        pending = [
            (directory, False, root_manifest)
            for member in self._table.members
            for directory in self._expand(member)
        ]
        toml = self.at(self._root)
        if toml is not None and toml.package is not None:
            pending.append((self._root, False, root_manifest))
        while pending:
            directory, implicit, where = pending.pop()
            if directory in self.members or self._is_excluded(directory):
                continue
            # A path dependency that lies elsewhere is a member only if it says so itself.
            outside = implicit and not is_under(directory, self._root)
            if outside and self._root_of(directory) != self._root:
                continue
            dependencies = self._add_member(directory, where, implicit=implicit)
            where = under(directory, ROOT_MANIFEST)
            pending += [(path, True, where) for path in _paths(dependencies)]

    def add_others(self) -> None:
        """Finds the crates that members depend on by path without their being members."""
        toml = self.at(self._root)
        patches = () if toml is None else toml.patches
        self.patched, problems = patched_crates(
            self._listing, self.at, under(self._root, ROOT_MANIFEST), patches, self._config
        )
        self.problems.update(dict.fromkeys(problems))
        pending = [*self.patched]
        for directory in self.members:
            pending += self._needed_by(directory, self._dependencies(directory))
        while pending:
            directory = pending.pop()
            toml = self.at(directory)
            known = directory in self.members or directory in self.others
            if known or toml is None or toml.package is None:
                continue
            self.others[directory] = None
            # Cargo reads no development dependencies of what it does not test.
            pending += self._needed_by(
                directory,
                (
                    dependency
                    for dependency in self._dependencies(directory)
                    if dependency.kind is not DependencyKind.DEV
                ),
            )

    def _needed_by(self, directory: str, dependencies: Iterable[Dependency]) -> list[str]:
        """The directories of path dependencies; one without a crate is a problem."""
        paths = []
        for dependency in dependencies:
            if dependency.directory is not None:
                paths.append(dependency.directory)
                if self.at(dependency.directory) is None:
                    self._refuse(no_crate_at(under(directory, ROOT_MANIFEST), dependency))
        return paths

    def crate(self, directory: str) -> Crate:
        """The crate in a directory that was found."""
        manifest = self._manifest(directory)
        edition = manifest.edition
        if edition is None:
            table = self._table_of(directory)
            edition = "2015" if table is None else table.edition
        bins, examples, problems = find_targets(manifest, edition, self._listing)
        self.problems.update(dict.fromkeys(problems))
        return Crate(
            manifest, bins, examples, self._dependencies(directory), directory in self.members
        )

    def _refuse(self, problem: str) -> None:
        self.problems[problem] = None

    def _manifest(self, directory: str) -> Manifest:
        toml = self.at(directory)
        assert toml is not None
        assert toml.package is not None
        return toml.package

    def _add_member(self, directory: str, where: str, *, implicit: bool) -> tuple[Dependency, ...]:
        path, root_manifest = f"{under(directory, ROOT_MANIFEST)}", under(self._root, ROOT_MANIFEST)
        toml = self.at(directory)
        listed = self._table is not None and directory in self._table.members
        if toml is None and listed and not self._lenient:
            raise MzbuildError(
                f"{where}: the workspace's member `{directory}` has no `Cargo.toml` that Git sees. "
                "Add it, or remove the member."
            )
        if toml is None:
            # Of a path without a crate, whoever needs it is told.
            if not implicit:
                self._refuse(
                    f"{where}: `members` selects `{directory}`, which has no `Cargo.toml` that Git "
                    "sees. Exclude it, or select less."
                )
            return ()
        if toml.workspace is not None and directory != self._root:
            self._refuse(
                f"{path}: a member of the workspace of {root_manifest} has a `[workspace]` of its "
                f"own. Remove that, or exclude the member."
            )
        if toml.package is None:
            self._refuse(f"{path}: {where} has this as a package, but it has no `[package]`.")
            return ()
        self.members[directory] = None
        owner = self._root_of(directory)
        if self._table is not None and owner is None:
            self._refuse(
                f"{path}: {root_manifest} has this as a member, but it lies elsewhere and does not "
                "say so. Add `workspace = …`, the path to the workspace, under `[package]`."
            )
        elif self._table is not None and owner not in (None, self._root, directory):
            self._refuse(
                f"{path}: {root_manifest} has this as a member, but it belongs to the workspace of "
                f"{under(owner or '', ROOT_MANIFEST)}. Remove it from one of them."
            )
        self._check_inherited(toml.package)
        return self._dependencies(directory)

    def _expand(self, member: str) -> Iterable[str]:
        """The directories that an entry of `members` stands for."""
        wildcard = WILDCARD.search(member)
        if wildcard is None:
            return [member]
        prefix = member[: wildcard.start()].rpartition("/")[0]
        directories = sorted(self._listing.directories(prefix))
        return [each for each in directories if matches(member, each)] or [member]

    def _is_excluded(self, directory: str) -> bool:
        return self._table is not None and _excludes(self._table, directory)

    def _root_of(self, directory: str) -> str | None:
        """The directory of the workspace that a crate belongs to, found as Cargo does it."""
        toml = self.at(directory)
        if toml is not None and toml.workspace is not None:
            return directory
        if toml is not None and toml.package is not None and toml.package.workspace is not None:
            return toml.package.workspace
        inside = self._table is not None and is_under(directory, self._root)
        if inside and not self._is_excluded(directory):
            return self._root
        outer = directory
        while outer:
            outer = outer.rpartition("/")[0]
            above = self.at(outer)
            if above is None:
                continue
            if above.workspace is not None and not _excludes(above.workspace, directory):
                return outer
            if above.package is not None and above.package.workspace is not None:
                return above.package.workspace
        return None

    def _table_of(self, directory: str) -> Table | None:
        """The `[workspace]` that a crate inherits from."""
        if directory in self.members:
            return self._table
        owner = self._root_of(directory)
        if owner is None:
            return None
        toml = self.at(owner)
        if owner != self._root:
            self.manifests.add(under(owner, ROOT_MANIFEST))
        return None if toml is None else toml.workspace

    def _dependencies(self, directory: str) -> tuple[Dependency, ...]:
        """A crate's dependencies, with what its workspace says of them filled in."""
        if directory not in self._resolved:
            self._resolved[directory] = self._resolve(directory)
        return self._resolved[directory]

    def _resolve(self, directory: str) -> tuple[Dependency, ...]:
        manifest = self._manifest(directory)
        if not manifest.inherits_dependencies:
            return manifest.dependencies
        table = self._table_of(directory) or Table()
        declared = {dependency.name: dependency for dependency in table.dependencies}
        found = []
        for dependency in manifest.dependencies:
            if not dependency.inherited:
                found.append(dependency)
            elif dependency.name in declared:
                inherited = declared[dependency.name]
                found.append(
                    replace(
                        dependency,
                        package=inherited.package,
                        directory=inherited.directory,
                        inherited=False,
                        default_features=dependency.default_features or inherited.default_features,
                        features=(*inherited.features, *dependency.features),
                    )
                )
            else:
                self._refuse(
                    f"{manifest.path}: `{dependency.name}.workspace = true`, but the workspace has "
                    f"no `{dependency.name}` in `[workspace.dependencies]`."
                    f"{nearest(dependency.name, declared)}"
                )
        return tuple(found)

    def _check_inherited(self, manifest: Manifest) -> None:
        table = self._table_of(manifest.directory) or Table()
        for field in manifest.inherited:
            if field not in table.inheritable:
                self._refuse(
                    f"{manifest.path}: `{field}.workspace = true`, but the workspace has no "
                    f"`workspace.{field}`. Add it to the workspace's `Cargo.toml`."
                )


def _paths(dependencies: Iterable[Dependency]) -> list[str]:
    return [each.directory for each in dependencies if each.directory is not None]


def _excludes(table: Table, directory: str) -> bool:
    above = frozenset(with_directories(directory))
    # Cargo expands no globs there. What is listed by its own path is a member all the same.
    return not above.isdisjoint(table.exclude) and above.isdisjoint(table.members)


def matches(pattern: str, directory: str) -> bool:
    """Whether a glob of Cargo, whose wildcards match no "/", selects a directory.

    The part `**` stands for any number of directories.
    """
    names = directory.split("/") if directory else []
    # How many of the names the parts so far may match.
    counts = {0}
    for part in pattern.split("/"):
        if part == "**" and counts:
            counts = {*range(min(counts), len(names) + 1)}
        else:
            counts = {
                count + 1
                for count in counts
                if count < len(names) and fnmatchcase(names[count], part)
            }
    return len(names) in counts
