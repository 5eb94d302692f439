"""How images are to be had: which are there, which are pulled, and which are built."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.registries.client import Answer, Present
from mzbuild.core.registries.round import Unknown

# What a user may do about a registry that does not answer.
WITHOUT_ANSWER = (
    "Try again when it answers, give it longer (`--mzbuild-registry-timeout=60`), or build "
    "instead: `--mzbuild-unknown=build`."
)


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
    graph: ImageGraph, wanted: Iterable[str], local: Iterable[str], build: Build
) -> tuple[str, ...]:
    """The names of the images that a registry may have to be asked for, in no special order.

    These are the wanted ones and what they build on; but nothing is asked of what the engine has,
    nor of what only that builds on, nor of what is not published.
    """
    asked_for = set(wanted)
    rebuilt = asked_for if build is Build.ALWAYS else set()
    return tuple(
        name
        for name in graph.closure(asked_for, set(local) - rebuilt)
        if graph.by_name[name].publish and name not in rebuilt
    )


@dataclass(frozen=True)
class Acquisition:
    """How to have images, and what is in the way.

    `origins` has the wanted images and those that have to be there to build them; `unknown`, with
    the reasons, those of which the registry does not say whether it has them.
    """

    origins: Mapping[str, Origin]
    unknown: Mapping[str, str]

    @property
    def built(self) -> tuple[str, ...]:
        """The names of the images to build, sorted."""
        return tuple(sorted(n for n, origin in self.origins.items() if origin is Origin.BUILT))

    def check(self, graph: ImageGraph, build: Build) -> None:
        """Raises `MzbuildError` where a registry's answer matters that is not known, and, with
        `build` being `never`, where images are missing: with all of them."""
        if self.unknown:
            _refuse_unknown(self.unknown)
        if build is Build.NEVER and self.built:
            _refuse_missing(graph, self.built)


def decide_acquisition(
    graph: ImageGraph,
    wanted: Iterable[str],
    local: Container[str],
    answers: Mapping[str, Answer],
    build: Build,
    on_unknown: OnUnknown,
) -> Acquisition:
    """How to have the wanted images, and those that have to be there to build them.

    `answers` are those of the primary registry for what `to_look_up` says; without an answer, an
    image is not there.
    """
    asked_for = set(wanted)
    origins: dict[str, Origin] = {}
    unknown: dict[str, str] = {}
    waiting = sorted(asked_for)
    while waiting:
        name = waiting.pop()
        if name in origins or name in unknown:
            continue
        answer = answers.get(name)
        if build is Build.ALWAYS and name in asked_for:
            origins[name] = Origin.BUILT
        elif name in local:
            origins[name] = Origin.REUSED
        elif isinstance(answer, Present):
            origins[name] = Origin.PULLED
        elif isinstance(answer, Unknown) and on_unknown is OnUnknown.ERROR:
            unknown[name] = answer.reason
        else:
            origins[name] = Origin.BUILT
        if origins.get(name) is Origin.BUILT:
            waiting.extend(graph.dependencies[name])
    return Acquisition(origins, unknown)


def _refuse_unknown(unknown: Mapping[str, str]) -> None:
    lines = [f"  {name}: {reason}" for name, reason in sorted(unknown.items())]
    raise MzbuildError(
        "The registry does not say whether it has these images:", *lines, WITHOUT_ANSWER
    )


def _refuse_missing(graph: ImageGraph, missing: Iterable[str]) -> None:
    lines = [
        f"  {name}" + ("" if graph.by_name[name].publish else " (`publish: false`)")
        for name in missing
    ]
    raise MzbuildError.of_lines(
        "These images are missing, and [mzbuild].build is `never`:\n" + "\n".join(lines) + "\n"
        "Neither the Docker engine nor the primary registry has them. An earlier step should have "
        "published them with `pants mzbuild-ensure`; an image that is not published can only be "
        "built."
    )
