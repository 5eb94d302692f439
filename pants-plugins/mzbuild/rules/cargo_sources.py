"""The sources that Cargo builds from, as they are fingerprinted."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.fs import Digest
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from mzbuild.core.cargo_workspace import CargoWorkspace, shared_files
from mzbuild.core.configuration import Scheme
from mzbuild.core.image import CargoBuild
from mzbuild.core.listing import Listing
from mzbuild.core.work_tree import WorkTree
from mzbuild.rules.captured_files import CapturedFiles, CaptureFiles, files_to_capture
from mzbuild.rules.fingerprints import CrateInputs

# Where a sandbox has the sources that are to be staged.
_SOURCES = ".mzbuild-sources"


@dataclass(frozen=True)
class StagedSourcesRequest:
    """A request for the sources that an action is built from."""

    build: CargoBuild
    where: str


@dataclass(frozen=True)
class StagedSources:
    """Sources in Pants' store, in parts that change independently of one another.

    `plan` has each source as `cargo_staging` wants it; `parts` are by their directories.
    """

    plan: tuple[tuple[str, tuple[str, str, int]], ...]
    parts: tuple[tuple[str, Digest], ...]
    empty: tuple[str, ...]


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
    # Cargo reads the manifests of all members, whatever it builds: the lock file is about them all.
    others = [crate for crate in workspace.crates if crate not in closure]
    shared = shared_files(listing, Scheme.STRICT, workspace)
    groups = {crate.name: crates.files[crate.name] for crate in closure}
    groups[".shared"] = tuple({*shared, *(crate.manifest.path for crate in others)})
    requests = {
        name: files_to_capture(work_tree, sorted(paths), follow_links=True)
        for name, paths in groups.items()
    }
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
