"""What Cargo knows of packages from elsewhere."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.cargo.arguments import build_directory
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.metadata import (
    CargoMetadata,
    failure,
    fetched_state,
    metadata_command,
    metadata_scripts,
    read_metadata,
)
from mzbuild.core.cargo.plan import process_plan
from mzbuild.core.cargo.settings import CargoOptions
from mzbuild.core.cargo.sources import SourceTree
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Configuration
from mzbuild.pants_api import collect_rules, implicitly, uncacheable_rule
from mzbuild.rules.cargo.processes import CargoProcess, carry_out
from mzbuild.rules.cargo.results import CACHE, CargoCache
from mzbuild.rules.cargo.toolchain import (
    available_cores,
    cargo_environment,
    rust_toolchain,
)

logger = logging.getLogger(__name__)

# The last answer in each place, with what it depends on; None where there is none to be had. It
# lives as long as pantsd does.
_KNOWN: dict[str, tuple[object, CargoMetadata | None]] = {}


@dataclass(frozen=True)
class CargoMetadataRequest:
    """A request for what Cargo knows of the packages that builds may need.

    If it may not be run, that is what it has told before.
    """

    configuration: Configuration
    builds: tuple[CargoBuild, ...]
    may_run: bool


@dataclass(frozen=True)
class KnownPackages:
    """What Cargo knows; nothing where it was not run, or cannot tell, which is said once for as
    long as what that depends on is the same."""

    metadata: CargoMetadata | None


@uncacheable_rule
async def known_packages(
    request: CargoMetadataRequest,
    /,
    workspace: CargoWorkspace,
    options: CargoOptions,
    tree: SourceTree,
    cache: CargoCache,
    build_root: BuildRoot,
    global_options: GlobalOptions,
) -> KnownPackages:
    settings = options.settings(request.configuration)
    toolchain = await rust_toolchain(settings, **implicitly())
    compiler = toolchain.compiler
    directory = build_directory(request.configuration)
    place = str(global_options.named_caches_dir / cache.name / directory)
    environment = await cargo_environment(settings, **implicitly())
    depends_on = (tree.manifest_keys, settings, toolchain)
    unfetched = (depends_on, fetched_state(environment.tools))
    if place in _KNOWN and _KNOWN[place][0] in (depends_on, unfetched):
        return KnownPackages(_KNOWN[place][1])
    if not request.may_run:
        return KnownPackages(None)
    # All that is going to be built, so that it is staged once.
    bins = {name for build in request.builds for name in build.bins}
    examples = {name for build in request.builds for name in build.examples}
    together = CargoBuild(tuple(sorted(bins)), tuple(sorted(examples)))
    sources = tree.of(together, "A batch")
    counted = settings.on_cores(available_cores())

    def asking(*, offline: bool) -> CargoProcess:
        plan = process_plan(
            f"{CACHE}/{directory}",
            build_root.path,
            workspace.root,
            sources,
            metadata_scripts(compiler),
            metadata_command(toolchain.cargo, counted, compiler, workspace.root, offline=offline),
            settings,
            {},
        )
        return CargoProcess(plan, settings, "Ask Cargo for the features of packages")

    done = (await carry_out(asking(offline=True), **implicitly())).result
    if done.exit_code:
        logger.info("Cargo fetches what it lacks of the packages in Cargo.lock")
        done = (await carry_out(asking(offline=False), **implicitly())).result
    output = done.stdout.decode(errors="replace")
    if done.exit_code:
        logger.warning(
            "Cargo does not tell which features packages have, so that programs may be built one "
            "after another that might be built together. It says: "
            f"{failure(output + done.stderr.decode(errors='replace'))}"
        )
        _KNOWN[place] = ((depends_on, fetched_state(environment.tools)), None)
        return KnownPackages(None)
    metadata = read_metadata(output, place, settings, compiler)
    if metadata is not None:
        _KNOWN[place] = (depends_on, metadata)
    return KnownPackages(metadata)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
