"""What Cargo knows of packages from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules
from pants.option.global_options import GlobalOptions

from mzbuild.core.cargo.arguments import build_directory
from mzbuild.core.cargo.metadata import (
    CargoMetadata,
    metadata_command,
    metadata_scripts,
    read_metadata,
)
from mzbuild.core.cargo.plan import process_plan
from mzbuild.core.cargo.settings import CargoOptions, CargoSettings
from mzbuild.core.cargo.sources import SourceTree
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.image.declaration import CargoBuild
from mzbuild.rules.cargo.processes import CargoProcess, CargoProcessResult
from mzbuild.rules.cargo.results import CACHE, CargoCache
from mzbuild.rules.cargo.toolchain import RustToolchain, available_cores

# The last answer in each place, with what it depends on. It lives as long as pantsd does.
_KNOWN: dict[str, tuple[object, CargoMetadata]] = {}


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
    """What Cargo knows; nothing where it was not run, or cannot tell and is left to say why when
    it builds."""

    metadata: CargoMetadata | None


@_uncacheable_rule
async def known_packages(
    request: CargoMetadataRequest,
    workspace: CargoWorkspace,
    options: CargoOptions,
    tree: SourceTree,
    cache: CargoCache,
    build_root: BuildRoot,
    global_options: GlobalOptions,
) -> KnownPackages:
    settings = options.settings(request.configuration)
    toolchain = await Get(RustToolchain, CargoSettings, settings)
    compiler = toolchain.compiler
    directory = build_directory(request.configuration)
    place = str(global_options.named_caches_dir / cache.name / directory)
    depends_on = (tree.manifest_keys, settings, toolchain)
    if place in _KNOWN and _KNOWN[place][0] == depends_on:
        return KnownPackages(_KNOWN[place][1])
    if not request.may_run:
        return KnownPackages(None)
    # All that is going to be built, so that it is staged once.
    bins = {name for build in request.builds for name in build.bins}
    examples = {name for build in request.builds for name in build.examples}
    together = CargoBuild(tuple(sorted(bins)), tuple(sorted(examples)))
    plan = process_plan(
        f"{CACHE}/{directory}",
        build_root.path,
        workspace.root,
        tree.of(together, "A batch"),
        metadata_scripts(compiler),
        metadata_command(
            toolchain.cargo, settings.on_cores(available_cores()), compiler, workspace.root
        ),
        settings,
        {},
    )
    asking = CargoProcess(plan, settings, "Ask Cargo for the features of packages")
    done = (await Get(CargoProcessResult, CargoProcess, asking)).result
    if done.exit_code:
        return KnownPackages(None)
    metadata = read_metadata(done.stdout.decode(errors="replace"), place, settings, compiler)
    if metadata is not None:
        _KNOWN[place] = (depends_on, metadata)
    return KnownPackages(metadata)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
