"""The `cargo-build` pre-image action: binaries, compiled where compiled code is kept."""

from __future__ import annotations

import json
import logging
import posixpath
import re
import sys
from dataclasses import dataclass
from hashlib import sha256

from pants.base.build_root import BuildRoot
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestSubset,
    FileContent,
    PathGlobs,
    RemovePrefix,
)
from pants.engine.process import FallibleProcessResult, Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions
from pants.util.logging import LogLevel

from mzbuild.core.cargo import (
    build_directory,
    built_files,
    cargo_build_args,
    debug_files,
    extracted_files,
    finishing_commands,
)
from mzbuild.core.cargo_program import cargo_program
from mzbuild.core.cargo_settings import CargoOptions
from mzbuild.core.cargo_workspace import LOCK_FILE, CargoWorkspace, shared_files, toolchain_files
from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image import CargoBuild, under
from mzbuild.core.listing import Listing
from mzbuild.core.work_tree import WorkTree
from mzbuild.rules.captured_files import CapturedFiles, CaptureFiles, files_to_capture
from mzbuild.rules.fingerprints import CrateInputs
from mzbuild.rules.host_tools import HostTool, HostToolRequest
from mzbuild.subsystems.mzbuild_cargo import MzbuildCargo

logger = logging.getLogger(__name__)

# Where the sandbox has the directory that outlives it, and the sources to stage into it.
_CACHE = ".mzbuild-cargo"
_SOURCES = ".mzbuild-sources"
_PROGRAM = ".mzbuild-program"
# What the context gets, and what debuggers get.
_RESULTS = "results"
_DEBUG = "debug"

_ENV_NAMES = ("CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SSL_CERT_FILE")
_INSTALL_RUST = "Install Rust: https://rustup.rs, or `apt-get install cargo`."

_COLORS = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class CargoBuildRequest:
    """A request for an action's results; `where` names the action, for errors."""

    build: CargoBuild
    where: str
    configuration: Configuration


@dataclass(frozen=True)
class CargoBuildResult:
    """An action's results, under the paths that they have in the context.

    `debug` has the files that keep their debug information, if it is split off: each under its
    result's path with `.debug` added.
    """

    digest: Digest
    debug: Digest


@dataclass(frozen=True)
class StagedSourcesRequest:
    """A request for the sources that an action is built from."""

    build: CargoBuild
    where: str


@dataclass(frozen=True)
class StagedSources:
    """Sources in Pants' store, in parts that change independently of one another.

    `plan` has each source as `cargo_staging` wants it; `parts` are by their directories.
    """

    plan: tuple[tuple[str, tuple[str, str, int]], ...]
    parts: tuple[tuple[str, Digest], ...]
    empty: tuple[str, ...]
    toolchain: Digest


@rule
async def staged_sources(
    request: StagedSourcesRequest,
    workspace: CargoWorkspace,
    crates: CrateInputs,
    work_tree: WorkTree,
    listing: Listing,
) -> StagedSources:
    # What is compiled may be more than what is fingerprinted: the `mzbuild` scheme does not look
    # at every table of a manifest, but Cargo does. Files outside of crates have to be inputs.
    roots = workspace.roots(request.build, Scheme.STRICT, request.where)
    closure = workspace.closure(roots, Scheme.STRICT)
    # Cargo reads the manifests of all members, whatever it builds: the lock file is about them all.
    others = [crate for crate in workspace.crates if crate not in closure]
    shared = shared_files(listing, Scheme.STRICT, workspace)
    groups = {crate.name: crates.files[crate.name] for crate in closure}
    groups[".shared"] = tuple({*shared, *(crate.manifest.path for crate in others)})
    requests = {
        name: files_to_capture(work_tree, sorted(paths), follow_links=True)
        for name, paths in groups.items()
    }
    captured = await MultiGet(
        Get(CapturedFiles, CaptureFiles, capture) for capture in requests.values()
    )
    toolchain = await Get(
        CapturedFiles,
        CaptureFiles,
        files_to_capture(work_tree, toolchain_files(listing, workspace), follow_links=True),
    )
    plan = {
        file.path: (f"{_SOURCES}/{name}", file.name, file.mode)
        for name, capture in requests.items()
        for file in capture.files
    }
    return StagedSources(
        plan=tuple(sorted(plan.items())),
        parts=tuple((f"{_SOURCES}/{name}", part.digest) for name, part in zip(requests, captured)),
        empty=tuple(
            path
            for crate in others
            for path in workspace.placeholders(crate, listing)
            if path not in plan
        ),
        toolchain=toolchain.digest,
    )


@rule
def cargo_options(mzbuild_cargo: MzbuildCargo) -> CargoOptions:
    return mzbuild_cargo.parsed()


