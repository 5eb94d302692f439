"""The graph of images in the languages that other programs draw graphs from, and for people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from mzbuild.core.graph.nodes import CRATE, Node
from mzbuild.core.safe import dot_text, mermaid_text
from mzbuild.core.text.quantities import show_count, show_size
from mzbuild.core.text.table import MORE, SCREEN, WIDTH, Paint, some, table

# Of a layer of many, so many are told of.
_MOST_SHOWN = 5

# What a status looks like wherever it has a colour: that of a pale background.
STATUS_COLOURS = {
    "published": "#d3f2dd",
    "local": "#d6e8fb",
    "missing": "#fde3c8",
    "unknown": "#e6e6ea",
}


def text_lines(nodes: Sequence[Node], *, everything: bool, paint_name: Paint) -> list[str]:
    """A line for each node, by layers; where they are many, one for each layer.

    With `everything`, each node has a line, however many there are.
    """
    if everything or len(nodes) <= SCREEN:
        header, *rows = text_rows(nodes)
        return table(header, rows, {1: paint_name}, WIDTH)
    header, *rows = _layer_rows(nodes)
    return [*table(header, rows, {len(header) - 1: paint_name}, WIDTH), MORE]


def text_rows(nodes: Sequence[Node]) -> list[list[str]]:
    """A table's header and a row for each node, by layers."""
    with_status = any(node.status for node in nodes)
    rows = [["layer", "image", "inputs", "size", *(["status"] * with_status), "builds on"]]
    for node in sorted(nodes, key=_by_layer):
        builds_on = ", ".join(_key(kind, name) for kind, name in node.builds_on)
        rows.append(
            [
                str(node.layer),
                _label(node),
                "?" if node.inputs is None else str(node.inputs),
                "?" if node.size is None else show_size(node.size),
                *([node.status or ""] * with_status),
                builds_on or "-",
            ]
        )
    return rows


def _layer_rows(nodes: Sequence[Node]) -> list[list[str]]:
    """A table's header and a row for each layer, with what the most builds on."""
    above: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    # What is highest has handed over all that builds on it before its own turn.
    for node in sorted(nodes, key=_by_layer, reverse=True):
        itself = (node.kind, node.name)
        for other in node.builds_on:
            above[other] |= {itself, *above[itself]}
    with_status = any(node.status for node in nodes)
    rows = [
        ["layer", "count", *(["status"] * with_status), "of these, with how many build on each"]
    ]
    for number, layer in groupby(sorted(nodes, key=_by_layer), key=_by_layer):
        members = [*layer]
        members.sort(key=lambda node: -len(above[node.kind, node.name]))
        counts = Counter(node.status for node in members if node.status)
        status = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        shown = [f"{_label(each)} ({len(above[each.kind, each.name])})" for each in members]
        rows.append(
            [str(number), str(len(members)), *([status] * with_status), some(shown, _MOST_SHOWN)]
        )
    return rows


def dot_lines(nodes: Sequence[Node]) -> Iterator[str]:
    """The graph in Graphviz's language: https://graphviz.org/doc/info/lang.html

    An arrow leads from what builds to what it builds on; each layer is a column, the lowest left.
    """
    yield "digraph mzbuild {"
    yield '  rankdir=RL; nodesep=0.15; ranksep=1; fontname="sans-serif";'
    yield '  node [shape=box, style="rounded,filled", fillcolor="#eef1f8", color="#8a93a8",'
    yield '        fontname="sans-serif", fontsize=11];'
    yield '  edge [color="#8a93a8", arrowsize=0.6];'
    for node in nodes:
        attributes = [f'label="{dot_text(node.name)}\\n{_numbers(node)}"']
        if node.kind == CRATE:
            attributes.append("shape=component")
        if node.status:
            attributes.append(f'fillcolor="{STATUS_COLOURS[node.status]}"')
        if node.publish is False:
            attributes.append('style="rounded,filled,dashed"')
        yield f'  "{dot_text(_label(node))}" [{", ".join(attributes)}];'
    for _, layer in groupby(sorted(nodes, key=_by_layer), key=_by_layer):
        members = " ".join(f'"{dot_text(_label(node))}";' for node in layer)
        yield f"  {{ rank=same; {members} }}"
    for node in nodes:
        for kind, name in node.builds_on:
            yield f'  "{dot_text(_label(node))}" -> "{dot_text(_key(kind, name))}";'
    yield "}"


def mermaid_lines(nodes: Sequence[Node]) -> Iterator[str]:
    """The graph in Mermaid's language: https://mermaid.js.org/syntax/flowchart.html"""
    numbers = {(node.kind, node.name): f"n{number}" for number, node in enumerate(nodes)}
    yield "flowchart RL"
    for node in nodes:
        left, right = ("[[", "]]") if node.kind == CRATE else ("[", "]")
        style = f":::{node.status}" if node.status else ""
        label = f'"{mermaid_text(node.name)}<br>{_numbers(node)}"'
        yield f"  {numbers[node.kind, node.name]}{left}{label}{right}{style}"
    for node in nodes:
        for other in node.builds_on:
            yield f"  {numbers[node.kind, node.name]} --> {numbers[other]}"
    for status in sorted({node.status for node in nodes if node.status}):
        yield f"  classDef {status} fill:{STATUS_COLOURS[status]},color:#1c2233"


def _by_layer(node: Node) -> int:
    return node.layer


def _label(node: Node) -> str:
    return _key(node.kind, node.name)


def _key(kind: str, name: str) -> str:
    # An image and a crate may have the same name.
    return f"crate {name}" if kind == CRATE else name


def _numbers(node: Node) -> str:
    if node.inputs is None or node.size is None:
        return "no fingerprint"
    return f"{show_count(node.inputs)}, {show_size(node.size)}"
