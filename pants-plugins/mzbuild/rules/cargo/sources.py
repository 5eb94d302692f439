"""The sources that Cargo builds from, as they are fingerprinted."""

from __future__ import annotations

from dataclasses import dataclass, field

from pants.engine.fs import Digest
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from mzbuild.core.cargo.vendored import vendored_directories
from mzbuild.core.cargo.workspace import CargoWorkspace, config_files, shared_files
from mzbuild.core.fingerprint.configuration import Scheme
from mzbuild.core.image.declaration import CargoBuild
from mzbuild.core.work_tree.files import FileCache, WorkTree, read_content
from mzbuild.core.work_tree.listing import Listing
from mzbuild.rules.captured_files import CapturedFiles, CaptureFiles, files_to_capture
from mzbuild.rules.fingerprints import CrateInputs

# Where a sandbox has the sources that are to be staged.
_SOURCES = ".mzbuild-sources"

_VENDORED = FileCache(lambda absolute, path: vendored_directories(read_content(absolute), path))


@dataclass(frozen=True)
class StagedSourcesRequest:
    """A request for the sources that an action is built from."""

    build: CargoBuild
    where: str


@dataclass(frozen=True)
class StagedSources:
    """Sources in Pants' store, in parts that change independently of one another.

    `plan` has each source as `cargo.staging` wants it; `parts` are by their directories.
    """

    plan: tuple[tuple[str, tuple[str, str, int]], ...]
    parts: tuple[tuple[str, Digest], ...]
    empty: tuple[str, ...]


@dataclass(frozen=True)
class VendoredSources:
    """What the repository has of other people's crates; see `vendored_directories`.

    It is in no fingerprint by itself: `Cargo.lock` has its checksums, which Cargo verifies.
    """

    files: CaptureFiles
    paths: frozenset[str] = field(hash=False)


@rule
def vendored_sources(
    workspace: CargoWorkspace, work_tree: WorkTree, listing: Listing
) -> VendoredSources:
    configs = config_files(listing, workspace)
    directories = {each for path in configs for each in _VENDORED.get(work_tree, path)}
    paths = frozenset(path for each in directories for path in listing.under(each))
    return VendoredSources(files_to_capture(work_tree, sorted(paths), follow_links=True), paths)


@rule
async def staged_sources(
    request: StagedSourcesRequest,
    workspace: CargoWorkspace,
    crates: CrateInputs,
    work_tree: WorkTree,
    listing: Listing,
) -> StagedSources:
    # What is compiled may be more than what is fingerprinted: the `mzbuild` scheme does not look
    # at every table of a manifest, but Cargo does. Files outside of crates have to be inputs.
    roots = workspace.roots(request.build, Scheme.STRICT, request.where)
    closure = workspace.closure(roots, Scheme.STRICT)
    groups = {crate.name: crates.files[crate.name] for crate in closure}
    # Cargo reads the manifests of all members, whatever it builds: the lock file is about them all.
    others = [crate for crate in workspace.crates if crate.name not in groups]
    shared = shared_files(listing, Scheme.STRICT, workspace)
    groups[".shared"] = (*shared, *(crate.manifest.path for crate in others))
    vendored = await Get(VendoredSources)
    requests = {
        name: files_to_capture(work_tree, sorted({*paths} - vendored.paths), follow_links=True)
        for name, paths in groups.items()
    }
    # It is much: in a part of its own, it need not be handled whenever something else changes.
    requests[".vendored"] = vendored.files
    captured = await MultiGet(
        Get(CapturedFiles, CaptureFiles, capture) for capture in requests.values()
    )
    plan = {
        file.path: (f"{_SOURCES}/{name}", file.name, file.mode)
        for name, capture in requests.items()
        for file in capture.files
    }
    return StagedSources(
        plan=tuple(sorted(plan.items())),
        parts=tuple((f"{_SOURCES}/{name}", part.digest) for name, part in zip(requests, captured)),
        empty=tuple(
            path
            for crate in others
            for path in workspace.placeholders(crate, listing)
            if path not in plan
        ),
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
