"""The sources that Cargo builds from, and what tells their contents from any others.

They come in parts, one for each crate, and a part is looked at once however many builds have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256

from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.manifest import DependencyKind
from mzbuild.core.cargo.memory import CONFIGURATION, ELSEWHERE, SHARED
from mzbuild.core.cargo.vendored import Vendored
from mzbuild.core.cargo.workspace import CargoWorkspace, Crate, shared_files
from mzbuild.core.configuration import Scheme
from mzbuild.core.work_tree.files import (
    SYMLINK,
    ContentDigests,
    FileCache,
    WorkTree,
    followed_mode,
)
from mzbuild.core.work_tree.links import LinkedListing, link_text, outer_directory

# A file's content, by its SHA-256 (of a symlink that stays one, its text), and its mode.
Source = tuple[str, int]


@dataclass(frozen=True)
class SourcePart:
    """Files that belong together, by their paths; `key` is another when any of it is.

    Where they are all that a package has, `package` is its name.
    """

    name: str
    key: str
    files: Mapping[str, Source] = field(compare=False)
    package: str | None = None


@dataclass(frozen=True)
class CargoSources:
    """What a build is of. `empty` has the files that only have to be there."""

    parts: tuple[SourcePart, ...]
    empty: tuple[str, ...]
    # Where those lie that are not at their paths in the work tree.
    elsewhere: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def keys(self) -> tuple[object, ...]:
        """What is another when any source is."""
        return (*((part.name, part.key) for part in self.parts), self.empty)

    @property
    def files(self) -> Mapping[str, tuple[str, str, int]]:
        """Each file by its path, as `cargo.staging` wants it."""
        return {
            path: (part.name, *source) for part in self.parts for path, source in part.files.items()
        }

    @property
    def packages(self) -> Mapping[str, tuple[str | None, str]]:
        """Each part's package and key by its name, as `cargo.memory` wants them."""
        return {part.name: (part.package, part.key) for part in self.parts}

    def beyond(self, own: CargoSources) -> Mapping[str, Sequence[str]]:
        """What of these sources others lack that are among them, as `cargo.staging` wants it."""
        names, known = ({part.name for part in each.parts} for each in (self, own))
        # Of a crate that they lack, they may have the manifest, or what their own sources name.
        all_the_same = {path for part in own.parts if part.name not in names for path in part.files}
        all_the_same |= {
            path for path in self._repeated if any(path in part.files for part in own.parts)
        }
        return {"others": sorted(names - known), "own": sorted(all_the_same)}

    @cached_property
    def _repeated(self) -> frozenset[str]:
        """The files that are in several parts."""
        counts = Counter(path for part in self.parts for path in part.files)
        return frozenset(path for path, count in counts.items() if count > 1)


class SourceParts:
    """Gives parts, and remembers them for as long as the status of every file is the same."""

    def __init__(self, contents: FileCache[ContentDigests]):
        self._contents = contents
        self._known: dict[tuple[str, str], tuple[Sequence[str], Sequence[bytes], SourcePart]] = {}

    def part(
        self, work_tree: WorkTree, name: str, paths: tuple[str, ...], package: str | None = None
    ) -> SourcePart:
        """The part by this name, of these files; raises `MzbuildError` if one cannot be read."""
        statuses = tuple(map(work_tree.statuses.__getitem__, paths))
        known = self._known.get((work_tree.root, name))
        if known is not None and known[:2] == (paths, statuses):
            return replace(known[2], package=package)
        files = {path: self._source(work_tree, path) for path in paths}
        lines = "".join(f"{path}\0{mode:o}\0{content}\0" for path, (content, mode) in files.items())
        key = sha256(lines.encode(errors="surrogateescape")).hexdigest()
        part = SourcePart(name, key, files, package)
        self._known[work_tree.root, name] = (paths, statuses, part)
        return part

    def _source(self, work_tree: WorkTree, path: str) -> Source:
        mode = followed_mode(work_tree, path)
        if mode == SYMLINK:
            # Others on the way out of the work tree may not be staged.
            return outer_directory(work_tree, path) or link_text(work_tree, path), mode
        return self._contents.get(work_tree, path).sha256, mode


