"""How Cargo is called: the options, and the Rust toolchain of the machine that Pants runs on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pants.base.build_root import BuildRoot
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.session import SessionValues
from pants.engine.process import Process, ProcessCacheScope
from pants.engine.rules import Rule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from mzbuild.core.cargo.installed import compiler_state
from mzbuild.core.cargo.prefix import (
    compiler_by_prefix,
    no_compiler,
    prefix_state,
    rustc_version_args,
)
from mzbuild.core.cargo.settings import CargoOptions, CargoSettings
from mzbuild.core.cargo.workspace import BUILDER_DIRECTORY, CargoWorkspace, toolchain_files
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.core.work_tree.links import LinkedListing
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    execute_process,
    implicitly,
    rule,
    uncacheable_rule,
)
from mzbuild.rules.captured_files import (
    capture_files,
    files_to_capture,
)
from mzbuild.rules.docker_engine import DOCKER_ENV_NAMES
from mzbuild.rules.host_tools import HostTool, HostToolRequest, find_host_tool
from mzbuild.subsystems.mzbuild_cargo import MzbuildCargo

_ENV_NAMES = ("CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SSL_CERT_FILE")
# No program reads it: it makes another process of one that might say something else.
_STATE = "MZBUILD_COMPILER_STATE"
_INSTALL_RUST = "Install Rust: https://rustup.rs, or `apt-get install cargo`."


@dataclass(frozen=True)
class CargoEnvironment:
    """The variables that Cargo is run with: those that every tool gets, and those that are passed
    to it by their names, which nobody else may see."""

    tools: FrozenDict[str, str]
    passed: FrozenDict[str, str] = field(repr=False)


@dataclass(frozen=True)
class PrefixedCompilerRequest:
    """A request for the compiler that the command prefix of settings leads to; `files` are those
    of the repository that it may depend on."""

    settings: CargoSettings
    files: tuple[str, ...]


@dataclass(frozen=True)
class PrefixedCompiler:
    """What tells the compiler that the command prefix leads to from any other."""

    identity: str


@dataclass(frozen=True)
class CompilerStateRequest:
    """A request for the state of the compiler that a program is or leads to."""

    rustc: HostTool
    toolchain_files: tuple[str, ...]


@dataclass(frozen=True)
class CompilerState:
    """What is another when the compiler may be; None where nothing but itself can tell."""

    state: str | None


@dataclass(frozen=True)
class RustToolchain:
    """Cargo, as a path or as the command prefix knows it, and what tells its compiler from any
    other."""

    cargo: str
    compiler: str


# The compilers that prefixes lead to, by what they depend on. They live as long as pantsd does: to
# ask may mean to start a container.
_BY_PREFIX: dict[object, str] = {}


@rule
def cargo_options(mzbuild_cargo: MzbuildCargo) -> CargoOptions:
    return mzbuild_cargo.parsed()


@uncacheable_rule
def cargo_environment(
    settings: CargoSettings, /, session_values: SessionValues
) -> CargoEnvironment:
    variables: Mapping[str, str] = session_values[CompleteEnvironmentVars]

    def those(names: tuple[str, ...]) -> FrozenDict[str, str]:
        return FrozenDict({name: variables[name] for name in names if name in variables})

    # A prefix may well be `docker run`.
    of_docker = those(DOCKER_ENV_NAMES if settings.command_prefix else ())
    passed = FrozenDict({**settings.passed(variables), **of_docker})
    return CargoEnvironment(those(("PATH", "HOME", *_ENV_NAMES)), passed)


# Pants knows nothing of a prefix that is no file of the repository.
@uncacheable_rule
async def prefixed_compiler(
    request: PrefixedCompilerRequest, /, build_root: BuildRoot
) -> PrefixedCompiler:
    settings, root = request.settings, build_root.path
    environment = await cargo_environment(settings, **implicitly())
    tools = environment.tools
    state = tools, prefix_state(settings, root, tools.get("PATH", ""), request.files)
    if state not in _BY_PREFIX:
        env = {**tools, **environment.passed}
        _BY_PREFIX[state] = compiler_by_prefix(settings, root, env)
    return PrefixedCompiler(_BY_PREFIX[state])


# Toolchains are installed and chosen without Pants' knowledge.
@uncacheable_rule
def state_of_compiler(request: CompilerStateRequest, /, build_root: BuildRoot) -> CompilerState:
    files = [os.path.join(build_root.path, path) for path in request.toolchain_files]
    return CompilerState(compiler_state(request.rustc.path, request.rustc.env, files))


@rule
async def rust_toolchain(
    settings: CargoSettings,
    /,
    work_tree: WorkTree,
    listing: LinkedListing,
    workspace: CargoWorkspace,
) -> RustToolchain:
    files = toolchain_files(listing, workspace)
    if settings.command_prefix:
        files += listing.under(BUILDER_DIRECTORY)
        compiler = await prefixed_compiler(PrefixedCompilerRequest(settings, files), **implicitly())
        return RustToolchain("cargo", compiler.identity)
    cargo, rustc, captured = await concurrently(
        find_host_tool(HostToolRequest("cargo", _ENV_NAMES, _INSTALL_RUST), **implicitly()),
        find_host_tool(HostToolRequest("rustc", _ENV_NAMES, _INSTALL_RUST), **implicitly()),
        capture_files(files_to_capture(work_tree, files, follow_links=True), **implicitly()),
    )
    known = await state_of_compiler(CompilerStateRequest(rustc, files), **implicitly())
    args = rustc_version_args(settings)
    version = await execute_process(
        Process(
            (rustc.path, *args),
            input_digest=captured.digest,
            working_directory=workspace.root or None,
            env={**rustc.env, _STATE: known.state or ""},
            description="Ask for the version of the Rust compiler",
            level=LogLevel.DEBUG,
            cache_scope=(
                ProcessCacheScope.PER_RESTART_SUCCESSFUL
                if known.state
                else ProcessCacheScope.PER_SESSION
            ),
        ),
        **implicitly(),
    )
    if version.exit_code:
        raise no_compiler(("rustc", *args), version.stdout + version.stderr)
    return RustToolchain(cargo.path, version.stdout.decode())


def available_cores() -> int:
    """How many cores Cargo may use."""
    return len(os.sched_getaffinity(0))


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
