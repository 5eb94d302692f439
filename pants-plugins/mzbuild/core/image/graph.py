"""The images of a repository and which of them builds on which."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Callable

from mzbuild.core.docker.mzfrom import mzfrom_lines, mzfrom_names
from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.image.declaration import Image
from mzbuild.core.text.limits import check_file_size
from mzbuild.core.work_tree.listing import Listing, nesting


@dataclass(frozen=True)
class ImageGraph:
    """All images, sorted by name, each with the names of those that it builds on directly.

    `errors` says by name what is wrong with images that cannot be built as they are declared. What
    builds on them is not among them. Of what they build on, only what makes sense is told.
    """

    images: tuple[Image, ...]
    dependencies: Mapping[str, tuple[str, ...]]
    errors: Mapping[str, str] = field(default_factory=dict)

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
    images: Iterable[Image],
    listing: Listing,
    read: Callable[[str], bytes],
    faults: Mapping[str, str] = MappingProxyType({}),
) -> ImageGraph:
    """Puts the images of a repository together.

    `read` gives the content of a Dockerfile by its path; `faults` says by their origins what is
    wrong with the declarations of images. Others are found here: a name that two images have (each
    goes by its origin then), a Dockerfile that is not there or cannot be read, an `MZFROM` of no
    image, and a cycle.
    """
    declared = tuple(images)
    by_name, errors = _by_name(declared, faults)
    dependencies = {}
    for name, image in by_name.items():
        try:
            content = _dockerfile(image, listing, read)
            named = mzfrom_names(content, image.dockerfile)
        except MzbuildError as error:
            errors.setdefault(name, str(error))
            named = ()
        dependencies[name] = tuple(other for other in named if other in by_name)
        if dependencies[name] != named:
            errors.setdefault(name, _unknown(image.dockerfile, content, by_name, declared))
    _break_cycles(dependencies, errors)
    return ImageGraph(tuple(by_name.values()), dependencies, errors)


def _by_name(
    images: Iterable[Image], faults: Mapping[str, str]
) -> tuple[dict[str, Image], dict[str, str]]:
    """The images by their names, sorted, and what is wrong with their declarations."""
    declared: dict[str, list[Image]] = {}
    for image in images:
        declared.setdefault(image.name, []).append(image)
    found, errors = {}, {}
    for name, alike in declared.items():
        if len(alike) == 1:
            found[name] = alike[0]
            if alike[0].origin in faults:
                errors[name] = faults[alike[0].origin]
            continue
        places = sorted(image.origin for image in alike)
        for image in alike:
            found[image.origin] = replace(image, name=image.origin)
            errors[image.origin] = (
                f"{' and '.join(places)} both declare the image `{name}`. Rename one of them: a "
                "name stands for one image in the whole repository."
            )
    return {name: found[name] for name in sorted(found)}, errors


def _dockerfile(image: Image, listing: Listing, read: Callable[[str], bytes]) -> bytes:
    if image.dockerfile not in listing:
        raise MzbuildError(
            f"{image.origin}: the image `{image.name}` has no Dockerfile. Add "
            f"`{image.dockerfile}`; if it is there, see that Git does not ignore it."
        )
    return check_file_size(read(image.dockerfile), image.dockerfile)


def _unknown(
    path: str, dockerfile: bytes, by_name: Mapping[str, Image], declared: Iterable[Image]
) -> str:
    """What is wrong with a Dockerfile that builds on what is no image."""
    name, line = next(
        (name, line) for name, line in mzfrom_lines(dockerfile).items() if name not in by_name
    )
    known = [other for other in by_name if other != by_name[other].origin]
    bare = re.split("[:@]", name)[0]
    if dockerfile.split(b"\n")[line - 1].strip() == b"MZFROM":
        clue = " The name has to stand on the line of `MZFROM`."
    elif name.startswith("--"):
        clue = " It takes no flags: write `MZFROM`, then the name of an image."
    elif bare in known:
        clue = f" An image of the repository has no tag but its fingerprint: write `MZFROM {bare}`."
    else:
        clue = nearest(name, known)
    # Two images may have that name, and one whose declaration cannot be read may have any.
    suspects = [image.origin for image in declared if image.name in (name, image.origin)]
    if suspects and not clue:
        clue = f" What is wrong with {listed(suspects)} may be why."
    return f"{path}:{line}: `MZFROM {name}`: there is no image of that name.{clue}"


def _break_cycles(dependencies: dict[str, tuple[str, ...]], errors: dict[str, str]) -> None:
    """Takes the last step of each cycle out, and tells of the cycle at all images in it."""
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
                members = path[path.index(name) :]
                for member in members:
                    errors.setdefault(
                        member,
                        "These images build on one another in a cycle: "
                        f"{' -> '.join([*members, name])}. Remove one of the `MZFROM` lines.",
                    )
                others = dependencies[path[-1]]
                dependencies[path[-1]] = tuple(other for other in others if other != name)
            elif name not in done:
                path.append(name)
                branches.append(iter(dependencies[name]))