@dataclass(frozen=True)
class SourceTree:
    """The files of a work tree that Cargo may be given.

    `crate_files` are those of each crate by its name; `vendored` is what the repository has of
    other people's crates, in parts.
    """

    workspace: CargoWorkspace
    listing: LinkedListing
    work_tree: WorkTree
    crate_files: Mapping[str, tuple[str, ...]]
    vendored: Vendored
    _parts: SourceParts = field(compare=False)
    _given: dict[str, SourcePart] = field(default_factory=dict, compare=False)

    def of(self, build: CargoBuild, where: str) -> CargoSources:
        """What an action is built from; `where` names it in errors.

        Raises `MzbuildError` for a binary, an example or a crate that is not there, and for a file
        that cannot be read.
        """
        # What is compiled may be more than what is fingerprinted: the `mzbuild` scheme does not
        # look at every table of a manifest, but Cargo does. Files outside of crates have to be
        # inputs.
        roots = self.workspace.roots(build, Scheme.STRICT, where)
        closure = {crate.name for crate in self.workspace.closure(roots, Scheme.STRICT)}
        others = [crate for crate in self.workspace.crates if crate.name not in closure]
        parts = (
            *self._common,
            *map(self._built, sorted(closure)),
            # Cargo reads the manifests of all members, whatever it builds: the lock file is about
            # them all.
            *map(self._manifest, others),
        )
        return CargoSources(
            parts,
            tuple(
                path
                for crate in others
                for path in self.listing.followed(self.workspace.placeholders(crate, self.listing))
                if not any(path in part.files for part in parts)
            ),
            self.work_tree.elsewhere(path for part in parts for path in part.files),
        )

    @property
    def manifest_keys(self) -> tuple[object, ...]:
        """What is another when Cargo may tell something else of packages and their features."""
        parts = (*self._common, *map(self._manifest, self.workspace.crates))
        return tuple((part.name, part.key) for part in parts)

    @property
    def _common(self) -> tuple[SourcePart, ...]:
        shared = shared_files(self.listing, Scheme.STRICT, self.workspace)
        configuration = self.listing.followed(
            path for path in self.workspace.config_files if path in self.listing
        )
        return (
            *self._vendored,
            self._part(SHARED, (path for path in shared if path not in configuration)),
            self._part(CONFIGURATION, configuration),
        )

    def _built(self, name: str) -> SourcePart:
        """A crate, with a key that is another one, too, when what its build script is built on is:
        nothing that the script has once made is to stay then."""
        crate = self.workspace.by_name[name]
        part = self._whole(crate)
        made_of = self.workspace.direct_dependencies(crate, Scheme.STRICT, (DependencyKind.BUILD,))
        if not made_of:
            return part
        others = map(self._whole, self.workspace.closure(made_of, Scheme.STRICT))
        keys = (part.key, *(other.key for other in others))
        return replace(part, key=sha256("".join(keys).encode()).hexdigest())

    def _whole(self, crate: Crate) -> SourcePart:
        name = crate.name
        files, more = self.crate_files[name], {*self.workspace.outside_files(crate, self.listing)}
        if self.listing.texts:
            # The `mzbuild` scheme goes through no symlink, but Cargo does.
            more.update(self.workspace.files(crate, self.listing))
        return self._part(name, sorted({*files, *more}) if more else files, crate.package)

    def _manifest(self, crate: Crate) -> SourcePart:
        return self._part(f"{crate.name}/", (crate.manifest.path,))

    def _part(self, name: str, paths: Iterable[str], package: str | None = None) -> SourcePart:
        if name not in self._given:
            listed = self.listing.followed(paths)
            own = tuple(path for path in listed if path not in self.vendored.paths)
            self._given[name] = self._parts.part(self.work_tree, name, own, package)
        return self._given[name]

    @cached_property
    def _vendored(self) -> tuple[SourcePart, ...]:
        return tuple(
            self._parts.part(self.work_tree, f"{each.directory}{ELSEWHERE}", each.paths, each.name)
            for each in self.vendored.packages
        )
