"""How images may be had, and which registries have to be asked for that."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from mzbuild.core.image.graph import ImageGraph

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
