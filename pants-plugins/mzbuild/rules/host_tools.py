"""Programs of the machine that Pants runs on, found where the user's shell would find them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Rule
from pants.util.frozendict import FrozenDict

from mzbuild.core.errors import MzbuildError
from mzbuild.pants_api import collect_rules, uncacheable_rule


@dataclass(frozen=True)
class HostToolRequest:
    """A request for a program by its name, and for the environment that it needs."""

    name: str
    # Beside `PATH` and `HOME`, which every tool gets.
    env_names: tuple[str, ...]
    how_to_install: str


@dataclass(frozen=True)
class HostTool:
    """A program's absolute path, and the environment to run it in."""

    path: str
    env: FrozenDict[str, str]


# Looked for in each run: who was just told to install something should not have to restart pantsd.
@uncacheable_rule
def find_host_tool(request: HostToolRequest, /, session_values: SessionValues) -> HostTool:
    variables: Mapping[str, str] = session_values[CompleteEnvironmentVars]
    path = shutil.which(request.name, path=variables.get("PATH"))
    if path is None:
        raise MzbuildError(f"There is no `{request.name}` on the PATH. {request.how_to_install}")
    names = ("PATH", "HOME", *request.env_names)
    return HostTool(
        path, FrozenDict({name: variables[name] for name in names if name in variables})
    )


def file_statuses(paths: Iterable[str]) -> str:
    """What tells that any of the files has become another; empty where there are none."""
    statuses = []
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            statuses.append(f"{path} {status.st_ino} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(statuses)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
