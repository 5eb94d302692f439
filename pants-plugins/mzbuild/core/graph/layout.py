"""Where the nodes of a graph are drawn: in columns, in the order that Graphviz finds best.

Its output format `plain` is described in https://graphviz.org/docs/outputs/plain/
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mzbuild.core.graph.nodes import Node

# All in pixels.
NODE_HEIGHT = 30
_MIN_WIDTH, _MAX_WIDTH = 110, 240
_LETTER, _AROUND_NAME = 7.2, 84
_ROW = NODE_HEIGHT + 8
_BETWEEN_COLUMNS, _BETWEEN_LAYERS = 26, 96

# A layer with more nodes than this is drawn in several columns; a large graph has longer ones, so
# that it keeps about the shape of a screen.
_COLUMN = 20


@dataclass(frozen=True)
class Layout:
    """Where nodes are drawn, in pixels from the top left corner of the graph.

    `centres` has the centre of each node, in the order in which the nodes came.
    """

    width: float
    height: float
    node_width: float
    centres: tuple[tuple[float, float], ...]


def layout_request(nodes: Sequence[Node]) -> str:
    """What Graphviz's `dot` is asked: in which order arrows cross one another least.

    Nodes go by their numbers.
    """
    # Graphviz would spend most of its time on how lines run, which is not asked.
    lines = ["digraph {", "rankdir=LR; splines=false; node [shape=point];"]
    columns = _columns(nodes)
    for number, column in enumerate(columns):
        # An invisible chain keeps the columns in order.
        lines.append(f"c{number} [style=invis];")
        if number:
            lines.append(f"c{number - 1} -> c{number} [style=invis];")
        lines.append(f"{{ rank=same; c{number}; {' '.join(f'n{index};' for index in column)} }}")
    numbers = {(node.kind, node.name): number for number, node in enumerate(nodes)}
    for number, node in enumerate(nodes):
        lines += [f"n{numbers[other]} -> n{number};" for other in node.builds_on]
    return "\n".join([*lines, "}", ""])


def parse_layout(plain: str, nodes: Sequence[Node]) -> Layout:
    """What `dot -Tplain` answered to `layout_request` for the same nodes, as columns of cards."""
    heights = {}
    for line in plain.splitlines():
        words = line.split()
        if words[0] == "node" and words[1].startswith("n"):
            # Graphviz counts from the bottom.
            heights[int(words[1][1:])] = -float(words[3])
    columns = _columns(nodes)
    width = _node_width(nodes)
    height = _ROW * max(map(len, columns), default=0)
    centres = [(0.0, 0.0)] * len(nodes)
    right = 0.0
    for number, column in enumerate(columns):
        if number:
            same_layer = nodes[column[0]].layer == nodes[columns[number - 1][0]].layer
            right += _BETWEEN_COLUMNS if same_layer else _BETWEEN_LAYERS
        top = (height - _ROW * len(column)) / 2
        for row, index in enumerate(sorted(column, key=heights.__getitem__)):
            centres[index] = (right + width / 2, top + _ROW * (row + 0.5))
        right += width
    return Layout(right, height, width, tuple(centres))


def _node_width(nodes: Sequence[Node]) -> float:
    """How wide a node is drawn: as the longest name needs, within bounds."""
    longest = max((len(node.name) for node in nodes), default=0)
    return min(_MAX_WIDTH, max(_MIN_WIDTH, round(longest * _LETTER + _AROUND_NAME)))


def _columns(nodes: Sequence[Node]) -> list[list[int]]:
    """The numbers of the nodes in each column, from the lowest layer to the highest."""
    most = max(_COLUMN, round(1.8 * math.sqrt(len(nodes))))
    used = {other for node in nodes for other in node.builds_on}

    def key(number: int) -> tuple[int, bool]:
        # In a layer, what is built upon comes last, next to what builds on it.
        return nodes[number].layer, (nodes[number].kind, nodes[number].name) in used

    columns = []
    for _, group in groupby(sorted(range(len(nodes)), key=key), lambda n: nodes[n].layer):
        layer = list(group)
        size = math.ceil(len(layer) / math.ceil(len(layer) / most))
        columns += [layer[first : first + size] for first in range(0, len(layer), size)]
    return columns