@rule
async def cargo_build(
    request: CargoBuildRequest,
    workspace: CargoWorkspace,
    listing: Listing,
    options: CargoOptions,
    build_root: BuildRoot,
    global_options: GlobalOptions,
) -> CargoBuildResult:
    build, where, configuration = request.build, request.where, request.configuration
    settings = options.settings(configuration)
    if settings.flags.rustflags or settings.command_prefix:
        # A binary without what its image's name says would be a wrong answer.
        raise MzbuildError(
            f"{where}: Cargo builds with rustflags (such as those of coverage and sanitizers) or a "
            "command prefix are not supported yet; only fingerprints for them are."
        )
    locked = under(workspace.root, LOCK_FILE) in listing
    args = cargo_build_args(build, workspace, settings, where, locked=locked)
    cargo, rustc, sources = await MultiGet(
        Get(HostTool, HostToolRequest("cargo", _ENV_NAMES, _INSTALL_RUST)),
        Get(HostTool, HostToolRequest("rustc", _ENV_NAMES, _INSTALL_RUST)),
        Get(StagedSources, StagedSourcesRequest(build, where)),
    )
    # The compiler is an input that no file names; a toolchain file may choose another than usual.
    compiler = await Get(
        ProcessResult,
        Process(
            (rustc.path, "-vV"),
            input_digest=sources.toolchain,
            working_directory=workspace.root or None,
            env=rustc.env,
            description="Ask for the version of the Rust compiler",
            level=LogLevel.DEBUG,
            cache_scope=ProcessCacheScope.PER_SESSION,
        ),
    )
    directory = build_directory(configuration)
    results = {f"{_RESULTS}/{path}": built for path, built in built_files(build, settings).items()}
    plan = {
        "directory": f"{_CACHE}/{directory}",
        "workspace": workspace.root,
        "sources": dict(sources.plan),
        "empty": sources.empty,
        "command": [cargo.path, *args],
        "results": results,
        "directories": sorted(
            {posixpath.dirname(f"{_DEBUG}/{path}") for path in debug_files(build).values()}
        ),
        "finish": finishing_commands(build, settings, _RESULTS, _DEBUG),
        "extract": [
            (package, source, f"{_RESULTS}/{destination}")
            for package, source, destination in extracted_files(build, where)
        ],
        "triple": settings.target,
        "compiler": compiler.stdout.decode(),
    }
    files = await Get(
        Digest,
        CreateDigest(
            (
                FileContent(".mzbuild-plan.json", json.dumps(plan, sort_keys=True).encode()),
                *(
                    FileContent(f"{_PROGRAM}/{path}", content)
                    for path, content in cargo_program().items()
                ),
            )
        ),
    )
    # The cache's name is not part of what Pants' own cache looks results up by: another clone
    # of the repository builds in a directory of its own, and still finds what this one built.
    cache = f"mzbuild_cargo_{_letters(sha256(build_root.path.encode()).digest()[:8])}"
    log = global_options.named_caches_dir / cache / directory / "build.log"
    names = ", ".join([*build.bins, *build.examples])
    logger.info(f"Cargo builds {names}, unless it has before; follow it with: tail -F {log}")
    result = await Get(
        FallibleProcessResult,
        Process(
            (sys.executable, _PROGRAM, ".mzbuild-plan.json"),
            input_digest=files,
            immutable_input_digests=dict(sources.parts),
            append_only_caches={cache: _CACHE},
            env={**cargo.env, "CARGO_TERM_COLOR": "always", **dict(settings.flags.env)},
            output_directories=(_RESULTS, _DEBUG),
            description=f"Build {names} with Cargo",
        ),
    )
    if result.exit_code:
        raise MzbuildError(
            f"{where}: Cargo could not build {names}.\n"
            f"Command: cargo {' '.join(args)}\n"
            f"{_shown(result.stdout + result.stderr, colors=global_options.colors)}"
        )
    parts = await MultiGet(
        Get(Digest, DigestSubset(result.output_digest, PathGlobs([f"{directory}/**"])))
        for directory in (_RESULTS, _DEBUG)
    )
    return CargoBuildResult(
        *await MultiGet(
            Get(Digest, RemovePrefix(part, directory))
            for part, directory in zip(parts, (_RESULTS, _DEBUG))
        )
    )


def _letters(digest: bytes) -> str:
    """Bytes as lower-case letters: all that a cache's name may have, beside `_`."""
    return "".join(chr(ord("a") + nibble) for byte in digest for nibble in divmod(byte, 16))


def _shown(output: bytes, *, colors: bool) -> str:
    text = output if colors else _COLORS.sub(b"", output)
    return text.decode(errors="replace").strip()


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
