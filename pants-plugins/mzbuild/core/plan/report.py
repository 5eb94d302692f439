"""Plans, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mzbuild.core.cargo.groups import CargoGroup
from mzbuild.core.fingerprint.configuration import Arch
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.planning import BuildPlan

HEADER = ("arch", "stage", "image", "would", "after", "because")

# More images than this for which there is nothing to do are counted, not listed.
_MOST_IDLE = 10


def plan_rows(plan: BuildPlan, arch: Arch) -> list[tuple[str, ...]]:
    """The images by stages; those for which there is nothing to do come first, if they are few."""
    stages = {name: n for n, stage in enumerate(plan.stages, start=1) for name in stage}
    idle = [name for name, image in plan.images.items() if image.idle]
    blocked = [name for name, image in plan.images.items() if image.blocked]
    names = [*(idle if len(idle) <= _MOST_IDLE else ()), *sorted(stages, key=stages.__getitem__)]
    return [
        (
            arch.value,
            str(stages.get(name, "-")),
            name,
            plan.images[name].outcome,
            ", ".join(plan.waits_for[name]) or "-",
            plan.images[name].reason,
        )
        for name in [*names, *blocked]
    ]


def plan_summary(plans: Iterable[BuildPlan]) -> str:
    """How many images there are of each kind."""
    counts = Counter(image.outcome for plan in plans for image in plan.images.values())
    return ", ".join(f"{count} to {outcome}" for outcome, count in sorted(counts.items())).replace(
        " to blocked", " blocked"
    )


def cargo_summary(groups: Sequence[CargoGroup]) -> str:
    """What Cargo would build, by its invocations, in one line."""
    runs = [", ".join([*group.together.bins, *group.together.examples]) for group in groups]
    return f"Cargo would run for {'; then for '.join(runs)}"


def _cargo_runs(image: Image, groups: Sequence[CargoGroup]) -> list[int]:
    return [
        number
        for number, group in enumerate(groups, start=1)
        if any(action in group.builds for action in image.pre_image)
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
    stages = {name: n for n, stage in enumerate(plan.stages, start=1) for name in stage}
    return [
        {
            "name": name,
            "arch": arch.value,
            "address": addresses.get(name),
            "spec": specs[name],
            "work": [work.value for work in image.work],
            "blocked": image.blocked,
            "stage": stages.get(name),
            "waits_for": list(plan.waits_for[name]),
            "cargo_runs": _cargo_runs(graph.by_name[name], groups) if image.work else [],
            "reason": image.reason,
        }
        for name, image in plan.images.items()
    ]
