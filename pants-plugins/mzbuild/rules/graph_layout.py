"""Graphviz, which finds out where the nodes of a graph are best drawn."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.fs import CreateDigest, FileContent
from pants.engine.process import Process
from pants.engine.rules import Rule
from pants.util.logging import LogLevel

from mzbuild.core.graph.layout import Layout, layout_request, parse_layout
from mzbuild.core.graph.nodes import Node
from mzbuild.pants_api import (
    collect_rules,
    create_digest,
    execute_process_or_raise,
    implicitly,
    rule,
)
from mzbuild.rules.host_tools import HostToolRequest, find_host_tool

_FILE = "graph.dot"
_INSTALL_GRAPHVIZ = (
    "It is Graphviz's, and draws the page: `apt-get install graphviz` or `brew install graphviz`, "
    "or see https://graphviz.org/download. The other formats do without it."
)


@dataclass(frozen=True)
class LayoutRequest:
    """A request for where to draw some nodes, each of which comes after what it builds on."""

    nodes: tuple[Node, ...]


@rule
async def lay_out(request: LayoutRequest, /) -> Layout:
    dot = await find_host_tool(HostToolRequest("dot", (), _INSTALL_GRAPHVIZ), **implicitly())
    asked = FileContent(_FILE, layout_request(request.nodes).encode())
    digest = await create_digest(CreateDigest([asked]), **implicitly())
    result = await execute_process_or_raise(
        Process(
            (dot.path, "-Tplain", _FILE),
            input_digest=digest,
            env=dot.env,
            description=f"Lay out a graph of {len(request.nodes)} nodes",
            level=LogLevel.DEBUG,
        ),
        **implicitly(),
    )
    return parse_layout(result.stdout.decode(), request.nodes)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
