from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.acquisition import Build, OnUnknown, Origin, decide_acquisition, to_look_up
from mzbuild.core.registries.client import Absent, Answer, Present
from mzbuild.core.registries.round import Unknown

REUSED, PULLED, BUILT = Origin.REUSED, Origin.PULLED, Origin.BUILT
THERE, NOT_THERE, NOBODY_KNOWS = Present("sha256:1"), Absent(), Unknown("r: connection refused")


def graph(dependencies: Mapping[str, Iterable[str]], unpublished: str = "") -> ImageGraph:
    images = [
        Image(name, name, f"{name}/mzbuild.yml", publish=name != unpublished)
        for name in sorted(dependencies)
    ]
    return ImageGraph(tuple(images), {name: tuple(dependencies[name]) for name in dependencies})


# `top` builds on `left` and `right`, both on `base`; nothing builds on `other`.
GRAPH = graph({"base": "", "left": ["base"], "right": ["base"], "top": ["left", "right"], "o": ""})


def plan(
    *wanted: str,
    local: str = "",
    build: Build = Build.AUTO,
    on_unknown: OnUnknown = OnUnknown.ERROR,
    images: ImageGraph = GRAPH,
    **answers: Answer,
) -> Mapping[str, Origin]:
    there = local.split()
    asked = to_look_up(images, wanted, there, build)
    answered = {name: answers.get(name, NOT_THERE) for name in asked}
    decided = decide_acquisition(images, wanted, there, answered, build, on_unknown)
    decided.check(images, build)
    return decided.origins


def test_what_the_engine_has_is_reused_and_nobody_is_asked() -> None:
    assert to_look_up(GRAPH, ["top", "left"], {"top", "left"}, Build.AUTO) == ()
    assert plan("top", "left", local="top left") == {"top": REUSED, "left": REUSED}


def test_what_the_registry_has_is_pulled_without_what_it_builds_on() -> None:
    asked = to_look_up(GRAPH, ["top", "o"], {"left"}, Build.AUTO)
    assert sorted(asked) == ["base", "o", "right", "top"]
    assert plan("top", "o", top=THERE) == {"top": PULLED, "o": BUILT}


def test_what_is_nowhere_is_built_on_what_is_somewhere() -> None:
    assert plan("top", local="left", base=THERE) == {
        "top": BUILT,
        "left": REUSED,
        "right": BUILT,
        "base": PULLED,
    }


def test_an_image_that_is_not_published_is_not_asked_for() -> None:
    images = graph({"base": "", "tool": ["base"]}, unpublished="tool")
    assert to_look_up(images, ["tool"], (), Build.AUTO) == ("base",)
    assert plan("tool", images=images, base=THERE) == {"tool": BUILT, "base": PULLED}


def test_never_names_all_that_is_missing() -> None:
    images = graph({"base": "", "tool": ["base"], "top": ["tool"], "o": ""}, unpublished="tool")
    with pytest.raises(MzbuildError) as raised:
        plan("top", "o", "base", images=images, build=Build.NEVER, o=THERE)
    missing = "missing, and [mzbuild].build is `never`:\n  base\n  tool (`publish: false`)\n  top\n"
    assert missing in str(raised.value)
    assert plan("top", build=Build.NEVER, top=THERE) == {"top": PULLED}


def test_always_builds_what_was_asked_for_and_only_that() -> None:
    assert "top" not in to_look_up(GRAPH, ["top"], ["top"], Build.ALWAYS)
    assert plan("top", local="top left", build=Build.ALWAYS, right=THERE, top=THERE) == {
        "top": BUILT,
        "left": REUSED,
        "right": PULLED,
    }


def test_unknown_is_an_error_with_all_reasons() -> None:
    with pytest.raises(MzbuildError) as raised:
        plan("left", "o", left=NOBODY_KNOWS, o=NOBODY_KNOWS)
    assert "  left: r: connection refused\n  o: r: connection refused\n" in str(raised.value)
    assert "`--mzbuild-unknown=build`" in str(raised.value)


def test_unknown_is_built_where_that_is_wanted() -> None:
    origins = plan("left", on_unknown=OnUnknown.BUILD, left=NOBODY_KNOWS, base=THERE)
    assert origins == {"left": BUILT, "base": PULLED}


def test_unknown_does_not_matter_where_nothing_depends_on_it() -> None:
    assert plan("top", top=THERE, base=NOBODY_KNOWS) == {"top": PULLED}


def test_unknown_is_no_leave_to_build_where_nothing_is_to_be_built() -> None:
    with pytest.raises(MzbuildError, match="are missing"):
        plan("o", build=Build.NEVER, on_unknown=OnUnknown.BUILD, o=NOBODY_KNOWS)
