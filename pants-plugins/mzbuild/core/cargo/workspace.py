"""The Cargo workspace: which crate has a binary, and what belongs to its closure."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Callable

from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.manifest import Dependency, DependencyKind, Manifest
from mzbuild.core.cargo.targets import known_features, switched_on
from mzbuild.core.configuration import Scheme
from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.git.glob import escape_glob
from mzbuild.core.paths import under
from mzbuild.core.work_tree.listing import Listing, is_under, less_nested, nesting

ROOT_MANIFEST = "Cargo.toml"
LOCK_FILE = "Cargo.lock"

# What every Cargo build has as inputs besides its crates: in the workspace's directory, in that and
# those above it (where Cargo and rustup look as well), and in the repository's root.
_ROOT_FILES = (ROOT_MANIFEST, LOCK_FILE)
_CONFIG_FILE = ".cargo/config"
_FILES_ABOVE = (_CONFIG_FILE,)
BUILDER_DIRECTORY = "ci/builder"
_DIRECTORIES = (BUILDER_DIRECTORY,)
# What the `mzbuild` scheme misses of them.
_TOOLCHAIN_FILES = ("rust-toolchain", "rust-toolchain.toml")
_CONFIG_TOML = ".cargo/config.toml"
_STRICT_FILES_ABOVE = (_CONFIG_TOML, *_TOOLCHAIN_FILES)


@dataclass(frozen=True)
class Crate:
    """A package of the repository and the names of what it builds.

    `dependencies` are the manifest's, with what the workspace says of them filled in. A crate that
    is no member is only depended on.
    """

    manifest: Manifest
    bins: frozenset[str]
    examples: frozenset[str]
    dependencies: tuple[Dependency, ...] = ()
    member: bool = True
    # Whether another crate has the package's name: a member, or one that is no member either.
    namesake: bool = False

    @property
    def name(self) -> str:
        """The package's name, with the directory where it needs that to be the only one."""
        return f"{self.package} ({self.directory})" if self.namesake else self.package

    @property
    def package(self) -> str:
        """The package's name."""
        return self.manifest.name

    @property
    def directory(self) -> str:
        """The package's directory, relative to the root."""
        return self.manifest.directory


