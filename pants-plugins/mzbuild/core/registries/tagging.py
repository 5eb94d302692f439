"""Tags for people, such as `v1.2.3`: lists of images, one for each architecture.

They are made in the registries, of images that are there. This module talks to the network.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from mzbuild.core.configuration import Arch
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.registries.addresses import Registry
from mzbuild.core.registries.client import (
    Absent,
    Answer,
    Present,
    RegistryClient,
    RegistryError,
    RegistryTag,
)
from mzbuild.core.registries.manifests import Manifest
from mzbuild.core.registries.round import Unknown

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PARALLEL = 8


class Step(Enum):
    """What making a tag comes to."""

    NONE = "already there"
    MAKE = "made"
    MOVE = "moved"
    FAIL = "failed"


@dataclass(frozen=True)
class TagRequest:
    """A tag to make in a registry, and the tags there of the images that it is to stand for."""

    image: str
    registry: Registry
    tag: str
    parts: Mapping[Arch, str]


@dataclass(frozen=True)
class TagStep:
    """What making a tag comes to, with what it is to stand for; why, where it failed."""

    request: TagRequest
    step: Step
    manifest: Manifest
    reason: str = ""


def check_tags(tags: Collection[str]) -> None:
    """Raises `MzbuildError` for no tags, and for what cannot be a tag for people."""
    if not tags:
        raise MzbuildError("There is no tag to make. Give some, for example: `--tags=v1.2.3`.")
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise MzbuildError(
                f"`{tag}` cannot be a tag: Docker allows letters, digits, `_`, `.` and `-`, up to "
                "128 of them, of which the first is not `.` or `-`."
            )
        if tag.startswith("mzbuild-"):
            raise MzbuildError(
                f"`{tag}` cannot be a tag for people: what begins with `mzbuild-` stands for a "
                "fingerprint, and is made by `pants mzbuild-ensure`."
            )


def plan_tags(
    client: RegistryClient,
    requests: Sequence[TagRequest],
    movable: Collection[str],
    budget: float,
) -> list[TagStep]:
    """What is to be done for the tags; nothing is changed yet.

    Raises `MzbuildError` where an image that a tag is to stand for is missing, or is not known to
    be there; and where a tag stands for something else already, unless it is `movable`.
    """
    parts = {(each.registry, part): each for each in requests for part in each.parts.values()}
    _refuse_missing(client.check(parts, budget))
    whole = {(each.registry, frozenset(each.parts.items())) for each in requests}
    with ThreadPoolExecutor(_PARALLEL) as pool:
        manifests = dict(
            zip(whole, pool.map(lambda key: client.list_of(key[0], dict(key[1]), budget), whole))
        )
    present = client.check([(each.registry, each.tag) for each in requests], budget)
    steps = []
    taken = []
    for each in requests:
        manifest = manifests[each.registry, frozenset(each.parts.items())]
        answer = present[each.registry, each.tag]
        step = Step.MAKE
        if isinstance(answer, Unknown):
            raise RegistryError(f"{each.tag}: {answer.reason}. No tag was made or moved.")
        if isinstance(answer, Present):
            step = Step.NONE if answer.digest == manifest.digest else Step.MOVE
        if step is Step.MOVE and each.tag.rpartition(":")[2] not in movable:
            taken.append(each.tag)
        steps.append(TagStep(each, step, manifest))
    if taken:
        raise MzbuildError.of_lines(
            "These tags stand for something else already, and no tag was made or moved:\n"
            + "".join(f"  {tag}\n" for tag in taken)
            + f"Take another tag. Only {listed(movable) or 'what is listed'} may move: "
            "[mzbuild-tag].movable."
        )
    return steps


def _refuse_missing(answers: Mapping[RegistryTag, Answer]) -> None:
    missing = [
        f"  {tag}" + (f" ({answer.reason})" if isinstance(answer, Unknown) else "")
        for (_, tag), answer in answers.items()
        if isinstance(answer, (Absent, Unknown))
    ]
    if missing:
        raise MzbuildError.of_lines(
            "These images are not known to be in their registries, so no tag was made or moved:\n"
            + "\n".join(missing)
            + "\nPublish them first, with the same `[mzbuild].archs`: `pants mzbuild-ensure`."
        )


def make_tags(client: RegistryClient, steps: Iterable[TagStep], budget: float) -> list[TagStep]:
    """Does what was planned, and returns what came of it; one failure does not stop the others."""

    def make(step: TagStep) -> TagStep:
        request = step.request
        if step.step is Step.NONE:
            return step
        try:
            client.put_manifest(request.registry, request.tag, step.manifest, budget)
        except RegistryError as error:
            return TagStep(request, Step.FAIL, step.manifest, str(error))
        return step

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(make, steps))
