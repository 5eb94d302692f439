"""Cargo as a process: in the directory that stays, with what its user lends it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from pants.engine.fs import CreateDigest, FileContent
from pants.engine.process import FallibleProcessResult, Process, ProcessCacheScope
from pants.engine.rules import Rule
from pants.util.logging import LogLevel

from mzbuild.core.cargo.lent_environment import lent
from mzbuild.core.cargo.program import cargo_program
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.pants_api import (
    collect_rules,
    create_digest,
    execute_process,
    implicitly,
    uncacheable_rule,
)
from mzbuild.rules.cargo.results import CargoCache
from mzbuild.rules.cargo.toolchain import cargo_environment

_PROGRAM = ".mzbuild-program"
_PLAN = ".mzbuild-plan.json"


@dataclass(frozen=True)
class CargoProcess:
    """A request to have a plan carried out; see `cargo.staging` for what that is."""

    plan: bytes
    settings: CargoSettings
    description: str


@dataclass(frozen=True)
class CargoProcessResult:
    """What came of a plan."""

    result: FallibleProcessResult


# What is lent is there for as long as this lasts.
@uncacheable_rule
async def carry_out(request: CargoProcess, /, cache: CargoCache) -> CargoProcessResult:
    environment = await cargo_environment(request.settings, **implicitly())
    program = cargo_program().items()
    files = await create_digest(
        CreateDigest(
            (
                FileContent(_PLAN, request.plan),
                *(FileContent(f"{_PROGRAM}/{path}", content) for path, content in program),
            )
        ),
        **implicitly(),
    )
    with lent(environment.passed) as lent_file:
        result = await execute_process(
            Process(
                (sys.executable, "-I", "-S", _PROGRAM, _PLAN, lent_file),
                input_digest=files,
                append_only_caches=cache.mounted,
                env=environment.tools,
                description=request.description,
                # At a higher one, a build that failed would be told to be completed.
                level=LogLevel.DEBUG,
                # What is cached is what comes of it, and not that it has run.
                cache_scope=ProcessCacheScope.PER_SESSION,
            ),
            **implicitly(),
        )
    return CargoProcessResult(result)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
