"""One `cargo-build` action by itself: what its results depend on, and how they are made.

They are found by all that goes into the action, however they came to be: built alone, or together
with others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pants.engine.rules import Rule

from mzbuild.core.cargo.arguments import cargo_build_args
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.plan import action_key, action_steps
from mzbuild.core.cargo.program import cargo_program
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.sources import CargoSources, SourceTree
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration
from mzbuild.pants_api import collect_rules, implicitly, rule
from mzbuild.rules.cargo.toolchain import rust_toolchain
from mzbuild.rules.repository import WorkspaceLock


@dataclass(frozen=True)
class CargoAction:
    """An action; `where` names it, for errors."""

    build: CargoBuild
    where: str
    configuration: Configuration


@dataclass(frozen=True)
class CargoActionPlan:
    """What an action's results depend on, all of which is in `key`, and how they are made."""

    key: str
    sources: CargoSources
    steps: Mapping[str, Any]


@rule
async def plan_cargo_action(
    action: CargoAction,
    /,
    workspace: CargoWorkspace,
    options: CargoOptions,
    sources: SourceTree,
    locked: WorkspaceLock,
) -> CargoActionPlan:
    build, where = action.build, action.where
    settings = options.settings(action.configuration)
    toolchain = await rust_toolchain(settings, **implicitly())
    settings = settings.adding(build.flags)
    args = cargo_build_args(build, workspace, settings, locked.lock, where)
    steps = action_steps(build, settings, where)
    own = sources.of(build, where)
    key = action_key(steps, own.keys, args, settings, toolchain.compiler, cargo_program())
    return CargoActionPlan(key, own, steps)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
