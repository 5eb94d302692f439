"""What the backend `mzbuild` adds to Pants."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache

# First of all: it refuses the versions of Pants that lack what the others import.
from mzbuild import pants_api  # noqa: F401  # It is imported for that alone.

# isort: split

from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.engine.unions import UnionRule

from mzbuild import target_types as mzbuild_target_types
from mzbuild.actions import cargo_build as cargo_build_action
from mzbuild.actions import copy as copy_action
from mzbuild.actions import files as files_action
from mzbuild.actions import package as package_action
from mzbuild.actions import shell as shell_action
from mzbuild.actions import targets as target_actions
from mzbuild.core.safe import SafeRecords
from mzbuild.goals import (
    bake,
    check,
    clean,
    compose,
    describe,
    ensure,
    explain,
    fingerprint,
    graph,
    lint_images,
    list_images,
    mistyped,
    package_cargo_build,
    package_image,
    plan,
    publish_image,
    run_image,
    tag,
    tailor,
)
from mzbuild.rules import (
    acquire,
    action_inputs,
    build_files,
    build_image,
    captured_files,
    declarations,
    dependencies,
    docker_context,
    docker_engine,
    ensured_images,
    fingerprint_logs,
    fingerprints,
    graph_layout,
    host_tools,
    image_statuses,
    images,
    local_images,
    pants_targets,
    past_declarations,
    pre_image,
    progress,
    pull,
    refusals,
    registries,
    repository,
    selection,
    snapshots,
    synthetic_targets,
)
from mzbuild.rules.cargo import actions as cargo_actions
from mzbuild.rules.cargo import batch as cargo_batch
from mzbuild.rules.cargo import groups as cargo_groups
from mzbuild.rules.cargo import metadata as cargo_metadata
from mzbuild.rules.cargo import pre_image as cargo_pre_image
from mzbuild.rules.cargo import processes as cargo_processes
from mzbuild.rules.cargo import results as cargo_results
from mzbuild.rules.cargo import sources as cargo_sources
from mzbuild.rules.cargo import toolchain as cargo_toolchain
from mzbuild.streams import follow_streams

_MODULES = (
    acquire,
    action_inputs,
    bake,
    build_files,
    build_image,
    captured_files,
    cargo_actions,
    cargo_batch,
    cargo_build_action,
    cargo_groups,
    cargo_metadata,
    cargo_pre_image,
    cargo_processes,
    cargo_results,
    cargo_sources,
    cargo_toolchain,
    check,
    clean,
    compose,
    copy_action,
    declarations,
    dependencies,
    describe,
    docker_context,
    docker_engine,
    ensure,
    ensured_images,
    explain,
    files_action,
    fingerprint,
    fingerprint_logs,
    fingerprints,
    graph,
    graph_layout,
    host_tools,
    image_statuses,
    images,
    lint_images,
    list_images,
    local_images,
    mistyped,
    package_cargo_build,
    package_image,
    package_action,
    pants_targets,
    past_declarations,
    plan,
    pre_image,
    progress,
    pull,
    publish_image,
    refusals,
    registries,
    repository,
    run_image,
    selection,
    shell_action,
    snapshots,
    synthetic_targets,
    tag,
    tailor,
    target_actions,
)

# Here, because it has to be done before Pants asks for the first run's options.
follow_streams()
# All that is logged below passes by here on its way to Pants.
logging.getLogger("mzbuild").addHandler(SafeRecords())


def target_types() -> Iterable[type[Target]]:
    actions = (
        cargo_build_action.MzbuildCargoBuildTarget,
        copy_action.MzbuildCopyTarget,
        files_action.MzbuildSourcesTarget,
        package_action.MzbuildPackageTarget,
        shell_action.MzbuildShellTarget,
    )
    return (*mzbuild_target_types.target_types(), *actions)


# Pants asks for them in each run, also where its daemon has them, and collecting them takes a
# fifth of a run that has nothing to do.
@cache
def rules() -> Iterable[Rule | UnionRule]:
    return tuple(rule for module in _MODULES for rule in module.rules())
