"""The inputs of an image: the files that its fingerprint covers, grouped by what brings them in."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Callable, NamedTuple

from mzbuild.core.actions.action import InputGroup, InputKind, Repository
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.work_tree.files import ContentDigests
from mzbuild.core.work_tree.listing import Listing, less_nested


class InputFile(NamedTuple):
    """An input as it counts: its mode as Git has it, and its content."""

    mode: int
    content: ContentDigests


@dataclass(frozen=True)
class ImageInputs:
    """What goes into each image, by its name.

    An image whose inputs cannot be told has its reason in `errors`, and is nowhere else.
    """

    groups: Mapping[str, tuple[InputGroup, ...]]
    # The runs that the inputs are cut into, and for each image the indices of its own, in order.
    runs: tuple[tuple[str, ...], ...]
    by_image: Mapping[str, tuple[int, ...]]
    errors: Mapping[str, str]

    def paths(self, name: str) -> tuple[str, ...]:
        """What goes into an image, sorted."""
        return tuple(path for index in self.by_image[name] for path in self.runs[index])

    def compiles(self, name: str) -> bool:
        """Whether Cargo builds something for an image."""
        return any(group.kind == InputKind.SHARED for group in self.groups[name])

    def count(self, name: str) -> int:
        """How many files go into an image."""
        return sum(len(self.runs[index]) for index in self.by_image[name])


def all_inputs(
    images: Iterable[Image], inputs: Callable[[Image], tuple[InputGroup, ...]]
) -> ImageInputs:
    """What goes into images, by `inputs`, which may raise `MzbuildError`."""
    groups, errors = {}, {}
    for image in images:
        try:
            groups[image.name] = inputs(image)
        except MzbuildError as error:
            errors[image.name] = str(error)
    indices: dict[tuple[str, ...], int] = {}
    by_image = {
        name: tuple(indices.setdefault(run, len(indices)) for run in input_runs(groups[name]))
        for name in groups
    }
    return ImageInputs(groups, tuple(indices), by_image, errors)


def image_inputs(image: Image, graph: ImageGraph, repository: Repository) -> tuple[InputGroup, ...]:
    """The inputs of an image in groups, each sorted; a file may be in more than one.

    For an image that a BUILD file declares, its `mzbuild.yml` is among them without being in the
    listing: the image's canonical declaration stands in its place. Raises `MzbuildError` for a
    pre-image action that cannot be followed.
    """
    context = _context_files(image, graph, repository.listing)
    groups = [InputGroup(InputKind.CONTEXT, image.context, context)]
    for action in image.pre_image:
        groups += action.inputs(image, repository)
    return tuple(groups)


def missed_inputs(
    image: Image, inputs: ImageInputs, graph: ImageGraph, strict: Repository
) -> tuple[str, ...]:
    """What the strict scheme has as inputs besides those given, sorted.

    `strict` is the repository as that scheme has it. Raises as `image_inputs` does.
    """
    if not inputs.compiles(image.name):
        return ()
    paths = input_paths(image_inputs(image, graph, strict))
    return tuple(sorted(set(paths).difference(inputs.paths(image.name))))


def uncovered_inputs(
    images: Iterable[Image], inputs: ImageInputs, readers: Container[str], links: Container[str]
) -> Mapping[str, tuple[str, ...]]:
    """What Cargo reads for each image and no scheme covers, in words.

    `readers` are the sources that read Git, `links` the symlinks that lead out of the repository.
    """
    found = [
        tuple(
            f".git (read by {path})" if path in readers else f"{path} (leads out of the repository)"
            for path in run
            if path in readers or path in links
        )
        for run in inputs.runs
    ]
    return {
        image.name: tuple(
            sorted(chain.from_iterable(found[i] for i in inputs.by_image[image.name]))
        )
        for image in images
        if image.name in inputs.by_image and inputs.compiles(image.name)
    }


def input_paths(groups: tuple[InputGroup, ...]) -> tuple[str, ...]:
    """All files of the groups, each once, in the order that the fingerprint takes them in."""
    return tuple(chain.from_iterable(input_runs(groups)))


def input_runs(groups: tuple[InputGroup, ...]) -> tuple[tuple[str, ...], ...]:
    """The same files in the same order, cut into runs that other images have too.

    A crate's files mostly follow one another, with nothing of another group in between. So what is
    worked out for them once holds for all images that the crate goes into.
    """
    runs: list[tuple[str, ...]] = []
    for paths in sorted({group.paths for group in groups if group.paths}):
        if runs and paths[0] <= runs[-1][-1]:
            runs[-1] = _merged(runs[-1], paths)
        else:
            runs.append(paths)
    return tuple(runs)


@lru_cache(maxsize=1 << 12)
def _merged(paths: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*paths, *others}))


def context_paths(groups: tuple[InputGroup, ...]) -> tuple[str, ...]:
    """The files of an image's own context, sorted."""
    return tuple(
        chain.from_iterable(group.paths for group in groups if group.kind == InputKind.CONTEXT)
    )


def is_build_file(path: str, directory: str) -> bool:
    """Whether a path is that of a BUILD file right in a directory."""
    name = path[len(directory) + 1 :] if directory else path
    return name == "BUILD" or (name.startswith("BUILD.") and "/" not in name)


def _context_files(image: Image, graph: ImageGraph, listing: Listing) -> tuple[str, ...]:
    files = less_nested(listing.under(image.context), graph.nested_contexts[image.context])
    if image.declared_in_file:
        return files
    # The BUILD file may declare much else, and its comments are nobody's input: what it says of
    # this image is in the canonical declaration.
    declared = {path for path in files if not is_build_file(path, image.context)}
    return tuple(sorted(declared | {image.mzbuild_yml}))
