"""The page that shows the graph of images in a browser: one file, which needs nothing else.

This module reads the parts of the page from the package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mzbuild.core.actions.action import InputGroup
from mzbuild.core.graph.layout import NODE_HEIGHT, Layout
from mzbuild.core.graph.nodes import IMAGE, Node
from mzbuild.core.graph.text import STATUS_COLOURS
from mzbuild.core.resources import resource
from mzbuild.core.safe import html_script

_PACKAGE = "mzbuild.core.graph"


def graph_page(
    nodes: Sequence[Node], layout: Layout, inputs: Mapping[str, tuple[InputGroup, ...]]
) -> str:
    """The page for nodes that were laid out; `inputs` are those of images, by name."""
    page = resource(_PACKAGE, "page.html").decode()
    parts = {
        "/* style */": resource(_PACKAGE, "page.css").decode(),
        "/* script */": resource(_PACKAGE, "page.js").decode(),
        "/* data */": html_script(page_data(nodes, layout, inputs)),
    }
    for mark, part in parts.items():
        before, _, after = page.partition(mark)
        page = f"{before}{part}{after}"
    return page


def page_data(
    nodes: Sequence[Node], layout: Layout, inputs: Mapping[str, tuple[InputGroup, ...]]
) -> Mapping[str, Any]:
    """What the page's script is given.

    Groups of inputs that images share are there once, and each file by its path from the group's
    directory, since there may be a hundred thousand.
    """
    groups: dict[tuple[str, str, tuple[str, ...]], int] = {}
    shown = []
    for node, (x, y) in zip(nodes, layout.centres):
        uses = []
        for group in inputs.get(node.name, ()) if node.kind == IMAGE else ():
            key = (group.kind, group.name, group.paths)
            uses.append(groups.setdefault(key, len(groups)))
        # The page draws what it shows of these by itself.
        facts = {name: value for name, value in vars(node).items() if value not in (None, ())}
        shown.append({**facts, "x": x, "y": y, "groups": uses})
    return {
        "width": layout.width,
        "height": layout.height,
        "nodeWidth": layout.node_width,
        "nodeHeight": NODE_HEIGHT,
        "colours": STATUS_COLOURS,
        "nodes": shown,
        "groups": [{"kind": kind, "name": name, **_files(paths)} for kind, name, paths in groups],
    }


def _files(paths: Sequence[str]) -> Mapping[str, Any]:
    first, last = (paths[0], paths[-1]) if paths else ("", "")
    # Paths are sorted: what the first and the last begin with, all do.
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    directory = first[: first.rfind("/", 0, common) + 1]
    return {"directory": directory, "files": [path[len(directory) :] for path in paths]}
