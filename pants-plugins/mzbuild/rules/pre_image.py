"""Pre-image actions: what they put into a context before Docker reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pants.engine.fs import EMPTY_DIGEST, Digest, Directory
from pants.engine.rules import Rule

from mzbuild.core.image.copy_action import copied_files
from mzbuild.core.image.declaration import CargoBuild, Image, PreImage
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, get_digest_entries, implicitly, rule
from mzbuild.rules.captured_files import (
    Entry,
    capture_files,
    files_to_capture,
)
from mzbuild.rules.cargo.actions import CargoAction
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.cargo.pre_image import CargoBuildRequest, cargo_build


@dataclass(frozen=True)
class PreImageRequest:
    """A request for the results of one of an image's actions."""

    image: Image
    action: PreImage
    # What Cargo is asked for, for this action and others.
    batch: CargoBatch


@dataclass(frozen=True)
class PreImageResult:
    """The files that an action makes, by their paths in the context.

    `debug` has those that stay out of it: debug information that was split off.
    """

    entries: tuple[Entry, ...]
    debug: Digest = EMPTY_DIGEST


@rule
async def run_pre_image(
    request: PreImageRequest, /, work_tree: WorkTree, listing: Listing
) -> PreImageResult:
    image, action = request.image, request.action
    if isinstance(action, CargoBuild):
        asked = CargoAction(action, image.origin, request.batch.configuration)
        built = await cargo_build(CargoBuildRequest(asked, request.batch), **implicitly())
        entries = await get_digest_entries(built.digest, **implicitly())
        files = tuple(entry for entry in entries if not isinstance(entry, Directory))
        return PreImageResult(files, built.debug)
    copied = copied_files(image, action, listing)
    # What the fingerprint covers of a symlink to a file is the file: so that is what is copied.
    captured = await capture_files(
        files_to_capture(work_tree, copied.values(), follow_links=True), **implicitly()
    )
    return PreImageResult(
        tuple(
            replace(entry, path=destination) for destination, entry in zip(copied, captured.entries)
        )
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
