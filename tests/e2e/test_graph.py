"""What `pants mzbuild-graph` writes: the page in a real browser, and the graph for Graphviz."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mzbuild.core.graph.nodes import Node
from mzbuild.core.graph.text import STATUS_COLOURS, dot_lines, mermaid_lines
from mzbuild.core.safe import printable
from playwright.sync_api import Browser, Page

from benchmarks.generate import HUB_SOURCE, Image, Size, generate
from tests.e2e.bare import bare_environment
from tests.e2e.browsers import running_browser, tool
from tests.e2e.repo import CHECKOUT, PANTS, Result, finish, start
from tests.e2e.vectors import parsed
from tests.hostile_texts import HOSTILE

NAMES = "all => all.map(each => each.dataset.name)"
BOXES = "[...document.querySelectorAll('#nodes .card')].map(card => card.getBoundingClientRect())"


@dataclass(frozen=True)
class Generated:
    """A generated repository; Pants runs in it without leaving a daemon."""

    root: Path
    images: list[Image]
    env: Mapping[str, str]

    def run(self, *command: str) -> Result:
        return finish(start(list(command), cwd=self.root, env=self.env), check=False)

    def pants(self, *args: str) -> Result:
        return self.run(str(PANTS), "--no-pantsd", *args)

    def nodes(self) -> dict[str, dict[str, Any]]:
        told = json.loads(self.pants("mzbuild-graph", "--format=json", "::").stdout)
        return {node["name"]: node for node in told}

    def fingerprints(self) -> dict[str, str]:
        script = CHECKOUT / "benchmarks/plain_fingerprint.py"
        return parsed(self.run(sys.executable, str(script), ".").stdout)


@pytest.fixture(scope="module", params=[50, 500])
def size(request: Any) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="module")
def generated(
    size: int,
    tmp_path_factory: pytest.TempPathFactory,
    cold_caches: Mapping[str, str],
) -> Generated:
    directory = tmp_path_factory.mktemp("generated")
    plan = generate(Size(size, 24, 12 * size), directory / "repository")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PANTS_", "GIT_"))}
    env = {**inherited, **bare_environment(directory / "bin", cold_caches)}
    (directory / "bin/dot").symlink_to(tool("graphviz", "dot"))
    return Generated(directory / "repository", plan.images, env)


@pytest.fixture(scope="module")
def nodes(generated: Generated) -> dict[str, dict[str, Any]]:
    return generated.nodes()


@pytest.fixture(scope="module")
def file(generated: Generated) -> Path:
    path = generated.root.parent / "images.html"
    told = generated.pants("mzbuild-graph", "--format=html", f"--output-file={path}", "::")
    assert (told.returncode, told.stdout) == (0, ""), str(told)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    """The page as it opens; fails where it says an error, or asks for anything but itself."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert (said, asked) == ([], [file.as_uri()])
    page.close()


def names(page: Page, classes: str) -> set[str]:
    return set(page.eval_on_selector_all(f"#nodes {classes}", NAMES))


def closure(nodes: dict[str, dict[str, Any]], name: str) -> set[str]:
    below = set(nodes[name]["images"])
    return below.union(*(closure(nodes, other) for other in below))