@dataclass(frozen=True)
class VendoredPackage:
    """A directory of a source, with its files; `name` and `version` are None for what is no
    package of its own."""

    directory: str
    paths: tuple[str, ...]
    name: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class CargoWorkspace:
    """A workspace, with the crates that its members depend on by path; sorted by name."""

    crates: tuple[Crate, ...] = ()
    profiles: tuple[str, ...] = ()
    # The directory of the root manifest.
    root: str = ""
    # The version of Cargo's feature resolver.
    resolver: str = "1"
    # The directories of the crates that `[patch]`, or `paths` in a configuration file of Cargo,
    # puts in the place of others.
    patched: tuple[str, ...] = ()
    # The root manifests of other workspaces, from which crates inherit that are no members.
    manifests: tuple[str, ...] = ()
    # The files of Cargo's configuration, and those that they name.
    config_files: tuple[str, ...] = ()
    # What the repository has of other people's crates.
    vendored: tuple[VendoredPackage, ...] = ()
    # What keeps Cargo from building anything, in words.
    problems: tuple[str, ...] = ()
    # Why nothing is known of the workspace.
    error: str | None = None

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
        return self._the_one(self._by_bin, name, "binary", where)

    def example_crate(self, name: str, where: str) -> Crate:
        """The one crate that has this example."""
        return self._the_one(self._by_example, name, "example", where)

    def direct_dependencies(
        self,
        crate: Crate,
        scheme: Scheme,
        kinds: Container[DependencyKind] = (DependencyKind.NORMAL, DependencyKind.BUILD),
    ) -> tuple[Crate, ...]:
        """The crates that a crate's inputs lead to, by the rules of a scheme: its examples need
        dependencies of all kinds.

        Raises `MzbuildError` for a path at which there is no crate.
        """
        found: dict[str, Crate] = {}
        for dependency in crate.dependencies:
            if dependency.directory is None or dependency.kind not in kinds:
                continue
            if dependency.missed and scheme is Scheme.MZBUILD:
                continue
            target = self._at(crate, dependency, dependency.directory)
            found[target.name] = target
        return tuple(found.values())

    def namesakes(self, crate: Crate) -> tuple[Crate, ...]:
        """The other crates whose packages have the name of a crate's."""
        others = (other for other in self.crates if other is not crate)
        return tuple(other for other in others if other.package == crate.package)

    def check_known(self) -> None:
        """Raises `MzbuildError` where nothing is known of the workspace."""
        if self.error is not None:
            raise MzbuildError(self.error)

    def roots(self, build: CargoBuild, scheme: Scheme, where: str) -> tuple[Crate, ...]:
        """The crates that a `cargo-build` names, and what their examples need besides."""
        found = {}
        for name in build.bins:
            crate = self.bin_crate(name, where)
            found[crate.name] = crate
        for name in build.examples:
            crate = self.example_crate(name, where)
            found[crate.name] = crate
            for dependency in self.direct_dependencies(crate, scheme, (*DependencyKind,)):
                found[dependency.name] = dependency
        return tuple(found.values())

    def closure(self, roots: Iterable[Crate], scheme: Scheme) -> tuple[Crate, ...]:
        """The crates and all that they depend on, sorted by name."""
        found: dict[str, Crate] = {}
        pending = list(roots)
        if scheme is Scheme.STRICT:
            pending += [self.by_directory[directory] for directory in self.patched]
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

    def outside_files(self, crate: Crate, listing: Listing) -> tuple[str, ...]:
        """The sources of targets that lie outside of the crate, as in `path = "../main.rs"`, with
        those beside them, which may be their modules."""
        found: set[str] = set()
        for path in _target_files(crate):
            if path in listing and not is_under(path, crate.directory):
                found.add(path)
                beside = path.rpartition("/")[0]
                inner = [each for each in self.by_directory if is_under(each, beside)]
                nested = tuple(each for each in inner if each != beside)
                sources = less_nested(listing.under(beside), nested)
                found.update(each for each in sources if each.endswith(".rs"))
        return tuple(sorted(found))

    def placeholders(self, crate: Crate, listing: Listing) -> tuple[str, ...]:
        """The files that Cargo wants to see of a crate that it only reads the manifest of.

        They may be empty: that they are there is enough for the manifest to be accepted.
        """
        candidates = set(_target_files(crate))
        candidates.update(listing.under(under(crate.directory, "src/bin")))
        return tuple(sorted(path for path in candidates if path in listing))

    @cached_property
    def nested(self) -> Mapping[str, tuple[str, ...]]:
        """For each crate's directory the directories of the crates that lie in it."""
        return nesting(self.by_directory)

    def _the_one(self, index: Mapping[str, list[Crate]], name: str, kind: str, where: str) -> Crate:
        self.check_known()
        crates = index.get(name, [])
        members = [crate for crate in crates if crate.member]
        if len(members) == 1:
            return members[0]
        if members:
            raise MzbuildError(
                f"{where}: the {kind} `{name}` is in {len(members)} crates, "
                f"{listed(crate.manifest.path for crate in members)}. Rename all but one."
            )
        if crates:
            raise MzbuildError(
                f"{where}: the {kind} `{name}` is in {crates[0].manifest.path}, which is no member "
                "of the Cargo workspace. Add it to the members, or remove its exclusion."
            )
        raise MzbuildError(
            f"{where}: no crate of the Cargo workspace has the {kind} `{name}`."
            f"{nearest(name, index)}"
        )

    def _at(self, crate: Crate, dependency: Dependency, directory: str) -> Crate:
        found = self.by_directory.get(directory)
        if found is None:
            raise MzbuildError(no_crate_at(crate.manifest.path, dependency))
        if found.package != dependency.package:
            raise MzbuildError(
                f"{crate.manifest.path}: `{dependency.name}` is a path dependency on the package "
                f"`{dependency.package}`, but {found.manifest.path} names its package "
                f'`{found.package}`. Add `package = "{found.package}"`, or correct the path.'
            )
        return found

    def _has_feature(self, crates: Iterable[Crate], feature: str) -> bool:
        """Whether there is a feature `package/name`, of one of the crates or of a dependency."""
        package, _, name = feature.partition("/")
        package = package.rstrip("?")
        own = (crate for crate in crates if crate.package == package)
        # None is a dependency from elsewhere, which is Cargo's to judge.
        others = (
            None if each.directory is None else self.by_directory.get(each.directory)
            for crate in crates
            for each in crate.dependencies
            if each.name == package
        )
        found = (*own, *others)
        return any(each is None or name in known_features(each.manifest) for each in found)

    def check(self, build: CargoBuild, where: str) -> None:
        """Raises `MzbuildError` for what Cargo would refuse to build.

        That is a workspace with a mistake in it, a feature that no crate has, and a binary or
        example that needs features that are not asked for.
        """
        if self.problems:
            raise MzbuildError(*self.problems)
        crates = [self.bin_crate(name, where) for name in build.bins]
        crates += [self.example_crate(name, where) for name in build.examples]
        requested = [word for each in build.features for word in each.replace(",", " ").split()]
        known = frozenset().union(*(known_features(crate.manifest) for crate in crates))
        for feature in requested:
            if feature not in known and not ("/" in feature and self._has_feature(crates, feature)):
                raise MzbuildError(
                    f"{where}: `features: {feature}`: there is no such feature in "
                    f"{listed(sorted({crate.manifest.path for crate in crates}))}."
                    f"{nearest(feature, known)}"
                )
        for crate in crates:
            manifest = crate.manifest
            asked = [target for target in manifest.bins if target.name in build.bins]
            asked += [target for target in manifest.examples if target.name in build.examples]
            needed = [(target, each) for target in asked for each in target.required_features]
            on = self._features_on(crate, requested, crates) if needed else frozenset()
            for target, feature in needed:
                if "/" not in feature and feature not in on:
                    raise MzbuildError(
                        f"{where}: `{target.name}` of {manifest.path} is compiled only with the "
                        f"feature `{feature}`. Add that to the action's `features`."
                    )

    def _features_on(
        self, crate: Crate, requested: Iterable[str], roots: Iterable[Crate]
    ) -> frozenset[str]:
        """The features of a crate that any crate of a build may switch on."""
        on = {"default", *requested}
        on.update(each.partition("/")[2] for each in requested if f"{crate.name}/" in each)
        for other in self.closure(roots, Scheme.STRICT):
            for dependency in other.dependencies:
                if dependency.directory == crate.directory:
                    on.update(dependency.features)
        return switched_on(crate.manifest, on)


