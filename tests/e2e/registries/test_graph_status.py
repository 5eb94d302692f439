"""`pants mzbuild-graph --status` shows what the real engine and registry have."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.browsers import running_browser, tool
from tests.e2e.fault_proxy import FaultProxy, answer
from tests.e2e.registries.workshop import Workshop

DOTS = """all => Object.fromEntries(all.map(node => [
    node.dataset.name, node.querySelector(".dot").style.getPropertyValue("--dot"),
]))"""


def test_the_status_of_each_image_is_shown(
    shop: Workshop, proxy: FaultProxy, tmp_path: Path
) -> None:
    shop.pants("mzbuild-ensure", "images/left")
    shop.pants("package", "images/alone")
    proxy.inject(answer(403), times=99, method="HEAD", path="/right/")
    proxy.requests.clear()
    statuses = {
        **dict.fromkeys(("base", "left"), "published"),
        **dict.fromkeys(("top", "private", "on-private"), "missing"),
        "alone": "local",
        "right": "unknown",
    }
    header, *rows = shop.pants("mzbuild-graph", "--status", "::").stdout.splitlines()
    column = re.split("  +", header).index("status")
    read = [re.split("  +", row) for row in rows]
    assert {row[1]: row[column] for row in read} == statuses
    # Nothing was moved to find that out.
    assert {request.method for request in proxy.requests} == {"HEAD"}
    assert all(call.startswith(("image ls ", "image inspect ")) for call in shop.calls())

    tool("graphviz", "dot")
    file = tmp_path / "images.html"
    shop.pants("mzbuild-graph", "--status", "--format=html", f"--output-file={file}", "::")
    with running_browser() as browser:
        page = browser.new_page()
        page.goto(file.as_uri())
        dots = page.eval_on_selector_all("#nodes > g", DOTS)
        assert dots == {name: f"var(--{status})" for name, status in statuses.items()}
        legend = page.inner_text("#legend")
        for told in ("2 published", "1 local", "3 missing", "1 unknown"):
            assert told in legend
        page.click("#nodes [data-name=alone]")
        assert re.search(r"status\s+local", page.inner_text("#panel"))
