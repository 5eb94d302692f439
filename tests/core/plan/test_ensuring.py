from __future__ import annotations

from mzbuild.core.plan.ensured import images_to_build

from tests.core.plan.test_acquisition import graph

GRAPH = graph({"base": [], "middle": ["base"], "top": ["middle"], "other": ["base"]})


def test_what_is_pushed_is_built_with_what_it_builds_on() -> None:
    assert images_to_build(GRAPH, ["top"], ()) == ("base", "middle", "top")
    assert images_to_build(GRAPH, ["top", "other"], {"middle", "base"}) == ("other", "top")
    assert images_to_build(GRAPH, ["top"], {"top"}) == ()
    assert images_to_build(GRAPH, [], ()) == ()
