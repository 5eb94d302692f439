"""Plans, for people and for programs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mzbuild.core.cargo.groups import CargoGroup
from mzbuild.core.configuration import Arch
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.planning import BuildPlan
from mzbuild.core.text.table import MORE, SCREEN, WIDTH, Paint, some, table

_HEADER = ("arch", "stage", "image", "would", "after", "because")
_GROUPED = ("arch", "stage", "would", "images", "such as", "because")

# More images than this for which there is nothing to do are counted, not listed.
_MOST_IDLE = 10
# More invocations of Cargo than this, and more programs of one, are counted.
_MOST_RUNS = 3
_MOST_PROGRAMS = 8

# The plan for an architecture, and the invocations of Cargo that it leads to.
ArchPlan = tuple[Arch, BuildPlan, Sequence[CargoGroup]]


def plan_lines(
    plans: Sequence[ArchPlan], *, everything: bool, paint_name: Paint, paint_work: Paint
) -> Iterator[str]:
    """What to print: a row for each image or, where they are many, for those that are alike.

    With `everything`, there is a row for each image, however many there are.
    """
    summary = plan_summary([plan for _, plan, _ in plans])
    rows = [row for arch, plan, _ in plans for row in plan_rows(plan, arch, everything=everything)]
    if not rows:
        yield f"Nothing to do: {summary or 'no images'}"
        return
    hidden = len(rows) < sum(len(plan.images) for _, plan, _ in plans)
    if everything or len(rows) <= SCREEN:
        yield from table(_HEADER, rows, {2: paint_name, 3: paint_work}, WIDTH)
    else:
        hidden = True
        groups = [row for arch, plan, _ in plans for row in _grouped_rows(plan, arch)]
        yield from table(_GROUPED, groups, {2: paint_work, 4: paint_name}, WIDTH)
    for _, _, runs in plans:
        if runs:
            full, brief = cargo_summary(runs), cargo_summary(runs, _MOST_RUNS, _MOST_PROGRAMS)
            yield full if everything else brief
            hidden = hidden or brief != full
    yield summary
    if hidden and not everything:
        yield MORE


def plan_rows(plan: BuildPlan, arch: Arch, *, everything: bool) -> list[tuple[str, ...]]:
    """The images by stages; those for which there is nothing to do come first, if they are few."""
    stages = _stage_numbers(plan)
    idle = [name for name, image in plan.images.items() if image.idle]
    blocked = [name for name, image in plan.images.items() if image.blocked]
    listed = idle if everything or len(idle) <= _MOST_IDLE else []
    return [
        (
            arch.value,
            str(stages.get(name, "-")),
            name,
            plan.images[name].outcome,
            ", ".join(plan.waits_for[name]) or "-",
            plan.images[name].reason,
        )
        for name in [*listed, *sorted(stages, key=stages.__getitem__), *blocked]
    ]


def _grouped_rows(plan: BuildPlan, arch: Arch) -> list[tuple[str, ...]]:
    """The same, with one row for the images of a stage for which it says the same."""
    stages = _stage_numbers(plan)
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(plan.images, key=lambda name: stages.get(name, 0)):
        image = plan.images[name]
        key = (str(stages.get(name, "-")), image.outcome, image.reason)
        alike.setdefault(key, []).append(name)
    return [
        (arch.value, stage, outcome, str(len(names)), some(names), reason)
        for (stage, outcome, reason), names in alike.items()
    ]


def _stage_numbers(plan: BuildPlan) -> Mapping[str, int]:
    return {name: n for n, stage in enumerate(plan.stages, start=1) for name in stage}


def blocked_lines(refusal: str, plans: Sequence[tuple[Arch, BuildPlan]]) -> str | None:
    """Says what is refused for the images that are blocked; nothing where none are."""
    lines = [
        f"  {name} ({arch.value}): {image.reason}"
        for arch, plan in plans
        for name, image in plan.images.items()
        if image.blocked
    ]
    if not lines:
        return None
    advice = dict.fromkeys(each for _, plan in plans for each in plan.advice)
    return "\n".join([f"{refusal}, as these images are blocked:", *lines, *advice])


def check_plans(refusal: str, plans: Sequence[tuple[Arch, BuildPlan]]) -> None:
    """Raises `MzbuildError`, which begins with what is refused, where images are blocked."""
    if refused := blocked_lines(refusal, plans):
        raise MzbuildError.of_lines(refused)


def plan_summary(plans: Iterable[BuildPlan]) -> str:
    """How many images there are of each kind."""
    counts = Counter(image.outcome for plan in plans for image in plan.images.values())
    return ", ".join(f"{count} to {outcome}" for outcome, count in sorted(counts.items())).replace(
        " to blocked", " blocked"
    )


def cargo_summary(
    groups: Sequence[CargoGroup], runs: int = sys.maxsize, programs: int = sys.maxsize
) -> str:
    """What Cargo would build, by its invocations, in one line: of each so many programs.

    `runs` is how many invocations are told of.
    """
    built = [some([*each.together.bins, *each.together.examples], programs) for each in groups]
    more = f"; and {len(built) - runs} times more" if len(built) > runs else ""
    return f"Cargo would run for {'; then for '.join(built[:runs])}{more}"


def _cargo_runs(image: Image, groups: Sequence[CargoGroup]) -> list[int]:
    return [
        number
        for number, group in enumerate(groups, start=1)
        if not {*image.pre_image}.isdisjoint(group.builds)
    ]


def plan_json(
    plan: BuildPlan,
    arch: Arch,
    groups: Sequence[CargoGroup],
    graph: ImageGraph,
    addresses: Mapping[str, str],
    specs: Mapping[str, str],
) -> list[dict[str, object]]:
    """The same for programs; `groups` are the invocations of Cargo that the plan leads to."""
    stages = _stage_numbers(plan)
    return [
        {
            "name": name,
            "arch": arch.value,
            "address": addresses.get(name),
            "spec": specs.get(name),
            "work": [work.value for work in image.work],
            "blocked": image.blocked,
            "stage": stages.get(name),
            "waits_for": list(plan.waits_for[name]),
            "cargo_runs": _cargo_runs(graph.by_name[name], groups) if image.work else [],
            "reason": image.reason,
        }
        for name, image in plan.images.items()
    ]
