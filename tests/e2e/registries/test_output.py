"""How much goals print: a line for each image that something happened to, and what counts them."""

from __future__ import annotations

import re

from tests.e2e.registries.workshop import PUBLISHED, Workshop
from tests.e2e.repo import Result

IMAGES = PUBLISHED | {"private"}

# What Pants says as its daemon starts, and how a build gets on that takes long on a busy machine.
ASIDE = re.compile(r"\[INFO\] (waiting for pantsd|pantsd started|Initializing|Scheduler|[\w-]+: )")


def lines(result: Result) -> list[str]:
    """What a run has printed, without the time of day."""
    printed = [line for line in result.text.splitlines() if not ASIDE.search(line)]
    return [line.partition("[INFO] ")[2] or line for line in printed]


def told(result: Result) -> tuple[set[str], str]:
    """The images that have a line of their own in the table, and the line that counts them."""
    header, *rows, summary = lines(result)
    assert header.startswith("image ")
    names = [row.split()[0] for row in rows]
    assert len(names) == len(set(names))
    return set(names), summary


def test_package(shop: Workshop) -> None:
    assert told(shop.pants("package", "images::")) == (IMAGES, "7 built")
    assert lines(shop.pants("package", "images::")) == ["Nothing to do: 7 reused"]
    shop.repo.write({"images/alone/new": ""})
    names, summary = told(shop.pants("package", "images::"))
    assert (names, summary) == ({"alone"}, "1 built, 6 reused")
    spec = shop.tags()["alone"]
    assert lines(shop.pants("package", "images/alone")) == [f"Nothing to do: 1 reused ({spec})"]


def test_what_is_had_for_the_sake_of_others_is_told_of(shop: Workshop) -> None:
    names, summary = told(shop.pants("package", "images/left"))
    assert (names, summary) == ({"base", "left"}, "2 built")
    names, summary = told(shop.pants("package", "images/right"))
    assert (names, summary) == ({"right"}, "1 built")


def test_ensure_check_and_tag(shop: Workshop) -> None:
    registries = len(shop.registries)
    _, *missing, summary = lines(shop.pants("mzbuild-check", "::", check=False))
    assert len(missing) == len(PUBLISHED) * registries
    assert summary == "6 missing"
    assert told(shop.pants("mzbuild-ensure", "::")) == (PUBLISHED, "6 pushed")
    assert lines(shop.pants("mzbuild-ensure", "::")) == ["Nothing to do: 6 already there"]
    (all_there,) = lines(shop.pants("mzbuild-check", "::"))
    assert re.fullmatch(r"All images are published \(.*\): 6\.", all_there)
    tags = ("mzbuild-tag", "--tags=v1", "::")
    _, *made, summary = lines(shop.pants(*tags))
    assert (len(made), summary) == (6 * registries, f"{6 * registries} made")
    assert lines(shop.pants(*tags)) == [f"Nothing to do: {6 * registries} already there"]
