"""What `pants mzbuild-graph` writes: the page in a real browser, and the graph for Graphviz."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.generate import HUB_SOURCE, Image, Size, generate
from tests.e2e.bare import bare_environment
from tests.e2e.repo import CHECKOUT, Result, finish, start
from tests.e2e.vectors import parsed

NAMES = "all => all.map(each => each.dataset.name)"
BOXES = "[...document.querySelectorAll('#nodes .card')].map(card => card.getBoundingClientRect())"


def tool(package: str, *programs: str) -> str:
    command = [str(CHECKOUT / "bin/apt-tool"), package, *programs]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()


@dataclass(frozen=True)
class Generated:
    """A generated repository; Pants runs in it without leaving a daemon."""

    root: Path
    images: list[Image]
    env: Mapping[str, str]

    def run(self, *command: str) -> Result:
        return finish(start(list(command), cwd=self.root, env=self.env), check=False)

    def pants(self, *args: str) -> Result:
        return self.run(str(CHECKOUT / "pants"), "--no-pantsd", *args)

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
    programs = ("chromium-headless-shell", "chromium", "google-chrome")
    chromium = tool("chromium-headless-shell", *programs)
    with sync_playwright() as playwright:
        # As root, Chromium does not start with its sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


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


def test_graphviz_reads_the_other_format(
    generated: Generated, nodes: dict[str, dict[str, Any]]
) -> None:
    text = generated.pants("mzbuild-graph", "--format=dot", "::").stdout
    command = [tool("graphviz", "dot"), "-Tdot_json"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    drawn = json.loads(done.stdout)
    read = {each["_gvid"]: each["name"] for each in drawn["objects"]}
    assert {(read[edge["tail"]], read[edge["head"]]) for edge in drawn["edges"]} == {
        (name, other) for name, node in nodes.items() for other in node["images"]
    }


def test_without_graphviz_the_page_says_what_to_install(generated: Generated) -> None:
    (generated.root.parent / "bin/dot").unlink()
    told = generated.pants("mzbuild-graph", "--format=html", "::")
    (generated.root.parent / "bin/dot").symlink_to(tool("graphviz", "dot"))
    assert (told.returncode, told.stdout) == (1, "")
    assert "There is no `dot` on the PATH. It is Graphviz's" in told.stderr
    assert "`apt-get install graphviz`" in told.stderr
