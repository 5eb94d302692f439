"""How images are to be had: which are there, which are pulled, and which are built."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import Enum

from mzbuild.core.errors import MzbuildError
from mzbuild.core.image_graph import ImageGraph
from mzbuild.core.registry_client import Answer, Present
from mzbuild.core.registry_round import Unknown


class Origin(Enum):
    """How an image came to be in the local engine."""

    REUSED = "reused"
    PULLED = "pulled"
    BUILT = "built"


class Build(Enum):
    """Whether images are built."""

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"


class OnUnknown(Enum):
    """What is done with an image of which a registry does not say whether it has it."""

    ERROR = "error"
    BUILD = "build"


def to_look_up(
    graph: ImageGraph, wanted: Iterable[str], local: Container[str], build: Build
) -> tuple[str, ...]:
    """The names of the images that a registry may have to be asked for, in no special order.

    These are the wanted ones and what they build on; but nothing is asked of what the engine has,
    nor of what only that builds on, nor of what is not published.
    """
    asked_for = set(wanted)
    found: dict[str, None] = {}
    waiting = list(asked_for)
    while waiting:
        name = waiting.pop()
        rebuilt = build is Build.ALWAYS and name in asked_for
        if name in found or (name in local and not rebuilt):
            continue
        found[name] = None
        waiting.extend(graph.dependencies[name])
    return tuple(
        name
        for name in found
        if graph.by_name[name].publish and not (build is Build.ALWAYS and name in asked_for)
    )


def plan_acquisition(
    graph: ImageGraph,
    wanted: Iterable[str],
    local: Container[str],
    answers: Mapping[str, Answer],
    build: Build,
    on_unknown: OnUnknown,
) -> Mapping[str, Origin]:
    """How to have the wanted images, and those that have to be there to build them.

    `answers` are those of the primary registry for what `to_look_up` says; without an answer, an
    image is not there. Raises `MzbuildError` where a registry's answer matters that is not known,
    and, with `build` being `never`, where an image is missing: with all of them.
    """
    asked_for = set(wanted)
    plan: dict[str, Origin] = {}
    unknown: dict[str, str] = {}
    waiting = sorted(asked_for)
    while waiting:
        name = waiting.pop()
        if name in plan or name in unknown:
            continue
        answer = answers.get(name)
        if build is Build.ALWAYS and name in asked_for:
            plan[name] = Origin.BUILT
        elif name in local:
            plan[name] = Origin.REUSED
        elif isinstance(answer, Present):
            plan[name] = Origin.PULLED
        elif isinstance(answer, Unknown) and on_unknown is OnUnknown.ERROR:
            unknown[name] = answer.reason
        else:
            plan[name] = Origin.BUILT
        if plan.get(name) is Origin.BUILT:
            waiting.extend(graph.dependencies[name])
    if unknown:
        _refuse_unknown(unknown)
    if build is Build.NEVER and Origin.BUILT in plan.values():
        _refuse_missing(graph, sorted(n for n, origin in plan.items() if origin is Origin.BUILT))
    return plan


def _refuse_unknown(unknown: Mapping[str, str]) -> None:
    lines = [f"  {name}: {reason}" for name, reason in sorted(unknown.items())]
    raise MzbuildError(
        "The registry does not say whether it has these images:\n" + "\n".join(lines) + "\n"
        "Try again when it does, give it longer ([mzbuild].registry_timeout), or build them: "
        "[mzbuild].unknown = build."
    )


def _refuse_missing(graph: ImageGraph, missing: Iterable[str]) -> None:
    lines = [
        f"  {name}" + ("" if graph.by_name[name].publish else " (`publish: false`)")
        for name in missing
    ]
    raise MzbuildError(
        "These images are missing, and [mzbuild].build is `never`:\n" + "\n".join(lines) + "\n"
        "Neither the Docker engine nor the primary registry has them. An earlier step should have "
        "published them with `pants mzbuild-ensure`; an image that is not published can only be "
        "built."
    )
