"""What the program that builds in the sandbox is told; see `cargo.staging` for what a plan is."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from mzbuild.core.cargo.arguments import (
    built_files,
    debug_files,
    extracted_files,
    finishing_commands,
)
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.command import scripts
from mzbuild.core.cargo.memory import ENVIRONMENT, GIT
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.cargo.sources import CargoSources

# What the context gets, and what debuggers get, of an action's results.
RESULTS = "results"
DEBUG = "debug"

_RELEASE = re.compile(r"^release: (\d+)\.(\d+)", re.MULTILINE)

# The first Cargo that builds what it can when something cannot be built.
_KEEP_GOING = (1, 74)


def action_steps(build: CargoBuild, settings: CargoSettings, where: str) -> Mapping[str, Any]:
    """What is to be done for an action when Cargo is through.

    Raises `MzbuildError` for a path that leads out of its place; `where` names the action in it.
    """
    built = built_files(build, settings)
    written = [f"{RESULTS}/{path}" for path in built]
    written += [f"{DEBUG}/{path}" for path in debug_files(build).values()]
    return {
        "programs": list(built.values()),
        "directories": sorted({posixpath.dirname(path) for path in written}),
        "finish": finishing_commands(build, settings, RESULTS, DEBUG),
        "extract": [
            (package, source, f"{RESULTS}/{destination}")
            for package, source, destination in extracted_files(build, where)
        ],
    }


def process_plan(
    directory: str,
    root: str,
    workspace: str,
    sources: CargoSources,
    scripts: Mapping[str, str],
    command: Sequence[str],
    settings: CargoSettings,
    actions: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """What the program is to do, as it reads it; `actions` has what is to be done when the command
    is through, by their keys."""
    plan = {
        "directory": directory,
        "workspace": workspace,
        "root": root,
        "sources": sources.files,
        "elsewhere": sources.elsewhere,
        "empty": sources.empty,
        "git": settings.git,
        "packages": {
            **sources.packages,
            GIT: (None, str(settings.git)),
            ENVIRONMENT: (None, repr((settings.flags.env, settings.linker))),
        },
        "scripts": scripts,
        "prefix": settings.command_prefix,
        "command": command,
        "triple": settings.target,
        "actions": actions,
    }
    return json.dumps(plan).encode()


def action_key(
    steps: Mapping[str, Any],
    sources: Sequence[object],
    args: Sequence[str],
    settings: CargoSettings,
    compiler: str,
    program: Mapping[str, bytes],
) -> str:
    """A name for an action's results that is another when anything is that they depend on.

    `sources` tells its sources from any others, and `args` are those with which Cargo would build
    this action alone.
    """
    contents = {path: sha256(content).hexdigest() for path, content in program.items()}
    parts = [
        *(steps, sources, args, settings.canonical().decode()),
        *(scripts(compiler), contents),
    ]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def group_args(args: Sequence[str], builds: Sequence[CargoBuild], compiler: str) -> tuple[str, ...]:
    """The arguments with which Cargo builds a group, from those for all that it has.

    What cannot be built does not keep the rest of the group from being built, where Cargo can do
    that.
    """
    release = _RELEASE.search(compiler)
    if len(builds) > 1 and release and tuple(map(int, release.groups())) >= _KEEP_GOING:
        return (*args, "--keep-going")
    return tuple(args)


def names(builds: Iterable[CargoBuild]) -> str:
    """What actions build, for people."""
    return ", ".join(
        dict.fromkeys(name for build in builds for name in build.bins + build.examples)
    )
