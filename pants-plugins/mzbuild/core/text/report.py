"""What goals that only look tell people and programs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from enum import Enum

from mzbuild.core.errors import closest, listed
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.work_tree.listing import Listing

NO_FILES = Listing(())


class ReportFormat(Enum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


def no_image(specs: Sequence[str], images: Sequence[Image], files: Listing = NO_FILES) -> str:
    """What to tell whose specifications match no image, with what each of them may have meant.

    `specs` is what was typed: directories, files, addresses, globs, names; there may be none.
    `files` are those that Git sees: an image may just lack one.
    """
    if not specs:
        return "No image is named. Name directories or addresses; `::` stands for all images."
    meant = meant_images(specs, images, files)
    plain = [spec for spec in specs if spec not in meant]
    told = [*meant.values()]
    if plain:
        told.append(f"{listed(plain)}: that matches no image. `::` stands for all images.")
    return "\n".join(told)


def meant_images(
    specs: Sequence[str], images: Sequence[Image], files: Listing
) -> Mapping[str, str]:
    """What to tell of those specifications of which it can be said what they mean."""
    by_name = {image.name: image.context for image in images}
    hints = {spec: _near_miss(spec, files) or _nearest(spec, by_name) for spec in specs}
    return {
        spec: f"{listed([spec])} matches no image. {hint}" for spec, hint in hints.items() if hint
    }


def _nearest(spec: str, by_name: Mapping[str, str]) -> str:
    path, target = _parts(spec)
    exactly = by_name.get(path, path)
    if not target and exactly in by_name.values():
        # What Pants sees of an image has a target, which would have been found.
        return f"Pants does not see `{exactly}/{FILE_NAME}`: a warning tells why."
    name = target or posixpath.basename(path)
    near = path if path in by_name.values() else by_name.get(name)
    if near is None:
        near = closest(path, by_name.values())
    if near is None:
        near = by_name.get(closest(name, by_name) or name)
    # The directory of an image may be the repository's root.
    return "" if near is None else f"Did you mean `{near or '//:'}`?"


def _near_miss(spec: str, files: Listing) -> str:
    """What a directory lacks that is nearly an image."""
    path, _ = _parts(spec)
    inside = [posixpath.split(file) for file in ((path,) if path in files else files.under(path))]
    for directory, name in inside:
        if name.casefold() in ("mzbuild.yml", "mzbuild.yaml") and name != FILE_NAME:
            return f"`{posixpath.join(directory, name)}` has to be called `{FILE_NAME}`."
    for directory, name in inside:
        if name == "Dockerfile" and posixpath.join(directory, FILE_NAME) not in files:
            return (
                f"`{directory or '.'}` has a `Dockerfile`, but no `{FILE_NAME}`, which makes an "
                f"image of it. Write one with `name: {posixpath.basename(directory) or '…'}`."
            )
    return ""


def _parts(spec: str) -> tuple[str, str]:
    """The path and the target's name in what was typed."""
    path, _, target = spec.rstrip(":/*").lstrip("/").partition(":")
    return path, target
