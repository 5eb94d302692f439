"""Images and crates as the nodes of a graph, in layers from what builds on nothing upwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Callable

from mzbuild.core.actions.action import InputKind, Repository
from mzbuild.core.fingerprint.inputs import input_paths
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph

IMAGE, CRATE = "image", "crate"


@dataclass(frozen=True)
class Node:
    """An image or a crate; its fields are those of the JSON.

    What only images have is `None` in a crate, and what cannot be computed is in an image. A layer
    is one above the highest of those that the node's images and crates are in; the lowest is 0.
    """

    kind: str
    name: str
    # The address of an image, the directory of a crate.
    place: str
    layer: int
    # How many files go into it, and the bytes in them.
    inputs: int | None
    size: int | None
    # What it builds on directly: the names of images and, where they were asked for, of crates.
    images: tuple[str, ...]
    crates: tuple[str, ...]
    description: str | None = None
    publish: bool | None = None
    mainline: bool | None = None
    fingerprint: str | None = None
    error: str | None = None
    status: str | None = None

    @property
    def builds_on(self) -> tuple[tuple[str, str], ...]:
        """The kind and the name of each node that it builds on directly."""
        return (*((IMAGE, name) for name in self.images), *((CRATE, name) for name in self.crates))


def graph_nodes(
    addresses: Mapping[str, str],
    graph: ImageGraph,
    survey: Survey,
    size: Callable[[str], int],
    statuses: Mapping[str, str],
    repository: Repository,
    *,
    crates: bool,
) -> tuple[Node, ...]:
    """The images that `addresses` has the names of, and with `crates` those that go into them.

    Each comes after what it builds on, crates first. `size` gives the bytes in an input, 0 for one
    that cannot be read.
    """
    layers: dict[tuple[str, str], int] = {}

    def layer(kind: str, name: str, builds_on: Iterable[tuple[str, str]]) -> int:
        below = [layers[other] for other in builds_on if other in layers]
        layers[kind, name] = 1 + max(below, default=-1)
        return layers[kind, name]

    nodes = _crate_nodes(addresses, survey, size, repository, layer) if crates else []
    for name in graph.closure(addresses):
        if name not in addresses:
            continue
        image = graph.by_name[name]
        images = tuple(other for other in graph.dependencies[name] if other in addresses)
        used = _used_crates(image, repository) if crates and name in survey.inputs else ()
        paths = input_paths(survey.inputs[name]) if name in survey.inputs else None
        builds_on = [*((IMAGE, other) for other in images), *((CRATE, other) for other in used)]
        nodes.append(
            Node(
                kind=IMAGE,
                name=name,
                place=addresses[name],
                layer=layer(IMAGE, name, builds_on),
                inputs=None if paths is None else len(paths),
                size=None if paths is None else sum(map(size, paths)),
                images=images,
                crates=used,
                description=image.description,
                publish=image.publish,
                mainline=image.mainline,
                fingerprint=survey.fingerprints.get(name),
                error=survey.errors.get(name),
                status=statuses.get(name),
            )
        )
    return tuple(nodes)


def _crate_nodes(
    addresses: Mapping[str, str],
    survey: Survey,
    size: Callable[[str], int],
    repository: Repository,
    layer: Callable[[str, str, Iterable[tuple[str, str]]], int],
) -> list[Node]:
    workspace, scheme = repository.workspace, repository.scheme
    files = {
        group.name: group.paths
        for name in addresses
        for group in survey.inputs.get(name, ())
        if group.kind == InputKind.CRATE
    }
    direct = {
        name: tuple(
            crate.name
            for crate in workspace.direct_dependencies(workspace.by_name[name], scheme)
            if crate.name != name
        )
        for name in files
    }
    nodes: dict[str, Node] = {}
    for start in sorted(files):
        stack = [start]
        while stack:
            name = stack[-1]
            # Cargo refuses a circle; until somebody asks Cargo, there may be one.
            waiting = [o for o in direct[name] if o not in nodes and o not in stack]
            if waiting:
                stack.append(waiting[0])
                continue
            stack.pop()
            nodes[name] = Node(
                kind=CRATE,
                name=name,
                place=workspace.by_name[name].directory,
                layer=layer(CRATE, name, ((CRATE, other) for other in direct[name])),
                inputs=len(files[name]),
                size=sum(map(size, files[name])),
                images=(),
                crates=direct[name],
            )
    return list(nodes.values())


def _used_crates(image: Image, repository: Repository) -> tuple[str, ...]:
    used = (action.used_crates(image, repository) for action in image.pre_image)
    return tuple(sorted(set(chain.from_iterable(used))))
