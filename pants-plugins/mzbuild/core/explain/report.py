"""Explanations of fingerprints, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mzbuild.core.explain.causes import find_causes
from mzbuild.core.explain.explanation import Explanation
from mzbuild.core.explain.rows import MOST_FILES, explanation_rows
from mzbuild.core.safe import printable
from mzbuild.core.text.table import MORE, SCREEN, Paint, some, table


def explanation_lines(
    told: Sequence[Explanation],
    explained: Mapping[str, Explanation],
    where: tuple[str, str],
    *,
    everything: bool,
    paint_name: Paint,
    paint_change: Paint,
) -> Iterator[str]:
    """What to print of some images, of all that are `explained`; `where` names both sides.

    What would fill more than a screen is told by its causes, unless `everything` is to be told.
    """
    if not told:
        yield f"Nothing changed: the fingerprints in {where[0]} and {where[1]} are the same."
        return
    lines = []
    for explanation in told:
        name = paint_name(printable(explanation.name))
        if explanation.before is None:
            lines.append(f"{name}: not in {where[0]} -> {explanation.after}")
        elif explanation.after is None:
            lines.append(f"{name}: {explanation.before} -> not in {where[1]}")
        else:
            lines.append(f"{name}: {explanation.before} -> {explanation.after}")
        rows = explanation_rows(explanation, explained, everything=everything)
        indented = [("", *row) for row in rows]
        lines += table(("",) * 4, indented, {1: paint_change})[1:]
    if everything or len(lines) <= SCREEN:
        yield from lines
        if not everything and any(len(each.files) > MOST_FILES for each in told):
            yield MORE
    else:
        yield from _cause_lines(told, explained, where, paint_name, paint_change)
        yield MORE


def _cause_lines(
    told: Sequence[Explanation],
    explained: Mapping[str, Explanation],
    where: tuple[str, str],
    paint_name: Paint,
    paint_change: Paint,
) -> Iterator[str]:
    differ = f"{len(told)} images differ" if len(told) > 1 else f"`{told[0].name}` differs"
    yield f"{differ} between {where[0]} and {where[1]}:"
    rows = []
    for what, place, names in (
        ("new", where[0], [each.name for each in told if each.before is None]),
        ("gone", where[1], [each.name for each in told if each.after is None]),
    ):
        if names:
            rows.append(("", what, some(names), f"not in {place}", ""))
    causes = find_causes(told, explained)
    for cause in causes[:SCREEN]:
        moved = ", ".join(cause.images) if len(cause.images) < 3 else f"{len(cause.images)} images"
        rows.append(("", cause.what, some(cause.things, 1), cause.origin, moved))
    yield from table(("",) * 5, rows, {1: paint_change, 4: paint_name})[1:]
    if len(causes) > SCREEN:
        yield f"  and {len(causes) - SCREEN} causes more that move fewer images"


def explanation_json(explanation: Explanation) -> dict[str, object]:
    """The same for programs, with every file."""
    return {
        "name": explanation.name,
        "before": explanation.before,
        "after": explanation.after,
        "configuration": {
            name: {"before": before, "after": after}
            for name, (before, after) in explanation.configuration.items()
        },
        "files": [
            {
                "path": file.path,
                "change": file.change.value,
                "mode_before": _octal(file.mode_before),
                "mode_after": _octal(file.mode_after),
                "brought_in_by": [{"kind": kind, "name": name} for kind, name in file.origins],
            }
            for file in explanation.files
        ],
        "targets": [{"kind": kind, "name": name} for kind, name in explanation.targets],
        "dependencies": [
            {
                "name": image.name,
                "before": image.before,
                "after": image.after,
                "because_of": list(image.roots),
            }
            for image in explanation.dependencies
        ],
    }


def _octal(mode: int | None) -> str | None:
    return None if mode is None else f"{mode:o}"
