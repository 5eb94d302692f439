"""Where pre-image actions find their inputs."""

from __future__ import annotations

from pants.engine.rules import Rule

from mzbuild.core.actions.action import Repository
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, rule
from mzbuild.rules.pants_targets import ActionTargets
from mzbuild.rules.repository import CrateInputs


@rule
def current_repository(
    listing: Listing,
    workspace: CargoWorkspace,
    crates: CrateInputs,
    configuration: Configuration,
    cargo_options: CargoOptions,
    targets: ActionTargets,
) -> Repository:
    return Repository(
        listing,
        workspace,
        crates.files,
        configuration.scheme,
        cargo_options=cargo_options,
        targets=targets.by_reference,
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
