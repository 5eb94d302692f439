"""Why an image's fingerprint is not what it was: what differs between two snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from itertools import chain

from mzbuild.core.actions.action import InputGroup, InputKind
from mzbuild.core.configuration import Configuration
from mzbuild.core.explain.snapshot import Snapshot
from mzbuild.core.fingerprint.survey import Survey

# What brings a file in, as an `InputGroup` has it.
Origin = tuple[str, str]


class Change(Enum):
    """What became of an input."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    # The content is the same.
    MODE = "mode"


@dataclass(frozen=True)
class FileChange:
    """An input that differs, with its modes (`None` where it is no input)."""

    path: str
    change: Change
    mode_before: int | None
    mode_after: int | None
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class DependencyChange:
    """An image that is built on directly and differs, with its fingerprints (`None` where it is
    not built on).

    `roots` are the images at the bottom of it: those that would differ even if all that they
    build on were the same.
    """

    name: str
    before: str | None
    after: str | None
    roots: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """What differs of an image; a fingerprint is `None` where there is no such image, and then
    nothing else is told of.

    `configuration` has the options that differ, with their values before and after; `targets` what
    actions take that is defined in another way, though its files may be the same.
    """

    name: str
    before: str | None
    after: str | None
    configuration: Mapping[str, tuple[str, str]]
    files: tuple[FileChange, ...]
    dependencies: tuple[DependencyChange, ...]
    targets: tuple[Origin, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """The images that are to blame: this one, or some that it builds on."""
        if all(image.roots for image in self.dependencies) and not (
            self.files or self.configuration or self.targets
        ):
            roots = tuple(sorted({root for image in self.dependencies for root in image.roots}))
            return roots or (self.name,)
        return (self.name,)


def explain(before: Snapshot, after: Snapshot) -> Mapping[str, Explanation]:
    """What differs of each image that differs, by name, each after what it builds on.

    Images without a fingerprint in one of the snapshots, because of an error, are left out.
    """
    configuration = _configuration_changes(before.configuration, after.configuration)
    old, new = before.survey.fingerprints, after.survey.fingerprints
    # Where a declaration cannot be read, the image that was or will be there has no name.
    nameless = {
        context
        for survey in (before.survey, after.survey)
        for context in _contexts(survey, survey.errors)
    }
    found: dict[str, Explanation] = {}
    for name in (*new, *(name for name in old if name not in new)):
        if name in before.survey.errors or name in after.survey.errors:
            continue
        if name not in old or name not in new:
            if _contexts(before.survey if name in old else after.survey, [name]) & nameless:
                continue
            found[name] = Explanation(name, old.get(name), new.get(name), {}, (), ())
        elif old[name] != new[name]:
            found[name] = Explanation(
                name,
                old[name],
                new[name],
                configuration,
                tuple(_file_changes(before, after, name)),
                tuple(_dependency_changes(before, after, name, found)),
                tuple(_defined_anew(before.survey.inputs[name], after.survey.inputs[name])),
            )
    return found


def _contexts(survey: Survey, names: Iterable[str]) -> set[str]:
    groups = chain.from_iterable(survey.inputs.get(name, ()) for name in names)
    return {group.name for group in groups if group.kind == InputKind.CONTEXT}


def _configuration_changes(
    before: Configuration, after: Configuration
) -> Mapping[str, tuple[str, str]]:
    changes = {}
    for field in fields(Configuration):
        old, new = (_shown(getattr(side, field.name)) for side in (before, after))
        if old != new:
            changes["fingerprint_scheme" if field.name == "scheme" else field.name] = (old, new)
    return changes


def _shown(value: object) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value).lower()


def _file_changes(before: Snapshot, after: Snapshot, name: str) -> Iterable[FileChange]:
    old_groups, new_groups = before.survey.inputs[name], after.survey.inputs[name]
    old = frozenset(chain.from_iterable(group.paths for group in old_groups))
    new = frozenset(chain.from_iterable(group.paths for group in new_groups))
    differing = {path for path in old & new if before.record(path) != after.record(path)}
    paths = frozenset(differing | (old ^ new))
    origins = {**_origins(old_groups, paths), **_origins(new_groups, paths)}
    for path in sorted(paths):
        was = before.record(path) if path in old else None
        now = after.record(path) if path in new else None
        if was is None:
            change = Change.ADDED
        elif now is None:
            change = Change.REMOVED
        else:
            change = Change.MODE if was[2:] == now[2:] else Change.CHANGED
        yield FileChange(path, change, _mode(was), _mode(now), origins[path])


def _defined_anew(before: Iterable[InputGroup], after: Iterable[InputGroup]) -> Iterable[Origin]:
    old = {(group.kind, group.name): group.definition for group in before}
    for group in after:
        # One that is new is told of by its files.
        if old.get((group.kind, group.name), group.definition) != group.definition:
            yield group.kind, group.name


def _mode(record: bytes | None) -> int | None:
    return None if record is None else int.from_bytes(record[:2], "big")


def _origins(
    groups: Iterable[InputGroup], paths: frozenset[str]
) -> Mapping[str, tuple[Origin, ...]]:
    found: dict[str, dict[Origin, None]] = {}
    for group in groups:
        for path in paths.intersection(group.paths):
            # Two actions may bring in the same crate.
            found.setdefault(path, {})[group.kind, group.name] = None
    return {path: tuple(origins) for path, origins in found.items()}


def _dependency_changes(
    before: Snapshot, after: Snapshot, name: str, explained: Mapping[str, Explanation]
) -> Iterable[DependencyChange]:
    old, new = before.dependencies[name], after.dependencies[name]
    for other in sorted({*old, *new}):
        was = before.survey.fingerprints[other] if other in old else None
        now = after.survey.fingerprints[other] if other in new else None
        if was != now:
            roots = explained[other].roots if was and now else ()
            yield DependencyChange(other, was, now, roots)
