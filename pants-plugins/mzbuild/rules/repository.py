"""What is in the work tree: its files, the declared images, the Cargo workspace.

Everything starts from a `WorkTree`, which is read anew in each run. What is derived from it is
memoized by Pants as long as it is equal, and what is parsed from a file as long as the file is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from pants.base.build_root import BuildRoot
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.cargo.config_file import CargoConfig, ConfigValues, merged_config, read_config
from mzbuild.core.cargo.includes import Reference, References, crate_inputs
from mzbuild.core.cargo.lock import CargoLock, parse_cargo_lock
from mzbuild.core.cargo.manifest import CargoToml, parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.cargo.vendored import NOTHING_VENDORED, Vendored
from mzbuild.core.cargo.workspace import LOCK_FILE, ROOT_MANIFEST, CargoWorkspace
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.known_files import content_cache, reference_cache
from mzbuild.core.image.mzbuild_yml import FILE_NAME, MzbuildYml, declared_in
from mzbuild.core.paths import under
from mzbuild.core.work_tree.files import FileCache, WorkTree, read_content
from mzbuild.core.work_tree.kept import KeptFileCache
from mzbuild.core.work_tree.links import LinkedListing, link_texts, linked_listing, outward_links
from mzbuild.core.work_tree.listing import Listing
from mzbuild.core.work_tree.own_files import own_file
from mzbuild.core.work_tree.reader import WorkTreeReader
from mzbuild.pants_api import collect_rules, concurrently, implicitly, rule, uncacheable_rule
from mzbuild.rules.pre_image import PreImageActions
from mzbuild.subsystems.mzbuild_cargo import MzbuildCargo

logger = logging.getLogger(__name__)

# These live as long as pantsd does, and what takes long to find out, longer. They are no state that
# a rule's result depends on: an entry is used only while the file's status vouches for it.
_reader = cache(WorkTreeReader)
CONTENTS = content_cache()
_REFERENCES = reference_cache()
_CARGO_CONFIGS = FileCache(lambda absolute, path: read_config(read_content(absolute), path))
_LOCKS = FileCache(lambda absolute, path: parse_cargo_lock(read_content(absolute), path))
_FILES = FileCache(lambda absolute, _: read_content(absolute))


@dataclass(frozen=True)
class DeclaredImages:
    """What the `mzbuild.yml` files say, sorted by path."""

    files: tuple[MzbuildYml, ...]


@dataclass(frozen=True)
class CargoManifests:
    """The contents of all `Cargo.toml` files, or why they cannot be read, by their paths."""

    by_path: Mapping[str, bytes | str]

    def at(self, path: str, called: str) -> CargoToml:
        """What is in a file, which a path leads to. Raises `MzbuildError` where it cannot be read
        or parsed.

        Not every one has to: there may be some that no workspace has, as in a test's data.
        """
        content = self.by_path[path]
        if isinstance(content, str):
            raise MzbuildError(content)
        return parse_cargo_toml(content, called)


@dataclass(frozen=True)
class WorkspaceLock:
    """What the workspace's `Cargo.lock` says, if there is one."""

    lock: CargoLock | None


@dataclass(frozen=True)
class RustReferences:
    """What Rust sources name of other files."""

    by_source: References


@dataclass(frozen=True)
class CrateInputs:
    """The files of each crate by its name, as the fingerprint scheme has them."""

    files: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class OutwardLinks:
    """The symlinks that lead to directories out of the repository."""

    paths: frozenset[str]


@dataclass(frozen=True)
class KeptFiles:
    """Where this clone keeps what is known of its files, for the next pantsd."""

    workdir: str

    @contextmanager
    def of(self, cache: KeptFileCache[Any], name: str, work_tree: WorkTree) -> Iterator[None]:
        """Has a cache know what was kept under a name, and keeps what it knows in the end.

        Not being able to keep it is no reason to fail.
        """
        place = ("mzbuild", name)
        cache.load(os.path.join(self.workdir, *place), work_tree.root)
        yield
        try:
            cache.save(own_file(self.workdir, *place), work_tree)
        except (OSError, MzbuildError) as error:
            logger.debug(f"What is known of files could not be kept: {error}")


# Pants learns of changed contents, but not of changed modes, symlinks or nested ignore files.
@uncacheable_rule
def current_work_tree(
    build_root: BuildRoot, session_values: SessionValues, global_options: GlobalOptions
) -> WorkTree:
    reader = _reader(
        build_root.path,
        _own_files(global_options, build_root),
        watch=global_options.pantsd,
        workdir=global_options.pants_workdir,
    )
    return reader.read(session_values[CompleteEnvironmentVars])