def _target_files(crate: Crate) -> list[str]:
    paths = crate.manifest.target_paths
    return [posixpath.normpath(under(crate.directory, path)) for path in paths]


def no_crate_at(path: str, dependency: Dependency) -> str:
    """Says of a manifest that a path dependency in it leads to no crate."""
    return (
        f"{path}: `{dependency.name}` is a path dependency on `{dependency.directory}`, but Git "
        "sees no `Cargo.toml` there. Correct the path, or have Git see the crate."
    )


def shared_files(
    listing: Listing, scheme: Scheme, workspace: CargoWorkspace = CargoWorkspace()
) -> tuple[str, ...]:
    """The inputs, sorted, that all Cargo builds have in common."""
    files = {name for name in _shared_names(scheme, workspace) if name in listing}
    for directory in _DIRECTORIES:
        files.update(listing.under(directory))
    return listing.followed(sorted(files))


def shared_globs(scheme: Scheme, workspace: CargoWorkspace = CargoWorkspace()) -> tuple[str, ...]:
    """Globs that select what `shared_files` may return; with them, in the strict scheme, what all
    builds may have from elsewhere: vendored crates, and those in the place of others."""
    directories = {*_DIRECTORIES}
    if scheme is Scheme.STRICT:
        directories.update(workspace.patched)
        packages = (each.directory for each in workspace.vendored if each.name is not None)
        directories.update(package.rpartition("/")[0] for package in packages)
    names = map(escape_glob, _shared_names(scheme, workspace))
    return (*names, *(f"{escape_glob(directory)}/**" for directory in sorted(directories)))


def toolchain_files(listing: Listing, workspace: CargoWorkspace) -> tuple[str, ...]:
    """What rustup reads to choose a compiler, with the workspace's manifest beside it."""
    names = [under(workspace.root, ROOT_MANIFEST), *_above(workspace.root, _TOOLCHAIN_FILES)]
    return listing.followed(name for name in names if name in listing)


def config_files(listing: Listing, root: str) -> tuple[str, ...]:
    """Cargo's configuration files that apply to the workspace in a directory, nearest first."""
    found = (name for name in _above(root, (_CONFIG_FILE, _CONFIG_TOML)) if name in listing)
    # Cargo reads one of each directory, the one without `.toml` where there are both.
    by_directory: dict[str, str] = {}
    for name in found:
        by_directory.setdefault(name.rpartition("/")[0], name)
    return tuple(by_directory.values())


def files_above(root: str) -> tuple[str, ...]:
    """What Cargo and rustup look for in a workspace's directory and in those above it."""
    return tuple(_above(root, _FILES_ABOVE + _STRICT_FILES_ABOVE))


def _shared_names(scheme: Scheme, workspace: CargoWorkspace) -> list[str]:
    root, strict = workspace.root, scheme is Scheme.STRICT
    return [
        *(under(root, name) for name in _ROOT_FILES),
        *_above(root, _FILES_ABOVE + (_STRICT_FILES_ABOVE if strict else ())),
        *((*workspace.manifests, *workspace.config_files) if strict else ()),
    ]


def _above(directory: str, names: Sequence[str]) -> Iterator[str]:
    """The paths of files by these names in a directory and in those above it."""
    while True:
        yield from (under(directory, name) for name in names)
        if not directory:
            return
        directory = directory.rpartition("/")[0]


def _index(
    crates: Iterable[Crate], names: Callable[[Crate], Iterable[str]]
) -> Mapping[str, list[Crate]]:
    index: dict[str, list[Crate]] = {}
    for crate in crates:
        for name in names(crate):
            index.setdefault(name, []).append(crate)
    return index
