"""How `package` has images: which registries are asked, and what comes of the answers."""

from __future__ import annotations

from mzbuild.core.plan.acquisition import Build, OnUnknown, to_look_up
from mzbuild.core.plan.planning import BuildPlan

from tests.core.plan.test_planning import (
    DIAMOND,
    GRAPH,
    NOBODY_KNOWS,
    THERE,
    graph,
    outcomes,
    package,
    reason,
)

# Of these, nothing builds on `o`.
MORE = graph({**DIAMOND, "o": ""})


def test_what_the_engine_has_is_reused_and_nobody_is_asked() -> None:
    assert to_look_up(GRAPH, ["top", "left"], {"top", "left"}, Build.AUTO) == ()
    assert outcomes(package("top", "left", local="top left")) == {"top": "reuse", "left": "reuse"}


def test_what_the_registry_has_is_pulled_without_what_it_builds_on() -> None:
    asked = to_look_up(MORE, ["top", "o"], {"left"}, Build.AUTO)
    assert sorted(asked) == ["base", "o", "right", "top"]
    plan = package("top", "o", images=MORE, top=THERE)
    assert outcomes(plan) == {"top": "pull", "o": "build"}


def test_what_is_nowhere_is_built_on_what_is_somewhere() -> None:
    assert outcomes(package("top", local="left", base=THERE)) == {
        "top": "build",
        "left": "reuse",
        "right": "build",
        "base": "pull",
    }


def test_an_image_that_is_not_published_is_not_asked_for() -> None:
    images = graph({"base": "", "tool": ["base"]}, unpublished="tool")
    assert to_look_up(images, ["tool"], (), Build.AUTO) == ("base",)
    plan = package("tool", images=images, base=THERE)
    assert outcomes(plan) == {"tool": "build", "base": "pull"}


def blocked(plan: BuildPlan) -> dict[str, str]:
    return {name: image.reason for name, image in plan.images.items() if image.blocked}


def test_never_blocks_what_is_missing_and_nothing_else() -> None:
    images = graph({"base": "", "tool": ["base"], "top": ["tool"], "o": ""}, unpublished="tool")
    wanted = ("top", "o", "base", "tool")
    plan = package(*wanted, images=images, build=Build.NEVER, o=THERE)
    assert blocked(plan) == {
        "base": "it is missing, and [mzbuild].build is `never`",
        "tool": "it is never published, and [mzbuild].build is `never`",
        "top": "it is missing, and [mzbuild].build is `never`",
    }
    assert outcomes(plan)["o"] == "pull"
    (advice,) = plan.advice
    assert "should have published what is missing, with `pants mzbuild-ensure`" in advice
    # What a blocked image builds on is not had for its sake.
    alone = package("top", images=images, build=Build.NEVER, tool=THERE)
    assert outcomes(alone) == {"top": "blocked"}


def test_always_builds_what_was_asked_for_and_only_that() -> None:
    assert "top" not in to_look_up(GRAPH, ["top"], ["top"], Build.ALWAYS)
    plan = package("top", local="top left", build=Build.ALWAYS, right=THERE, top=THERE)
    assert outcomes(plan) == {"top": "build", "left": "reuse", "right": "pull"}


def test_unknown_blocks_with_the_reason_and_the_advice() -> None:
    plan = package("left", "o", images=MORE, left=NOBODY_KNOWS, o=NOBODY_KNOWS)
    why = "hub does not say whether it has it: connection refused"
    assert blocked(plan) == {"left": why, "o": why}
    (advice,) = plan.advice
    assert "or build instead: `--mzbuild-unknown=build`" in advice


def test_unknown_is_built_where_that_is_wanted() -> None:
    plan = package("left", on_unknown=OnUnknown.BUILD, left=NOBODY_KNOWS, base=THERE)
    assert outcomes(plan) == {"left": "build", "base": "pull"}


def test_unknown_does_not_matter_where_nothing_depends_on_it() -> None:
    assert outcomes(package("top", top=THERE, base=NOBODY_KNOWS)) == {"top": "pull"}


def test_unknown_is_no_leave_to_build_where_nothing_is_to_be_built() -> None:
    never = package("top", build=Build.NEVER, on_unknown=OnUnknown.BUILD, top=NOBODY_KNOWS)
    assert reason(never, "top") == "it is missing, and [mzbuild].build is `never`"


def test_what_was_had_for_others_is_told_of_with_them() -> None:
    # What the engine has already, or nobody needs in the end, is not.
    plan = package("top", local="left", base=THERE)
    assert plan.told_of(["top"]) == ("base", "right", "top")
    plan = package("top", base=NOBODY_KNOWS, right=THERE)
    assert plan.told_of(["top"]) == ("base", "left", "top")
