"""What is planned: reasons, order and what is blocked. That it is what is done, e2e tests show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.cargo.groups import CargoGroup
from mzbuild.core.configuration import Arch
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.acquisition import Build, OnUnknown, to_look_up
from mzbuild.core.plan.pipelines import Job, buildkite_pipeline, github_matrix, pipeline_jobs
from mzbuild.core.plan.planning import BuildPlan, Work, plan_ensure, plan_package, with_broken
from mzbuild.core.plan.report import cargo_summary, check_plans, plan_json, plan_lines
from mzbuild.core.registries.addresses import Registry
from mzbuild.core.registries.client import Absent, Answer, Present
from mzbuild.core.registries.publication import Publication
from mzbuild.core.registries.round import Unknown
from mzbuild.core.text.table import MORE

THERE, NOT_THERE, NOBODY_KNOWS = Present("sha256:1"), Absent(), Unknown("connection refused")
HUB, GHCR = Registry("hub", "docker.io"), Registry("ghcr", "ghcr.io")


def graph(dependencies: Mapping[str, Iterable[str]], unpublished: str = "") -> ImageGraph:
    images = [
        Image(name, name, f"{name}/mzbuild.yml", publish=name != unpublished)
        for name in sorted(dependencies)
    ]
    return ImageGraph(tuple(images), {name: tuple(dependencies[name]) for name in dependencies})


# `top` builds on `left` and `right`, both on `base`.
DIAMOND = {"base": "", "left": ["base"], "right": ["base"], "top": ["left", "right"]}
GRAPH = graph(DIAMOND)


def refusals(names: str) -> Callable[[str], str]:
    return lambda name: f"{name}: there is no\n\n  profile" if name in names.split() else ""


def package(
    *wanted: str,
    local: str = "",
    images: ImageGraph = GRAPH,
    build: Build = Build.AUTO,
    on_unknown: OnUnknown = OnUnknown.ERROR,
    registry: str = "hub",
    refused: str = "",
    **answers: Answer,
) -> BuildPlan:
    there = local.split()
    looked_up = to_look_up(images, wanted, there, build)
    answered = {name: answers.get(name, NOT_THERE) for name in looked_up if registry}
    return plan_package(
        images, wanted, there, answered, build, on_unknown, registry, refusals(refused)
    )


def ensure(
    *wanted: str,
    local: str = "",
    images: ImageGraph = GRAPH,
    build: Build = Build.AUTO,
    on_unknown: OnUnknown = OnUnknown.ERROR,
    refused: str = "",
    **answers: tuple[Answer, Answer],
) -> BuildPlan:
    published = {}
    for name in images.closure(wanted):
        if images.by_name[name].publish:
            hub, ghcr = answers.get(name, (NOT_THERE, NOT_THERE))
            tags = {(HUB, f"hub/{name}"): hub, (GHCR, f"ghcr/{name}"): ghcr}
            published[name] = Publication(name, Arch.X86_64, tags)
    there = local.split()
    return plan_ensure(images, wanted, published, there, build, on_unknown, refusals(refused))


def outcomes(plan: BuildPlan) -> dict[str, str]:
    return {name: image.outcome for name, image in plan.images.items()}


def reason(plan: BuildPlan, name: str) -> str:
    return plan.images[name].reason


def test_the_order_and_what_waits_for_what() -> None:
    plan = package("top", base=THERE, right=THERE)
    assert outcomes(plan) == {"base": "pull", "left": "build", "right": "pull", "top": "build"}
    assert plan.waits_for == {"base": (), "left": ("base",), "right": (), "top": ("left", "right")}
    assert plan.stages == (("base", "right"), ("left",), ("top",))
    assert plan.exit_code == 2


def test_what_is_reused_is_not_waited_for() -> None:
    plan = package("left", local="base")
    assert outcomes(plan) == {"base": "reuse", "left": "build"}
    assert plan.waits_for == {"base": (), "left": ()}
    assert plan.stages == (("left",),)


def test_nothing_to_do() -> None:
    plan = package("top", "base", local="top base")
    assert outcomes(plan) == {"base": "reuse", "top": "reuse"}
    assert (plan.stages, plan.exit_code) == ((), 0)


def test_reasons_for_building() -> None:
    assert reason(package("base"), "base") == "neither the engine nor hub has it"
    alone = package("base", registry="")
    assert reason(alone, "base") == "the engine does not have it, and there is no registry"
    always = package("base", local="base", build=Build.ALWAYS)
    assert reason(always, "base") == "[mzbuild].build is `always`"
    private = package("base", images=graph(DIAMOND, unpublished="base"))
    assert reason(private, "base") == "the engine does not have it, and it is never published"
    guess = package("base", base=NOBODY_KNOWS, on_unknown=OnUnknown.BUILD)
    assert reason(guess, "base") == "hub does not say whether it has it: connection refused"
    assert guess.exit_code == 2


def test_what_nobody_knows_blocks_what_builds_on_it() -> None:
    plan = package("top", "right", base=NOBODY_KNOWS, right=THERE)
    assert outcomes(plan) == {
        "base": "blocked",
        "left": "blocked",
        "right": "pull",
        "top": "blocked",
    }
    assert reason(plan, "base") == "hub does not say whether it has it: connection refused"
    assert reason(plan, "left") == reason(plan, "top") == "it builds on `base`"
    assert plan.exit_code == 1


def test_building_may_not_be_allowed() -> None:
    plan = package("left", base=THERE, build=Build.NEVER)
    assert outcomes(plan) == {"left": "blocked"}
    assert reason(plan, "left") == "it is missing, and [mzbuild].build is `never`"


def test_what_cargo_would_refuse_blocks_what_builds_on_it_if_it_is_to_be_built() -> None:
    for plan in (package("top", refused="left"), ensure("top", refused="left")):
        assert plan.images["left"].outcome == "blocked"
        assert plan.images["left"].reason == "left: there is no profile"
        assert plan.advice == ("left: there is no\n\n  profile",)
        assert plan.images["right"].work[0] is Work.BUILD
        assert plan.images["top"].because_of == "left"
    assert outcomes(package("left", local="left", refused="left")) == {"left": "reuse"}


def test_all_registries_have_it() -> None:
    plan = ensure("base", base=(THERE, THERE))
    assert outcomes(plan) == {"base": "reuse"}
    assert reason(plan, "base") == "it is in hub and ghcr"


def test_what_is_missing_somewhere_is_pushed_there() -> None:
    nowhere, one = (NOT_THERE, NOT_THERE), (THERE, NOT_THERE)
    plan = ensure("left", "right", local="right", base=one, left=nowhere, right=nowhere)
    assert outcomes(plan) == {"base": "pull, push", "left": "build, push", "right": "push"}
    assert reason(plan, "base") == "it is not in ghcr"
    assert reason(plan, "left") == "it is not in hub and ghcr"
    assert plan.waits_for["left"] == ("base",)


def test_what_is_published_is_pulled_to_build_on_it() -> None:
    plan = ensure("left", base=(THERE, THERE))
    assert outcomes(plan) == {"base": "pull", "left": "build, push"}
    assert outcomes(ensure("left", local="base", base=(THERE, THERE)))["base"] == "reuse"
    assert outcomes(ensure("left", base=(THERE, THERE), left=(THERE, THERE)))["base"] == "reuse"


def test_what_is_not_published_is_built_for_others_alone() -> None:
    images = graph(DIAMOND, unpublished="base")
    assert outcomes(ensure("left", images=images)) == {"base": "build", "left": "build, push"}
    assert outcomes(ensure("left", images=images, left=(THERE, THERE))) == {"left": "reuse"}
    assert outcomes(ensure("left", images=images, local="base"))["base"] == "reuse"
    never = ensure("left", images=images, build=Build.NEVER)
    assert outcomes(never) == {"left": "blocked"}


@pytest.mark.parametrize("on_unknown", OnUnknown)
def test_a_registry_that_does_not_say(on_unknown: OnUnknown) -> None:
    plan = ensure("left", base=(NOT_THERE, NOBODY_KNOWS), on_unknown=on_unknown)
    if on_unknown is OnUnknown.BUILD:
        assert outcomes(plan) == {"base": "build, push", "left": "build, push"}
        assert reason(plan, "base") == (
            "it is not in hub and ghcr; ghcr does not say whether it has it: connection refused"
        )
    else:
        assert outcomes(plan) == {"base": "blocked", "left": "blocked"}
        assert reason(plan, "base") == ("ghcr does not say whether it has it: connection refused")
        assert reason(plan, "left") == "it builds on `base`"


def lines(
    *plans: BuildPlan, everything: bool = False, groups: Sequence[CargoGroup] = ()
) -> list[str]:
    told = [(Arch.X86_64, plan, groups) for plan in plans]
    found = plan_lines(told, everything=everything, paint_name=str, paint_work=str)
    return [re.sub("  +", " | ", line) for line in found]


def test_images_by_stages() -> None:
    assert lines(package("top", "base", local="base left")) == [
        "arch | stage | image | would | after | because",
        "x86_64 | - | base | reuse | - | the engine has it",
        "x86_64 | - | left | reuse | - | the engine has it",
        "x86_64 | 1 | right | build | - | neither the engine nor hub has it",
        "x86_64 | 2 | top | build | right | neither the engine nor hub has it",
        "2 to build, 2 to reuse",
    ]


def test_what_is_idle_is_listed_if_it_is_little() -> None:
    many = graph({f"i{number:02}": "" for number in range(12)})
    names = list(many.dependencies)
    crowd = package(*names, images=many, local=" ".join(names[1:]))
    assert lines(crowd, crowd)[1:] == [
        "x86_64 | 1 | i00 | build | - | neither the engine nor hub has it",
        "x86_64 | 1 | i00 | build | - | neither the engine nor hub has it",
        "2 to build, 22 to reuse",
        MORE,
    ]
    assert len(lines(crowd, everything=True)) == len(["header", *names, "summary"])


def test_nothing_to_do_is_one_line_where_it_is_much() -> None:
    many = graph({f"i{number:02}": "" for number in range(12)})
    idle = package(*many.dependencies, images=many, local=" ".join(many.dependencies))
    assert lines(idle) == ["Nothing to do: 12 to reuse"]
    assert len(lines(idle, everything=True)) == len(["header", *many.dependencies, "summary"])


def test_images_are_told_of_together_where_they_would_fill_more_than_a_screen() -> None:
    many = graph({"base": "", **{f"i{number:02}": ["base"] for number in range(60)}})
    names = [*many.dependencies][1:]
    plan = package(*names, images=many, local="i00 i01", base=THERE)
    assert lines(plan) == [
        "arch | stage | would | images | such as | because",
        "x86_64 | - | reuse | 2 | i00, i01 | the engine has it",
        "x86_64 | 1 | pull | 1 | base | hub has it",
        "x86_64 | 2 | build | 58 | i02, i03, i04 and 55 more | neither the engine nor hub has it",
        "58 to build, 1 to pull, 2 to reuse",
        MORE,
    ]
    assert len(lines(plan, everything=True)) == len(["header", "base", *names, "summary"])
    # What is in the way is told of, not what is next to it.
    blocked = package(*names, images=many, base=NOBODY_KNOWS)
    assert lines(blocked)[1:3] == [
        "x86_64 | - | blocked | 1 | base | hub does not say whether it has it: connection refused",
        "x86_64 | - | blocked | 60 | i00, i01, i02 and 57 more | it builds on `base`",
    ]


def jobs(plan: BuildPlan, images: ImageGraph = GRAPH, *flags: str) -> tuple[Job, ...]:
    addresses = {name: f"images/{name}:{name}" for name in images.dependencies}
    specs = {name: f"acme/{name}:mzbuild-X" for name in images.dependencies}
    return pipeline_jobs(plan, Arch.AARCH64, images, addresses, specs, flags)


def test_a_job_for_each_image_to_push() -> None:
    plan = ensure("top", base=(THERE, THERE), right=(THERE, NOT_THERE))
    found = jobs(plan, GRAPH, "--mzbuild-arch=aarch64")
    assert [(job.image, job.needs) for job in found] == [
        ("left", ()),
        ("right", ()),
        ("top", ("left", "right")),
    ]
    assert found[0].command == "pants --mzbuild-arch=aarch64 mzbuild-ensure images/left:left"
    assert found[0].spec == "acme/left:mzbuild-X"


def test_jobs_wait_for_each_other_across_what_is_not_published() -> None:
    images = graph(DIAMOND, unpublished="left")
    found = jobs(ensure("top", images=images), images)
    assert [(job.image, job.needs) for job in found] == [
        ("base", ()),
        ("right", ("base",)),
        ("top", ("base", "right")),
    ]


def test_a_broken_image_has_a_job_that_fails() -> None:
    plan = with_broken(ensure("left"), {"top": "no such crate"})
    assert {job.image for job in jobs(plan)} == {"base", "left", "top"}
    steps = buildkite_pipeline(jobs(plan))["steps"]
    assert isinstance(steps, list)
    assert steps[-1] == {
        "label": "top (aarch64)",
        "key": "mzbuild-top-aarch64",
        "command": "pants mzbuild-ensure images/top:top",
    }
    private = graph({"base": ""}, unpublished="base")
    assert jobs(with_broken(ensure(images=private), {"base": "why"}), private) == ()


def test_there_is_no_pipeline_where_images_are_blocked() -> None:
    sound = ensure("top")
    plan = ensure("left", base=(NOT_THERE, NOBODY_KNOWS), on_unknown=OnUnknown.ERROR)
    with pytest.raises(MzbuildError) as raised:
        check_plans("No pipeline is printed", [(Arch.X86_64, sound), (Arch.AARCH64, plan)])
    assert str(raised.value) == (
        "No pipeline is printed, as these images are blocked:\n"
        "  base (aarch64): ghcr does not say whether it has it: connection refused\n"
        "  left (aarch64): it builds on `base`\n"
        "A registry does not say whether it has some images. Try again when it answers, give it "
        "longer (`--mzbuild-registry-timeout=60`), or build instead: `--mzbuild-unknown=build`."
    )
    check_plans("No pipeline is printed", [(Arch.X86_64, sound)])


def test_a_matrix_for_each_stage() -> None:
    stages = github_matrix(jobs(ensure("top")))["stages"]
    assert isinstance(stages, list)
    assert [[entry["image"] for entry in stage["include"]] for stage in stages] == [
        ["base"],
        ["left", "right"],
        ["top"],
    ]
    assert github_matrix(()) == {"stages": []}


def test_a_matrix_has_no_more_jobs_than_it_may() -> None:
    many = graph({f"i{number:03}": "" for number in range(300)})
    stages = github_matrix(jobs(ensure(*many.dependencies, images=many), many))["stages"]
    assert isinstance(stages, list)
    assert [len(stage["include"]) for stage in stages] == [256, 44]


def test_steps_of_buildkite() -> None:
    assert buildkite_pipeline(jobs(ensure("left")))["steps"] == [
        {
            "label": "base (aarch64)",
            "key": "mzbuild-base-aarch64",
            "command": "pants mzbuild-ensure images/base:base",
        },
        {
            "label": "left (aarch64)",
            "key": "mzbuild-left-aarch64",
            "command": "pants mzbuild-ensure images/left:left",
            "depends_on": ["mzbuild-base-aarch64"],
        },
    ]


def test_what_cargo_would_build_together() -> None:
    app, tool, other = (
        CargoBuildAction(("app",)),
        CargoBuildAction(("tool",)),
        CargoBuildAction((), ("other",)),
    )
    groups = [
        CargoGroup((app, tool), CargoBuildAction(("app", "tool"))),
        CargoGroup((other,), other),
    ]
    assert cargo_summary(groups) == "Cargo would run for app, tool; then for other"
    assert lines(package("base"), groups=groups)[2:] == [cargo_summary(groups), "1 to build"]
    crowd = [CargoGroup((), CargoBuildAction(tuple("abcdefghij"))), *groups * 2]
    assert lines(package("base"), groups=crowd)[2:] == [
        "Cargo would run for a, b, c, d, e, f, g, h and 2 more; then for app, tool; then for "
        "other; and 2 times more",
        "1 to build",
        MORE,
    ]
    assert cargo_summary(crowd) in lines(package("base"), groups=crowd, everything=True)
    image = Image("i", "i", "i/mzbuild.yml", pre_image=(CopyAction("a", "b"), tool, other))
    images = ImageGraph((image,), {"i": ()})
    (told,) = plan_json(package("i", images=images), Arch.X86_64, groups, images, {}, {"i": "i:x"})
    assert told["cargo_runs"] == [1, 2]
    idle = package("i", images=images, local="i")
    (told,) = plan_json(idle, Arch.X86_64, groups, images, {}, {"i": "i:x"})
    assert told["cargo_runs"] == []
