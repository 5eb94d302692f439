"""What goals that only look tell people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from mzbuild.core.errors import closest, listed, nearest
from mzbuild.core.image.declaration import Image


class ReportFormat(Enum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


def no_image(specs: Sequence[str], images: Sequence[Image]) -> str:
    """What to tell whose specifications match no image, with the nearest image's directory.

    `specs` is what was typed: directories, files, addresses, globs; there may be none.
    """
    if not specs:
        return "No image is named. Name directories or addresses; `::` stands for all images."
    by_name = {image.name: image.context for image in images}
    for spec in specs:
        path, _, target = spec.rstrip(":/*").lstrip("/").partition(":")
        near = nearest(path, by_name.values())
        name = closest(target or path.rpartition("/")[2], by_name)
        if not near and name is not None:
            near = f" Did you mean `{by_name[name]}`?"
        if near:
            return f"{listed([spec])} matches no image.{near}"
    return f"{listed(specs)}: that matches no image. `::` stands for all images."
