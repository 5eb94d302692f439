"""Graphviz, which finds out where the nodes of a graph are best drawn."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.fs import CreateDigest, Digest, FileContent
from pants.engine.process import Process, ProcessResult
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.logging import LogLevel

from mzbuild.core.graph.layout import Layout, layout_request, parse_layout
from mzbuild.core.graph.nodes import Node
from mzbuild.rules.host_tools import HostTool, HostToolRequest

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
async def lay_out(request: LayoutRequest) -> Layout:
    dot = await Get(HostTool, HostToolRequest("dot", (), _INSTALL_GRAPHVIZ))
    asked = FileContent(_FILE, layout_request(request.nodes).encode())
    digest = await Get(Digest, CreateDigest([asked]))
    result = await Get(
        ProcessResult,
        Process(
            (dot.path, "-Tplain", _FILE),
            input_digest=digest,
            env=dot.env,
            description=f"Lay out a graph of {len(request.nodes)} nodes",
            level=LogLevel.DEBUG,
        ),
    )
    return parse_layout(result.stdout.decode(), request.nodes)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
