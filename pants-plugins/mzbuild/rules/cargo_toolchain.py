"""How Cargo is called: the options, and the Rust toolchain of the machine that Pants runs on."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from mzbuild.core.cargo_settings import CargoOptions
from mzbuild.core.cargo_workspace import CargoWorkspace, toolchain_files
from mzbuild.core.listing import Listing
from mzbuild.core.work_tree import WorkTree
from mzbuild.rules.captured_files import CapturedFiles, CaptureFiles, files_to_capture
from mzbuild.rules.host_tools import HostTool, HostToolRequest
from mzbuild.subsystems.mzbuild_cargo import MzbuildCargo

_ENV_NAMES = ("CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SSL_CERT_FILE")
_INSTALL_RUST = "Install Rust: https://rustup.rs, or `apt-get install cargo`."


@dataclass(frozen=True)
class RustToolchain:
    """Cargo's path, the environment to run it in, and what the compiler says of its version."""

    cargo: str
    env: FrozenDict[str, str]
    compiler: str


@rule
def cargo_options(mzbuild_cargo: MzbuildCargo) -> CargoOptions:
    return mzbuild_cargo.parsed()


@rule
async def rust_toolchain(
    work_tree: WorkTree, listing: Listing, workspace: CargoWorkspace
) -> RustToolchain:
    files = toolchain_files(listing, workspace)
    cargo, rustc, captured = await MultiGet(
        Get(HostTool, HostToolRequest("cargo", _ENV_NAMES, _INSTALL_RUST)),
        Get(HostTool, HostToolRequest("rustc", _ENV_NAMES, _INSTALL_RUST)),
        Get(CapturedFiles, CaptureFiles, files_to_capture(work_tree, files, follow_links=True)),
    )
    version = await Get(
        ProcessResult,
        Process(
            (rustc.path, "-vV"),
            input_digest=captured.digest,
            working_directory=workspace.root or None,
            env=rustc.env,
            description="Ask for the version of the Rust compiler",
            level=LogLevel.DEBUG,
            cache_scope=ProcessCacheScope.PER_SESSION,
        ),
    )
    return RustToolchain(cargo.path, cargo.env, version.stdout.decode())


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
