"""What moves the fingerprints of many images: each cause once, with the images that it moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mzbuild.core.explain.explanation import Explanation
from mzbuild.core.explain.rows import dependency_rows, file_rows, option_rows, target_rows


@dataclass(frozen=True)
class Cause:
    """What happened, to which things, and where these are from.

    `images` are the names of the images that this moves, by themselves or by what they build on.
    """

    what: str
    things: tuple[str, ...]
    origin: str
    images: tuple[str, ...]


# What tells one cause from another, so that files that come in together are one: what happened,
# where it is from, and the image if it concerns only that.
_Key = tuple[str, str, str]


def find_causes(
    told: Sequence[Explanation], explained: Mapping[str, Explanation]
) -> tuple[Cause, ...]:
    """The causes of what is `told` of, those that move the most images first.

    `explained` has all images that differ, each after those that it builds on. An image that one
    side does not have has no cause.
    """
    things: dict[_Key, dict[str, None]] = {}
    moved_by: dict[str, frozenset[_Key]] = {}
    for name, explanation in explained.items():
        keys = set()
        for key, thing in _own(explanation):
            things.setdefault(key, {})[thing] = None
            keys.add(key)
        below = (moved_by[image.name] for image in explanation.dependencies if image.roots)
        moved_by[name] = frozenset(keys).union(*below)
    images: dict[_Key, list[str]] = {}
    for explanation in told:
        for key in moved_by[explanation.name]:
            images.setdefault(key, []).append(explanation.name)
    causes = [
        Cause(what, tuple(things[what, origin, image]), origin, tuple(names))
        for (what, origin, image), names in images.items()
    ]
    return tuple(sorted(causes, key=lambda each: (-len(each.images), each.origin, each.things)))


def _own(explanation: Explanation) -> Iterator[tuple[_Key, str]]:
    for what, thing, origin in file_rows(explanation.files):
        yield (what, origin, explanation.name if origin == "context" else ""), thing
    for what, thing, origin in option_rows(explanation):
        # An option by itself, too, is the same for all images.
        yield (what, origin, thing), thing
    for what, thing, origin in target_rows(explanation):
        yield (what, origin, thing), thing
    for what, thing, origin in dependency_rows(explanation):
        yield (what, origin, explanation.name), thing
