"""Images in a list: what each is, in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mzbuild.core.fingerprint.inputs import input_paths
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.text.table import SCREEN


@dataclass(frozen=True)
class ListedImage:
    """What the list tells of an image; its fields are those of the JSON."""

    name: str
    address: str
    publish: bool
    mainline: bool
    description: str | None
    # How many files go into it; `None` where that cannot be said.
    inputs: int | None
    # The names of the images that it builds on directly.
    dependencies: tuple[str, ...]
    # Why it has no fingerprint, where it has none.
    error: str | None


def list_images(
    graph: ImageGraph, survey: Survey, addresses: Mapping[str, str]
) -> tuple[ListedImage, ...]:
    """The images that `addresses` has the names of, in its order."""
    return tuple(
        ListedImage(
            name,
            address,
            graph.by_name[name].publish,
            graph.by_name[name].mainline,
            graph.by_name[name].description,
            len(input_paths(survey.inputs[name])) if name in survey.inputs else None,
            graph.dependencies[name],
            survey.errors.get(name),
        )
        for name, address in addresses.items()
    )


def list_rows(images: Sequence[ListedImage]) -> list[list[str]]:
    """Rows for people: a dash where there is nothing, a word only where it is not as usual."""
    return [
        [
            image.name,
            _short(image.address),
            "?" if image.inputs is None else str(image.inputs),
            "yes" if image.publish else "no",
            "yes" if image.mainline else "no",
            ", ".join(image.dependencies) or "-",
            image.description or "",
        ]
        for image in images
    ]


def _short(address: str) -> str:
    """An address as people type it: without the target's name, where that is the directory's."""
    directory, _, target = address.partition(":")
    return directory if target == directory.rpartition("/")[2] else address


def list_summary(images: Sequence[ListedImage]) -> list[str]:
    """How many images there are, where one does not see it at a glance."""
    if len(images) <= SCREEN:
        return []
    published = sum(image.publish for image in images)
    mainline = sum(image.mainline for image in images)
    return [f"{len(images)} images: {published} published, {mainline} of the main line"]
