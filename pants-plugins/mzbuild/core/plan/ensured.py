"""What became of images that were to be published."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass
from enum import Enum

from mzbuild.core.fingerprint.configuration import Arch
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.acquisition import Origin


class Outcome(Enum):
    """What became of an image."""

    PRESENT = "already there"
    PUSHED = "pushed"
    # It is not published, and is there for others to build on.
    READY = "ready"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Ensured:
    """What became of an image that was to be in its registries."""

    name: str
    arch: Arch
    spec: str
    outcome: Outcome
    # The names of the registries that it was pushed to just now.
    pushed_to: tuple[str, ...] = ()
    # How it came to be in the local engine, where it had to be.
    origin: Origin | None = None
    seconds: float = 0.0
    # Why it failed or was skipped.
    reason: str = ""
    # The image that failed first, and because of which this one was not even tried.
    because_of: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is where it should be."""
        return self.outcome not in (Outcome.FAILED, Outcome.SKIPPED)

    @property
    def summary(self) -> str:
        """The first line of the reason."""
        return self.reason.partition("\n")[0]


def images_to_build(
    graph: ImageGraph, to_push: Iterable[str], there: Container[str]
) -> tuple[str, ...]:
    """The names, sorted, of the images that are built so that some can be pushed: these, and those
    that they build on, less those that the local engine or a registry has."""
    return tuple(sorted(graph.closure(to_push, there)))


def ensured_row(image: Ensured) -> tuple[str, ...]:
    """Image, architecture, outcome, how long it took, and what there is to say of it."""
    detail = image.summary
    if image.outcome is Outcome.PUSHED and image.origin:
        detail = f"{image.origin.value}, to {', '.join(image.pushed_to)}"
    seconds = f"{image.seconds:.1f} s" if image.seconds else ""
    return image.name, image.arch.value, image.outcome.value, seconds, detail


def ensured_json(images: Iterable[Ensured]) -> list[dict[str, object]]:
    """The same for programs."""
    return [
        {
            **asdict(image),
            "arch": image.arch.value,
            "outcome": image.outcome.value,
            "origin": image.origin.value if image.origin else None,
            "seconds": round(image.seconds, 3),
        }
        for image in images
    ]
