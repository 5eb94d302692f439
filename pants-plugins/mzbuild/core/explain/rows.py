"""What differs of an image, in rows of three: what happened, to what, and where that is from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from mzbuild.core.actions.action import InputKind
from mzbuild.core.explain.explanation import Explanation, FileChange, Origin

# With more files than this, those that the same thing brings in are told of in one row.
MOST_FILES = 10
# Of what an image builds on, so many files are told of.
_MOST_ROOT_FILES = 2

Rows = list[tuple[str, str, str]]


def explanation_rows(
    explanation: Explanation, explained: Mapping[str, Explanation], *, everything: bool
) -> Rows:
    """What differs of an image; `explained` has the images that it builds on.

    With `everything`, each file has a row, however many there are.
    """
    rows = option_rows(explanation)
    few = everything or len(explanation.files) <= MOST_FILES
    rows += file_rows(explanation.files) if few else _grouped_file_rows(explanation.files)
    rows += target_rows(explanation)
    rows += dependency_rows(explanation)
    moved: dict[str, dict[str, None]] = {}
    for image in explanation.dependencies:
        for root in image.roots:
            moved.setdefault(_root_reason(explained[root]), {})[image.name] = None
    rows += [("builds on", ", ".join(names), reason) for reason, names in moved.items()]
    return rows


def option_rows(explanation: Explanation) -> Rows:
    """The options that differ."""
    return [
        ("option", name, f"{before} -> {after}")
        for name, (before, after) in explanation.configuration.items()
    ]


def file_rows(files: Iterable[FileChange]) -> Rows:
    """A row for each file."""
    return [(file.change.value, _shown(file), _origins(file.origins)) for file in files]


def target_rows(explanation: Explanation) -> Rows:
    """The targets that are defined in another way."""
    return [
        ("defined", name, f"as a {kind} of other targets or options")
        for kind, name in explanation.targets
    ]


def dependency_rows(explanation: Explanation) -> Rows:
    """The images that are not built on in both snapshots."""
    rows: Rows = []
    for image in explanation.dependencies:
        if image.before is None:
            rows.append(("builds on", image.name, "which it did not"))
        elif image.after is None:
            rows.append(("builds on", image.name, "no more"))
    return rows


def _grouped_file_rows(files: Sequence[FileChange]) -> Rows:
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
    parts += [f"{name} (defined anew)" for _, name in root.targets]
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


def _origin(kind: str, name: str) -> str:
    if kind == InputKind.CONTEXT:
        return "context"
    return "all Cargo builds" if kind == InputKind.SHARED else f"{kind} {name}"
