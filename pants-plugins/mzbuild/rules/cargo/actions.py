"""One `cargo-build` action by itself: what its results depend on, and where they are found.

They are looked up in Pants' cache by all that goes into the action, however they came to be: built
alone, or together with others. So the process that Pants caches does not compile anything. It
fetches what lies ready under the action's key, and fails where nothing does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pants.base.build_root import BuildRoot
from pants.engine.process import Process
from pants.engine.rules import Rule, collect_rules, rule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from mzbuild.core.cargo.arguments import build_directory, cargo_build_args
from mzbuild.core.cargo.directories import cache_name
from mzbuild.core.cargo.plan import action_key, action_steps, names
from mzbuild.core.cargo.program import cargo_program
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.sources import CargoSources, SourceTree
from mzbuild.core.cargo.workspace import LOCK_FILE, CargoWorkspace
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.image.declaration import CargoBuild, under
from mzbuild.core.work_tree.listing import Listing
from mzbuild.rules.cargo.toolchain import RustToolchain

# Where the sandbox has the directory that outlives it, and where results are fetched to.
CACHE = ".mzbuild-cargo"
FETCHED = "fetched"


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
    collect: Process

    @property
    def lookup(self) -> Process:
        """Finds the results in Pants' cache or nowhere, since it cannot see where they lie ready.

        To the cache it is the same process as `collect`, but within a run the one can find what
        the other did not.
        """
        return replace(self.collect, append_only_caches=FrozenDict())


@dataclass(frozen=True)
class CargoCache:
    """The directory that outlives sandboxes, as processes know it."""

    name: str

    @property
    def mounted(self) -> FrozenDict[str, str]:
        return FrozenDict({self.name: CACHE})


@rule
def cargo_cache(build_root: BuildRoot) -> CargoCache:
    # Another clone of the repository builds in a directory of its own, and still finds what this
    # one has built: the name is not part of what Pants' own cache looks results up by.
    return CargoCache(cache_name(build_root.path))


@rule
def plan_cargo_action(
    action: CargoAction,
    workspace: CargoWorkspace,
    listing: Listing,
    options: CargoOptions,
    toolchain: RustToolchain,
    sources: SourceTree,
    cache: CargoCache,
) -> CargoActionPlan:
    build, where = action.build, action.where
    settings = options.settings(action.configuration).adding(build.flags)
    locked = under(workspace.root, LOCK_FILE) in listing
    args = cargo_build_args(build, workspace, settings, where, locked=locked)
    steps = action_steps(build, settings, where)
    own = sources.of(build, where)
    key = action_key(steps, own.keys, args, settings, toolchain.compiler, cargo_program())
    collect = Process(
        (
            "/bin/cp",
            "-R",
            f"{CACHE}/{build_directory(action.configuration)}/results/{key}",
            FETCHED,
        ),
        append_only_caches=cache.mounted,
        output_directories=(FETCHED,),
        description=f"Fetch what Cargo has built: {names([build])}",
        level=LogLevel.DEBUG,
    )
    return CargoActionPlan(key, own, steps, collect)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
