"""What fingerprints are made of now, and were made of in other revisions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.base.build_root import BuildRoot
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.ranked_value import Rank

from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.core.explain.past_options import OPTIONS, configured, past_configuration
from mzbuild.core.explain.snapshot import Snapshot, revision_snapshot
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.paths import leads_outside
from mzbuild.core.revisions.revision_tree import RevisionTree
from mzbuild.core.work_tree.files import WorkTree, read_content
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, rule, uncacheable_rule
from mzbuild.rules.fingerprints import input_records
from mzbuild.rules.images import Images
from mzbuild.rules.pants_targets import ActionTargets
from mzbuild.rules.past_declarations import BuildFileReader
from mzbuild.rules.repository import CONTENTS
from mzbuild.subsystems.mzbuild import Mzbuild
from mzbuild.subsystems.mzbuild_cargo import MzbuildCargo


@dataclass(frozen=True)
class RevisionSnapshotRequest:
    """A request for what fingerprints were made of in a revision, by any name that Git knows."""

    revision: str


@dataclass(frozen=True)
class RevisionSnapshot:
    """What fingerprints were made of in a revision."""

    snapshot: Snapshot


@rule
def current_snapshot(
    images: Images, survey: Survey, work_tree: WorkTree, configuration: Configuration
) -> Snapshot:
    return Snapshot(
        configuration, survey, images.graph.dependencies, input_records(images, work_tree)
    )


# A branch moves without any file of the work tree changing.
@uncacheable_rule
def snapshot_of_revision(
    request: RevisionSnapshotRequest,
    /,
    build_root: BuildRoot,
    session_values: SessionValues,
    images: Images,
    work_tree: WorkTree,
    listing: Listing,
    build_files: BuildFileReader,
    targets: ActionTargets,
    configuration: Configuration,
    mzbuild: Mzbuild,
    mzbuild_cargo: MzbuildCargo,
    global_options: GlobalOptions,
) -> RevisionSnapshot:
    root, revision = build_root.path, request.revision
    env = session_values[CompleteEnvironmentVars]
    tree = RevisionTree(root, env, revision)
    options = mzbuild.options
    then = past_configuration(
        configuration,
        {name for name in OPTIONS.values() if options.get_rank(name) > Rank.CONFIG},
        *_configured(tree, root, global_options.pants_config_files),
        revision,
    )
    try:
        declared = _declared(tree, build_files, images, work_tree, listing, env)
        cargo_root = mzbuild_cargo.workspace_root
        types = build_files.actions.types
        return RevisionSnapshot(
            revision_snapshot(tree, then, types, declared, cargo_root, targets.by_reference)
        )
    except MzbuildError as error:
        raise MzbuildError.of_lines(f"In `{revision}`: {error}") from None


def _declared(
    tree: RevisionTree,
    build_files: BuildFileReader,
    images: Images,
    work_tree: WorkTree,
    listing: Listing,
    env: CompleteEnvironmentVars,
) -> tuple[Image, ...]:
    """The images that have no `mzbuild.yml` in a revision."""
    then = tree.sha1s(build_files.select(tree.listing))
    now = {path: CONTENTS.get(work_tree, path).sha1 for path in build_files.select(listing)}
    if then == now:
        return tuple(image for image in images.graph.images if not image.declared_in_file)
    declared = build_files.images(tree.contents(then), env)
    return tuple(image for image in declared if image.mzbuild_yml not in tree.listing)


def _configured(
    tree: RevisionTree, root: str, config_files: Iterable[str]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the repository's configuration files say now, and what they said then."""
    paths = [os.path.relpath(os.path.join(root, path), root) for path in config_files]
    now = [(path, os.path.join(root, path)) for path in paths if not leads_outside(path)]
    contents = tree.contents(path for path, _ in now if path in tree.listing)
    return (
        configured((path, read_content(file)) for path, file in now if os.path.exists(file)),
        configured((path, contents[path]) for path, _ in now if path in contents),
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
