from __future__ import annotations

import json
import re
from dataclasses import replace

from mzbuild.core.actions.action import InputGroup, InputKind, Repository
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.graph.layout import Layout
from mzbuild.core.graph.nodes import Node, graph_nodes
from mzbuild.core.graph.page import graph_page, page_data
from mzbuild.core.graph.text import mermaid_lines, text_lines, text_rows
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import build_graph
from mzbuild.core.text.table import MORE

from tests.core.cargo.workspaces import crate, depends_on, load, root
from tests.core.conftest import listing


def node(name: str, layer: int, *images: str, kind: str = "image", status: str = "") -> Node:
    return Node(kind, name, f"dir/{name}", layer, 2, 1500, images, (), status=status or None)


DIAMOND = (
    Node("crate", "left", "src/left", 0, 1, 10, (), ()),
    node("base", 0, status="published"),
    Node("image", "left", "left:left", 1, 3, 1500, ("base",), ("left",), publish=False),
    node("right", 1, "base", status="missing"),
    Node("image", "top", "top:top", 2, None, None, ("left", "right"), (), error="It is <gone>."),
)


def test_nodes_are_in_layers_above_what_they_build_on() -> None:
    dockerfiles = {
        "base/Dockerfile": b"FROM scratch\n",
        "other/Dockerfile": b"MZFROM base\n",
        "top/Dockerfile": b"MZFROM base\nMZFROM other\n",
    }
    images = [Image(name, name, f"{name}/mzbuild.yml") for name in ("base", "other", "top")]
    graph = build_graph(images, listing(*dockerfiles), dockerfiles.__getitem__)
    inputs = {
        "base": (InputGroup(InputKind.CONTEXT, "base", ("base/Dockerfile", "base/mzbuild.yml")),),
        "top": (
            InputGroup(InputKind.CONTEXT, "top", ("top/Dockerfile", "top/x")),
            InputGroup(InputKind.COPY, "top", ("top/x",)),
        ),
    }
    survey = Survey(inputs, {"base": "F"}, {"other": "It is gone.", "top": "So is what it needs."})
    addresses = {name: f"{name}:{name}" for name in ("top", "other", "base")}
    nodes = graph_nodes(
        *(addresses, graph, survey, len, {"base": "local"}),
        Repository(listing()),
        crates=False,
    )
    assert [(node.name, node.layer, node.inputs, node.size) for node in nodes] == [
        ("base", 0, 2, 31),
        ("other", 1, None, None),
        ("top", 2, 2, 19),
    ]
    assert [node.images for node in nodes] == [(), ("base",), ("base", "other")]
    assert (nodes[0].fingerprint, nodes[0].status, nodes[1].error) == ("F", "local", "It is gone.")


def test_crates_are_nodes_below_the_images_that_they_go_into() -> None:
    files = {
        **root("src/app", "src/lib", "src/unused"),
        **crate("src/app", depends_on(lib="../lib")),
        "src/app/src/main.rs": "",
        **crate("src/lib"),
        **crate("src/unused"),
    }
    image = Image("i", "i", "i/mzbuild.yml", pre_image=(CargoBuildAction(bins=("app",)),))
    graph = build_graph([image], listing("i/Dockerfile"), lambda _: b"FROM scratch\n")
    groups = tuple(
        InputGroup(InputKind.CRATE, name, (f"src/{name}/Cargo.toml",)) for name in ("app", "lib")
    )
    survey = Survey({"i": groups}, {"i": "F"}, {})
    nodes = graph_nodes(
        *({"i": "i:i"}, graph, survey, len, {}),
        Repository(listing(), load(files)),
        crates=True,
    )
    assert [(node.kind, node.name, node.layer, node.crates) for node in nodes] == [
        ("crate", "lib", 0, ()),
        ("crate", "app", 1, ("lib",)),
        ("image", "i", 2, ("app",)),
    ]
    assert (nodes[0].place, nodes[0].inputs, nodes[0].size) == ("src/lib", 1, 18)


