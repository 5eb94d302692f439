"""What goals that only look tell people and programs."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from enum import Enum

from mzbuild.core.errors import closest, listed
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.work_tree.listing import Listing, is_under

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
        return (
            "No image is named. Give names, directories or addresses; `::` stands for all images."
        )
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
    contexts = frozenset(by_name.values())
    return _told(
        {
            spec: _below(spec, contexts)
            or _near_miss(spec, files, contexts)
            or _nearest(spec, by_name)
            for spec in specs
        }
    )


def near_misses(specs: Sequence[str], images: Sequence[Image], files: Listing) -> Mapping[str, str]:
    """What to tell of those that are nearly images."""
    contexts = frozenset(image.context for image in images)
    return _told({spec: _near_miss(spec, files, contexts) for spec in specs})


def _told(hints: Mapping[str, str]) -> Mapping[str, str]:
    return {
        spec: f"{listed([spec or '.'])} matches no image. {hint}"
        for spec, hint in hints.items()
        if hint
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


def _below(spec: str, contexts: Collection[str]) -> str:
    """How to name the images below a directory that has none itself."""
    path, target = _parts(spec)
    if target or path in contexts or not any(is_under(context, path) for context in contexts):
        return ""
    return f"`{path}::` stands for those below it."


def _near_miss(spec: str, files: Listing, contexts: Collection[str]) -> str:
    """What a directory lacks that is nearly an image, and none of those that are."""
    path, _ = _parts(spec)
    below = (path,) if path in files else files.under(path)
    inside = [each for each in map(posixpath.split, below) if each[0] not in contexts]
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
