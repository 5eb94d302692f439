from __future__ import annotations

import pytest
from mzbuild.core.configuration import Arch
from mzbuild.core.plan.acquisition import Origin
from mzbuild.core.plan.ensured import (
    Ensured,
    Outcome,
    ensured_lines,
    without_fingerprint,
)
from mzbuild.core.plan.planning import PlannedImage


def ensured(name: str, outcome: Outcome, origin: Origin | None = None) -> Ensured:
    return Ensured(name, Arch.X86_64, f"acme/{name}:x", outcome, origin=origin, seconds=1.5)


def test_an_image_is_skipped_for_the_one_that_failed_first() -> None:
    (base,) = without_fingerprint({"base": "no such crate\nas x"}, Arch.X86_64)
    middle = ensured("middle", Outcome.READY).after([ensured("ok", Outcome.PUSHED), base])
    top = ensured("top", Outcome.READY).after([middle])
    assert (base.outcome, middle.outcome, top.outcome) == (
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.SKIPPED,
    )
    assert top.reason == "it builds on base, which failed"
    assert top.because_of == "base"
    assert ensured("other", Outcome.READY).after([]).ok


def test_what_is_blocked_failed_or_is_skipped_for_what_it_builds_on() -> None:
    wanted = ensured("top", Outcome.READY)
    own = wanted.blocked(PlannedImage("top", (), "it is missing", blocked=True))
    assert (own.outcome, own.reason, own.because_of) == (Outcome.FAILED, "it is missing", "")
    base = PlannedImage("top", (), "it builds on `base`", blocked=True, because_of="base")
    assert (wanted.blocked(base).outcome, wanted.blocked(base).because_of) == (
        Outcome.SKIPPED,
        "base",
    )


@pytest.mark.parametrize(
    ("images", "summary"),
    [
        ([], "no images"),
        ([ensured("a", Outcome.PRESENT), ensured("b", Outcome.PRESENT)], "2 already there"),
        ([ensured("a", Outcome.READY, Origin.REUSED)], "1 reused (acme/a:x)"),
        ([ensured("a", Outcome.PRESENT)], "1 already there (acme/a:x)"),
    ],
)
def test_nothing_to_do_is_one_line(images: list[Ensured], summary: str) -> None:
    assert ensured_lines(images) == [f"Nothing to do: {summary}"]


def test_a_line_for_each_image_that_something_happened_to() -> None:
    (broken,) = without_fingerprint({"broken": "no such crate\nas x"}, Arch.X86_64)
    images = [
        ensured("there", Outcome.READY, Origin.REUSED),
        ensured("new", Outcome.READY, Origin.BUILT),
        ensured("old", Outcome.READY, Origin.REUSED),
        broken,
    ]
    assert ensured_lines(images) == [
        "image   arch    outcome  time",
        "new     x86_64  built    1.5 s  acme/new:x",
        "broken  x86_64  failed          no such crate",
        "2 reused, 1 built, 1 failed",
    ]