def test_people_read_the_layers_from_the_base_upwards() -> None:
    header, *rows = text_rows(DIAMOND)
    assert header == ["layer", "image", "inputs", "size", "status", "builds on"]
    assert [row[:2] for row in rows] == [
        ["0", "crate left"],
        ["0", "base"],
        ["1", "left"],
        ["1", "right"],
        ["2", "top"],
    ]
    assert rows[2][2:] == ["3", "1.5 kB", "", "base, crate left"]
    assert rows[4][2:] == ["?", "?", "", "left, right"]
    # Where nobody was asked for statuses, there is no column for them.
    assert text_rows(DIAMOND[-1:]) == [
        ["layer", "image", "inputs", "size", "builds on"],
        ["2", "top", "?", "?", "left, right"],
    ]


def test_many_images_are_told_of_by_layers() -> None:
    crowd = [replace(DIAMOND[-1], name=f"i{number:02}", status="missing") for number in range(40)]
    lines = text_lines([*DIAMOND, *crowd], everything=False, paint_name=str)
    assert [re.split("  +", line) for line in lines] == [
        ["layer", "count", "status", "of these, with how many build on each"],
        ["0", "2", "1 published", "base (43), crate left (42)"],
        ["1", "2", "1 missing", "left (41), right (41)"],
        ["2", "41", "40 missing", "top (0), i00 (0), i01 (0), i02 (0), i03 (0) and 36 more"],
        [MORE],
    ]
    everything = text_lines([*DIAMOND, *crowd], everything=True, paint_name=str)
    assert len(everything) == 1 + len(DIAMOND) + len(crowd)


def test_mermaid_has_each_node_and_arrow() -> None:
    lines = list(mermaid_lines(DIAMOND))
    assert lines[0] == "flowchart RL"
    assert '  n0[["left<br>1 file, 10 B"]]' in lines
    assert '  n1["base<br>2 files, 1.5 kB"]:::published' in lines
    assert '  n4["top<br>no fingerprint"]' in lines
    arrows = {tuple(line.split(" --> ")) for line in lines if "-->" in line}
    assert {(a.strip(), b) for a, b in arrows} == {
        *(("n2", "n1"), ("n2", "n0"), ("n3", "n1"), ("n4", "n2"), ("n4", "n3")),
    }
    assert [line.split()[1] for line in lines if "classDef" in line] == ["missing", "published"]


def page_of_diamond() -> str:
    layout = Layout(1, 1, 1, ((0, 0),) * len(DIAMOND))
    group = InputGroup(InputKind.CONTEXT, "top", ("top/a/<b>", "top/a/é"))
    return graph_page(DIAMOND, layout, {"top": (group,)})


def test_the_page_is_whole_and_needs_no_other() -> None:
    page = page_of_diamond()
    assert not re.search(r"/\* (style|script|data) \*/", page)
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", page)
    assert "default-src 'none'" in page


def test_no_name_can_break_out_of_the_page() -> None:
    (data,) = re.findall(
        r'<script id="data" type="application/json">(.*)</script>', page_of_diamond()
    )
    assert "<" not in data
    read = json.loads(data)
    assert read["nodes"][4]["error"] == "It is <gone>."
    assert read["groups"][0]["files"] == ["<b>", "é"]


def test_what_images_share_is_in_the_page_once() -> None:
    shared = InputGroup(InputKind.CRATE, "x", ("src/x/Cargo.toml", "src/x/src/lib.rs"))
    layout = Layout(1, 1, 1, ((0, 0),) * len(DIAMOND))
    data = page_data(DIAMOND, layout, {"left": (shared,), "right": (shared,)})
    assert data["groups"] == [
        {
            "kind": "crate",
            "name": "x",
            "directory": "src/x/",
            "files": ["Cargo.toml", "src/lib.rs"],
        }
    ]
    assert [each["groups"] for each in data["nodes"]] == [[], [], [0], [0], []]
