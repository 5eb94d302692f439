"""What it takes to have an image in all its registries."""

from __future__ import annotations

from enum import Enum

from mzbuild.core.plan.acquisition import Build, OnUnknown
from mzbuild.core.registries.client import RegistryTag
from mzbuild.core.registries.publication import Publication, Status


class EnsureStep(Enum):
    """What is done first; but for the first two and the last, a push to `missing_tags` follows."""

    # It is in all registries.
    NOTHING = "nothing"
    # A registry does not say whether it has the image.
    REFUSE_UNKNOWN = "refuse unknown"
    REUSE = "reuse"
    # One registry has what another one lacks.
    PULL = "pull"
    BUILD = "build"
    REFUSE_BUILD = "refuse build"


def missing_tags(image: Publication | None, on_unknown: OnUnknown) -> tuple[RegistryTag, ...]:
    """The tags that are to be pushed; `None` is an image that is not published."""
    if image is None or (image.unknown and on_unknown is OnUnknown.ERROR):
        return ()
    return (*image.missing, *image.unknown)


def ensure_step(
    image: Publication | None, *, local: bool, build: Build, on_unknown: OnUnknown
) -> EnsureStep:
    """What is to be done for an image; `None` is one that is not published, and wanted for others
    to build on. `local` says whether the engine has it."""
    if image and image.status is Status.PUBLISHED:
        return EnsureStep.NOTHING
    if image and not missing_tags(image, on_unknown):
        return EnsureStep.REFUSE_UNKNOWN
    if local:
        return EnsureStep.REUSE
    if image and image.present:
        return EnsureStep.PULL
    return EnsureStep.REFUSE_BUILD if build is Build.NEVER else EnsureStep.BUILD
