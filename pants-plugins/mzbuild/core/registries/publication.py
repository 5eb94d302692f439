"""Which images are published, and which registries lack which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mzbuild.core.configuration import Arch
from mzbuild.core.registries.client import Absent, Answer, Present, RegistryTag
from mzbuild.core.registries.round import Unknown


class Status(Enum):
    """Whether an image is in every registry that it is published to."""

    PUBLISHED = "published"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Publication:
    """What the registries say of one image for one architecture, by its tags."""

    name: str
    arch: Arch
    answers: Mapping[RegistryTag, Answer]

    @property
    def status(self) -> Status:
        """Where something is known to be missing, that counts, whatever else is not known."""
        if self.missing:
            return Status.MISSING
        return Status.UNKNOWN if self.unknown else Status.PUBLISHED

    @property
    def present(self) -> Mapping[RegistryTag, str]:
        """The digests of the tags that are there."""
        return {tag: a.digest for tag, a in self.answers.items() if isinstance(a, Present)}

    @property
    def missing(self) -> tuple[RegistryTag, ...]:
        """The tags that are not there."""
        return tuple(tag for tag, a in self.answers.items() if isinstance(a, Absent))

    @property
    def unknown(self) -> Mapping[RegistryTag, str]:
        """The tags of which a registry does not say whether it has them, with why."""
        return {tag: a.reason for tag, a in self.answers.items() if isinstance(a, Unknown)}


def publications(
    arch: Arch,
    names: Iterable[str],
    tags: Mapping[str, Sequence[RegistryTag]],
    answers: Mapping[RegistryTag, Answer],
) -> tuple[Publication, ...]:
    """The images among some that are published (that have tags), with the registries' answers."""
    return tuple(
        Publication(name, arch, {tag: answers[tag] for tag in tags[name]})
        for name in names
        if tags[name]
    )


def image_statuses(
    arch: Arch,
    tags: Mapping[str, Sequence[RegistryTag]],
    answers: Mapping[RegistryTag, Answer],
    local: Container[str] | None,
) -> Mapping[str, str]:
    """Where the images that `tags` has the names of are to be had, in a word for each.

    `published`: in every registry; `local`: not there, but in the engine, which has those in
    `local`; `missing`: neither; `unknown`: no registry lacks it for certain, nor has the engine it.
    Where `local` is None, no engine says what it has, and what is not published is `unknown`.
    """
    statuses = dict.fromkeys(tags, Status.MISSING)
    statuses.update({each.name: each.status for each in publications(arch, tags, tags, answers)})
    if local is None:
        return {
            name: (status if status is Status.PUBLISHED else Status.UNKNOWN).value
            for name, status in statuses.items()
        }
    return {
        name: "local" if status is not Status.PUBLISHED and name in local else status.value
        for name, status in statuses.items()
    }


def check_exit_code(images: Iterable[Publication]) -> int:
    """0 where all are published, 1 where something is missing, 2 where something is not known."""
    images = tuple(images)
    if any(image.unknown for image in images):
        return 2
    return 1 if any(image.missing for image in images) else 0


def check_summary(images: Iterable[Publication], broken: int) -> str:
    """How many images there are of each status; `broken` is how many have no fingerprint."""
    counts = Counter(image.status.value for image in images)
    if broken:
        counts["broken"] = broken
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def check_rows(images: Iterable[Publication]) -> list[tuple[str, ...]]:
    """What is not as it should be: image, architecture, registry, status, and the tag or what is
    wrong."""
    rows: list[tuple[str, ...]] = []
    for image in images:
        which = (image.name, image.arch.value)
        for registry, tag in image.missing:
            rows.append((*which, registry.name, Status.MISSING.value, tag))
        for (registry, _), reason in image.unknown.items():
            rows.append((*which, registry.name, Status.UNKNOWN.value, reason))
    return rows
