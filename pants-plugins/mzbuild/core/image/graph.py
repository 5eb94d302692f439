"""The images of a repository and which of them builds on which."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Callable

from mzbuild.core.docker.mzfrom import mzfrom_lines, mzfrom_names
from mzbuild.core.errors import MzbuildError, nearest
from mzbuild.core.image.declaration import Image
from mzbuild.core.work_tree.listing import Listing, nesting


@dataclass(frozen=True)
class ImageGraph:
    """All images, sorted by name, each with the names of those that it builds on directly."""

    images: tuple[Image, ...]
    dependencies: Mapping[str, tuple[str, ...]]

    @cached_property
    def by_name(self) -> Mapping[str, Image]:
        """The images by their names."""
        return {image.name: image for image in self.images}

    @cached_property
    def by_context(self) -> Mapping[str, Image]:
        """The images by the directories that are their contexts."""
        return {image.context: image for image in self.images}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The names of all images, each after those that it builds on."""
        return self.closure(self.by_name)

    def closure(self, names: Iterable[str], without: Container[str] = ()) -> tuple[str, ...]:
        """The named images and all that they build on, each after those that it builds on.

        Those in `without` are left out, and so is what is only there for them.
        """
        found: dict[str, None] = {}
        for name in names:
            if name in without:
                continue
            # An explicit stack, so that a long chain of images is no recursion; an image is
            # pushed again below what it builds on, and taken when that is done.
            stack = [name]
            while stack:
                current = stack[-1]
                waiting = [
                    dependency
                    for dependency in self.dependencies[current]
                    if dependency not in found and dependency not in without
                ]
                if waiting:
                    stack.extend(waiting)
                else:
                    found[stack.pop()] = None
        return tuple(found)

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """For each image the names, sorted, of those that build on it directly."""
        found: dict[str, list[str]] = {image.name: [] for image in self.images}
        for name in sorted(self.dependencies):
            for dependency in self.dependencies[name]:
                found[dependency].append(name)
        return {name: tuple(names) for name, names in found.items()}

    def dependents_closure(self, name: str) -> tuple[str, ...]:
        """The names, sorted, of all images that build on one, directly or not."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = set(self.dependents[waiting.pop()]) - found
            found |= new
            waiting.extend(new)
        return tuple(sorted(found))

    @cached_property
    def nested_contexts(self) -> Mapping[str, tuple[str, ...]]:
        """For each image's context the contexts of other images that lie in it."""
        return nesting(self.by_context)


def build_graph(
    images: Iterable[Image], listing: Listing, read: Callable[[str], bytes]
) -> ImageGraph:
    """Puts the images of a repository together.

    `read` gives the content of a Dockerfile by its path. Raises `MzbuildError` for two images of
    one name, one without a Dockerfile, an `MZFROM` of no image, and a cycle.
    """
    by_name: dict[str, Image] = {}
    for image in images:
        other = by_name.setdefault(image.name, image)
        if other is not image:
            places = sorted([other.origin, image.origin])
            raise MzbuildError(
                f"{places[0]} and {places[1]} both declare the image `{image.name}`. "
                "Rename one of them: a name stands for one image in the whole repository."
            )
    dependencies = {}
    for name in sorted(by_name):
        dockerfile = by_name[name].dockerfile
        if dockerfile not in listing:
            raise MzbuildError(
                f"{by_name[name].origin}: the image `{name}` has no Dockerfile. Add "
                f"`{dockerfile}`; if it is there, see that Git does not ignore it."
            )
        content = read(dockerfile)
        dependencies[name] = mzfrom_names(content, dockerfile)
        for dependency in dependencies[name]:
            if dependency not in by_name:
                raise MzbuildError(
                    f"{dockerfile}:{mzfrom_lines(content)[dependency]}: `MZFROM {dependency}`: "
                    f"there is no image of that name.{nearest(dependency, by_name)}"
                )
    _refuse_cycle(dependencies)
    return ImageGraph(tuple(by_name[name] for name in sorted(by_name)), dependencies)


def _refuse_cycle(dependencies: Mapping[str, tuple[str, ...]]) -> None:
    done: set[str] = set()
    for start in dependencies:
        path: list[str] = []
        branches = [iter((start,))]
        while branches:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                cycle = [*path[path.index(name) :], name]
                raise MzbuildError(
                    f"These images build on one another in a cycle: {' -> '.join(cycle)}. "
                    "Remove one of the `MZFROM` lines."
                )
            elif name not in done:
                path.append(name)
                branches.append(iter(dependencies[name]))