def _own_files(global_options: GlobalOptions, build_root: BuildRoot) -> tuple[str, ...]:
    """What Pants writes in each run, which Git may not have been told to ignore."""
    directories = (global_options.pants_workdir, global_options.pants_subprocessdir)
    relative = {os.path.relpath(directory, build_root.path) for directory in directories}
    # Later versions write there beside the work directory, too.
    relative.add(".pants.d")
    return (*(f"{directory}/" for directory in sorted(relative)), ".pants.workdir.file_lock")


@rule
def current_listing(work_tree: WorkTree) -> Listing:
    return Listing(tuple(work_tree.statuses))


@rule
def current_linked_listing(work_tree: WorkTree, listing: Listing) -> LinkedListing:
    return linked_listing(listing.paths, link_texts(work_tree))


@rule
def all_outward_links(work_tree: WorkTree) -> OutwardLinks:
    return OutwardLinks(outward_links(work_tree))


@rule
def declared_images(
    work_tree: WorkTree, listing: Listing, actions: PreImageActions
) -> DeclaredImages:
    def read(path: str) -> bytes:
        return _FILES.get(work_tree, path)

    paths = listing.named(FILE_NAME)
    work_tree.left_out.bring(paths)
    return DeclaredImages(tuple(declared_in(path, read, actions.types) for path in paths))


@rule
def cargo_manifests(work_tree: WorkTree, listing: Listing) -> CargoManifests:
    def content(path: str) -> bytes | str:
        try:
            return _FILES.get(work_tree, path)
        except MzbuildError as error:
            return str(error)

    paths = listing.named(ROOT_MANIFEST)
    work_tree.left_out.bring(paths)
    return CargoManifests({path: content(path) for path in paths})


@rule
def cargo_config(
    work_tree: WorkTree, listing: LinkedListing, mzbuild_cargo: MzbuildCargo
) -> CargoConfig:
    def read(path: str) -> ConfigValues:
        try:
            return _CARGO_CONFIGS.get(work_tree, listing.real(path))
        except MzbuildError:
            return {}  # Those whose input it is are told so.

    return merged_config(mzbuild_cargo.workspace_root, listing, read)


# From the manifests and not from the work tree, so that other files may change.
@rule
def cargo_workspace(
    manifests: CargoManifests,
    config: CargoConfig,
    listing: LinkedListing,
    mzbuild_cargo: MzbuildCargo,
) -> CargoWorkspace:
    root = mzbuild_cargo.workspace_root
    try:
        return load_workspace(
            listing, lambda path: manifests.at(listing.real(path), path), root, config
        )
    except MzbuildError as error:
        # That is for the images with a `cargo-build`; the others are none the worse for it.
        return CargoWorkspace(root=root, error=str(error))


@rule
def workspace_lock(
    work_tree: WorkTree, listing: LinkedListing, mzbuild_cargo: MzbuildCargo
) -> WorkspaceLock:
    path = under(mzbuild_cargo.workspace_root, LOCK_FILE)
    is_there = path in listing
    return WorkspaceLock(_LOCKS.get(work_tree, listing.real(path)) if is_there else None)


@rule
async def find_vendored(workspace: CargoWorkspace) -> Vendored:
    if not workspace.vendored:
        return NOTHING_VENDORED
    try:
        lock = (await workspace_lock(**implicitly())).lock
    except MzbuildError:
        lock = None  # Cargo says best what is wrong with it.
    return Vendored(workspace.vendored, lock)


@rule
def kept_files(global_options: GlobalOptions) -> KeptFiles:
    return KeptFiles(global_options.pants_workdir)


@rule
def all_rust_references(
    work_tree: WorkTree, listing: Listing, kept_files: KeptFiles
) -> RustReferences:
    def references(path: str) -> tuple[Reference, ...]:
        try:
            return _REFERENCES.get(work_tree, path)
        except MzbuildError:
            return ()  # Those whose input it is are told so.

    sources = [path for path in listing.paths if path.endswith(".rs")]
    work_tree.left_out.bring(sources)
    with kept_files.of(_REFERENCES, "references.json", work_tree):
        found = [(path, references(path)) for path in sources]
    return RustReferences({path: named for path, named in found if named})


@rule
async def all_crate_inputs(
    workspace: CargoWorkspace, listing: Listing, configuration: Configuration
) -> CrateInputs:
    if configuration.scheme is not Scheme.STRICT:
        return CrateInputs(crate_inputs(workspace, listing))
    linked, references = await concurrently(
        current_linked_listing(**implicitly()), all_rust_references(**implicitly())
    )
    return CrateInputs(crate_inputs(workspace, linked, references.by_source))


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
