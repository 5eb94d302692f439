"""Explanations of fingerprints, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from mzbuild.core.explain.explanation import Explanation, FileChange, Origin
from mzbuild.core.fingerprint.inputs import InputKind
from mzbuild.core.text.table import Paint, table

# With more files than this, those that the same thing brings in are told of in one line.
_MOST_LINES = 10
# Of what an image builds on, so many files are told of.
_MOST_ROOT_FILES = 2

Rows = list[tuple[str, str, str]]


def explanation_lines(
    told: Sequence[Explanation],
    explained: Mapping[str, Explanation],
    where: tuple[str, str],
    paint_name: Paint,
    paint_change: Paint,
) -> Iterable[str]:
    """What to print of some images, of all that are `explained`; `where` names both sides."""
    if not told:
        yield f"Nothing changed: the fingerprints in {where[0]} and {where[1]} are the same."
    for explanation in told:
        name = paint_name(explanation.name)
        if explanation.before is None:
            yield f"{name}: not in {where[0]} -> {explanation.after}"
        elif explanation.after is None:
            yield f"{name}: {explanation.before} -> not in {where[1]}"
        else:
            yield f"{name}: {explanation.before} -> {explanation.after}"
        rows = [("", *row) for row in explanation_rows(explanation, explained)]
        yield from table(("",) * 4, rows, {1: paint_change})[1:]


def explanation_rows(explanation: Explanation, all_of_them: Mapping[str, Explanation]) -> Rows:
    """What differs of an image, in three columns: what happened, to what, and where that is from.

    `all_of_them` has the explanations of the images that it builds on.
    """
    rows: Rows = [
        ("option", name, f"{before} -> {after}")
        for name, (before, after) in explanation.configuration.items()
    ]
    rows += _file_rows(explanation.files)
    moved: dict[str, dict[str, None]] = {}
    for image in explanation.dependencies:
        if image.before is None:
            rows.append(("builds on", image.name, "which it did not"))
        elif image.after is None:
            rows.append(("builds on", image.name, "no more"))
        for root in image.roots:
            moved.setdefault(_root_reason(all_of_them[root]), {})[image.name] = None
    rows += [("builds on", ", ".join(names), reason) for reason, names in moved.items()]
    return rows


def _file_rows(files: Sequence[FileChange]) -> Rows:
    if len(files) <= _MOST_LINES:
        return [(file.change.value, _shown(file), _origins(file.origins)) for file in files]
    together = sorted(files, key=lambda file: (_origins(file.origins), file.change.value))
    rows: Rows = []
    for (origins, change), group in groupby(
        together, key=lambda file: (_origins(file.origins), file.change.value)
    ):
        first, *others = group
        more = f" and {len(others)} more" if others else ""
        rows.append((change, _shown(first) + more, origins))
    return rows


def _root_reason(root: Explanation) -> str:
    parts = [f"option {name}" for name in root.configuration]
    shown = root.files[:_MOST_ROOT_FILES]
    parts += [f"{_shown(file)} ({file.change.value})" for file in shown]
    parts += [
        f"{image.name} ({'removed' if image.after is None else 'added'})"
        for image in root.dependencies
        if not image.roots
    ]
    more = len(root.files) - len(shown)
    return ", ".join(parts) + (f" and {more} more" if more else "")


def _shown(file: FileChange) -> str:
    # A path may have anything in it, a line break for instance.
    path = file.path if file.path.isprintable() else ascii(file.path)
    if file.mode_before is None or file.mode_after is None or file.mode_before == file.mode_after:
        return path
    return f"{path} ({file.mode_before:o} -> {file.mode_after:o})"


def _origins(origins: Iterable[Origin]) -> str:
    return ", ".join(_origin(kind, name) for kind, name in origins)


def _origin(kind: InputKind, name: str) -> str:
    if kind is InputKind.CONTEXT:
        return "context"
    return "all Cargo builds" if kind is InputKind.SHARED else f"{kind.value} {name}"


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
                "brought_in_by": [
                    {"kind": kind.value, "name": name} for kind, name in file.origins
                ],
            }
            for file in explanation.files
        ],
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