def look_for(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(text)


def test_all_images_are_drawn_and_can_be_told_apart(
    page: Page, nodes: dict[str, dict[str, Any]], generated: Generated
) -> None:
    assert names(page, ".image") == {image.name for image in generated.images} == set(nodes)
    boxes = page.evaluate(BOXES)
    assert len(boxes) == len(nodes)
    assert all(0 <= box["left"] < box["right"] <= 1400 for box in boxes)
    assert all(0 <= box["top"] < box["bottom"] <= 900 for box in boxes)
    columns: dict[float, list[tuple[float, float]]] = {}
    for box in boxes:
        columns.setdefault(round(box["left"]), []).append((box["top"], box["bottom"]))
    for column in columns.values():
        column.sort()
        assert all(above[1] <= below[0] for above, below in zip(column, column[1:]))
    assert f"{len(nodes)} images" in page.inner_text("#summary")


def test_an_image_builds_on_what_is_left_of_it(
    page: Page, nodes: dict[str, dict[str, Any]]
) -> None:
    boxes = dict(zip(page.eval_on_selector_all("#nodes > g", NAMES), page.evaluate(BOXES)))
    for name, node in nodes.items():
        for other in node["images"]:
            assert boxes[other]["right"] < boxes[name]["left"]
            assert nodes[other]["layer"] < node["layer"]


def test_a_click_shows_what_an_image_builds_on_and_what_builds_on_it(
    page: Page, nodes: dict[str, dict[str, Any]]
) -> None:
    name = max(nodes, key=lambda name: (len(nodes[name]["images"]), name))
    (base, *_) = sorted(nodes[name]["images"])
    page.click(f"#nodes [data-name={name}]")
    assert page.inner_text("#panel h2") == name
    assert nodes[name]["fingerprint"] in page.inner_text("#panel")
    assert names(page, ".self") == {name}
    assert names(page, ".below") == closure(nodes, name)
    assert names(page, ".above") == {other for other in nodes if name in closure(nodes, other)}
    # What it builds on can be chosen in turn.
    page.click(f"#panel a >> text={base}")
    page.wait_for_selector(f"#panel h2 >> text={base}")
    assert name in names(page, ".above")
    page.keyboard.press("Escape")
    assert not page.is_visible("#panel")
    assert names(page, ".below") == names(page, ".above") == set()


def test_an_image_is_found_by_its_name(page: Page, generated: Generated) -> None:
    name = generated.images[-1].name
    look_for(page, name.upper())
    assert page.inner_text("#matches li >> nth=0").split() == ["image", name]
    page.keyboard.press("Enter")
    assert page.inner_text("#panel h2") == name
    # It is brought to where it can be seen.
    box = page.locator(f"#nodes [data-name={name}] .card").bounding_box()
    assert box
    assert box["width"] > 60
    assert 0 <= box["x"] <= 1400


def test_what_a_change_to_a_file_would_rebuild_is_what_it_does_rebuild(
    page: Page, generated: Generated
) -> None:
    look_for(page, HUB_SOURCE)
    page.keyboard.press("Enter")
    shown = names(page, ".self") | names(page, ".above")
    assert f"rebuilds {len(shown)} images" in page.inner_text("#panel")
    before = generated.fingerprints()
    source = generated.root / HUB_SOURCE
    text = source.read_text()
    source.write_text(f"{text}// Edited.\n")
    after = generated.fingerprints()
    source.write_text(text)
    assert shown == {name for name in before if before[name] != after[name]} != set()


def test_a_crate_is_found_as_well_and_nothing_else_is_said_so(page: Page) -> None:
    look_for(page, "crate-0003")
    page.click("#matches li >> text=/^crate/")
    assert page.inner_text("#panel h2") == "crate crate-0003"
    assert names(page, ".self")
    page.fill("#query", "no such thing")
    assert page.inner_text("#matches") == "No image, crate or file has that in its name."


def graphviz(text: str) -> dict[str, Any]:
    """What Graphviz draws, as JSON."""
    command = [tool("graphviz", "dot"), "-Tjson"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    drawn: dict[str, Any] = json.loads(done.stdout)
    return drawn


def test_graphviz_draws_the_graph(generated: Generated, nodes: dict[str, dict[str, Any]]) -> None:
    text = generated.pants("mzbuild-graph", "--format=dot", "::").stdout
    drawn = graphviz(text)
    read = {each["_gvid"]: each["name"] for each in drawn["objects"]}
    assert {(read[edge["tail"]], read[edge["head"]]) for edge in drawn["edges"]} == {
        (name, other) for name, node in nodes.items() for other in node["images"]
    }


# Draws the graph in `text`, and tells of its nodes (names and colours) and arrows (ends).
DRAW = """async text => {
    mermaid.initialize({startOnLoad: false, maxEdges: 5000});
    document.body.innerHTML = (await mermaid.render("drawn", text)).svg;
    const all = selector => [...document.querySelectorAll(selector)];
    return [
        all("g.node").map(node => [
            node.id.split("-")[2],
            node.querySelector(".nodeLabel p").firstChild.textContent,
            getComputedStyle(node.querySelector("rect, polygon")).fill,
        ]),
        all("path.flowchart-link").map(path => path.id.split("_").slice(1, 3)),
    ];
}"""


def mermaid(browser: Browser, text: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """What the real Mermaid draws: the colours of the nodes by their names, and the arrows."""
    packages = subprocess.check_output([str(CHECKOUT / "bin/npm-packages")], text=True).strip()
    page = browser.new_page()
    page.add_script_tag(path=f"{packages}/@mermaid-js/tiny/dist/mermaid.tiny.js")
    nodes, arrows = page.evaluate(DRAW, text)
    page.close()
    names = {key: name for key, name, _ in nodes}
    return {name: colour for _, name, colour in nodes}, {(names[a], names[b]) for a, b in arrows}


def test_mermaid_draws_the_graph(
    browser: Browser, generated: Generated, nodes: dict[str, dict[str, Any]]
) -> None:
    text = generated.pants("mzbuild-graph", "--format=mermaid", "::").stdout
    drawn, arrows = mermaid(browser, text)
    assert set(drawn) == set(nodes)
    assert arrows == {(name, other) for name, node in nodes.items() for other in node["images"]}


STATUSES = tuple(
    Node("image", name, f"{name}:{name}", 1, 1, 1, ("base",), (), status=name)
    for name in STATUS_COLOURS
)
BASE_AND_CRATE = (
    Node("image", "base", "base:base", 0, 1, 1, (), (), publish=False),
    Node("crate", "ore", "src/ore", 0, 1, 1, (), ()),
    Node("image", "tool", "tool:tool", 1, 1, 1, ("base",), ("ore",), status="local"),
)


def test_statuses_and_crates_are_drawn(browser: Browser) -> None:
    nodes = (*BASE_AND_CRATE, *STATUSES)
    drawn, arrows = mermaid(browser, "\n".join(mermaid_lines(nodes)))
    assert len(arrows) == 2 + len(STATUSES)
    rgb = {name: map(int, re.findall("[0-9]+", colour)) for name, colour in drawn.items()}
    shown = {name: f"#{bytes(colour).hex()}" for name, colour in rgb.items()}
    assert {name: shown[name] for name in STATUS_COLOURS} == STATUS_COLOURS
    assert shown["base"] not in STATUS_COLOURS.values()
    read = graphviz("\n".join(dot_lines(nodes)))
    colours = {each["name"]: each.get("fillcolor") for each in read["objects"]}
    assert {name: colours[name] for name in STATUS_COLOURS} == STATUS_COLOURS
    assert len(read["edges"]) == len(arrows)
    shapes = {each["name"]: each.get("shape") for each in read["objects"]}
    assert shapes["crate ore"] == "component"


def test_names_that_mean_something_are_drawn_as_they_are(browser: Browser) -> None:
    names = [printable(text) for text in HOSTILE]
    nodes = [Node("crate", text, "", 0, 1, 1, (), ()) for text in HOSTILE]
    nodes += [Node("image", "i", "i:i", 1, 1, 1, (), tuple(HOSTILE))]
    read = graphviz("\n".join(dot_lines(nodes)))
    assert len(read["edges"]) == len(HOSTILE)
    assert len(read["objects"]) == len(nodes) + 2  # The layers, too, are objects.
    drawn, arrows = mermaid(browser, "\n".join(mermaid_lines(nodes)))
    assert {name.replace("\u2060", "") for name in drawn} == {*names, "i"}
    assert len(arrows) == len(names)


def test_without_graphviz_the_page_says_what_to_install(generated: Generated) -> None:
    (generated.root.parent / "bin/dot").unlink()
    told = generated.pants("mzbuild-graph", "--format=html", "::")
    (generated.root.parent / "bin/dot").symlink_to(tool("graphviz", "dot"))
    assert (told.returncode, told.stdout) == (1, "")
    assert "There is no `dot` on the PATH. It is Graphviz's" in told.stderr
    assert "`apt-get install graphviz`" in told.stderr
