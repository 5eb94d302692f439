"""What became of images that were to be in the local engine, or in registries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum

from mzbuild.core.configuration import Arch
from mzbuild.core.plan.acquisition import Origin
from mzbuild.core.plan.planning import PlannedImage
from mzbuild.core.text.table import table


class Outcome(Enum):
    """What became of an image."""

    PRESENT = "already there"
    PUSHED = "pushed"
    # The engine has it; that is all that was wanted of it.
    READY = "ready"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Ensured:
    """What became of an image that was to be in the local engine, or in its registries."""

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

    @property
    def idle(self) -> bool:
        """Whether nothing happened to it, since it was where it should be."""
        there = self.outcome is Outcome.READY and self.origin in (None, Origin.REUSED)
        return there or self.outcome is Outcome.PRESENT

    @property
    def kind(self) -> str:
        """What became of it, in a word: how it came to be in the engine, if that was all."""
        ready = self.outcome is Outcome.READY and self.origin
        return ready.value if ready else self.outcome.value

    def failed(self, reason: str) -> Ensured:
        """The same for an image that could not be had."""
        return replace(self, outcome=Outcome.FAILED, reason=reason)

    def blocked(self, planned: PlannedImage) -> Ensured:
        """The same for an image of which it was known before that it cannot be had."""
        outcome = Outcome.SKIPPED if planned.because_of else Outcome.FAILED
        return replace(self, outcome=outcome, reason=planned.reason, because_of=planned.because_of)

    def after(self, bases: Iterable[Ensured]) -> Ensured:
        """The same, but skipped where one of the images that it builds on could not be had."""
        failed = next((base for base in bases if not base.ok), None)
        if failed is None:
            return self
        cause = failed.because_of or failed.name
        reason = f"it builds on {cause}, which failed"
        return replace(self, outcome=Outcome.SKIPPED, reason=reason, because_of=cause)


def without_fingerprint(errors: Mapping[str, str], arch: Arch) -> tuple[Ensured, ...]:
    """What becomes of images that have no fingerprint; `errors` says why, by their names."""
    return tuple(
        Ensured(name, arch, "", Outcome.FAILED, reason=reason) for name, reason in errors.items()
    )


def ensured_row(image: Ensured) -> tuple[str, ...]:
    """Image, architecture, outcome, how long it took, and what there is to say of it."""
    detail = image.summary or (image.spec if image.outcome is Outcome.READY else "")
    if image.outcome is Outcome.PUSHED and image.origin:
        detail = f"{image.origin.value}, to {', '.join(image.pushed_to)}"
    seconds = f"{image.seconds:.1f} s" if image.seconds else ""
    return image.name, image.arch.value, image.kind, seconds, detail


def ensured_lines(images: Sequence[Ensured]) -> list[str]:
    """For people: a row for each image that something happened to, and how many of each kind."""
    counts = Counter(image.kind for image in images)
    summary = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    rows = [ensured_row(image) for image in images if not image.idle]
    if not rows:
        (which,) = [f" ({image.spec})" for image in images] if len(images) == 1 else [""]
        return [f"Nothing to do: {summary or 'no images'}{which}"]
    return [*table(("image", "arch", "outcome", "time", ""), rows), summary]


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
