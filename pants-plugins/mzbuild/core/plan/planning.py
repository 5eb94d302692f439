"""What would be done for images, in which order and why, without doing it.

The decisions are those of the rules that do it: `decide_acquisition` and `ensure_step`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mzbuild.core.errors import listed
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.acquisition import Acquisition, Build, OnUnknown, Origin
from mzbuild.core.plan.ensure_step import EnsureStep, ensure_step, missing_tags
from mzbuild.core.registries.client import Answer
from mzbuild.core.registries.publication import Publication
from mzbuild.core.registries.round import Unknown


class Work(Enum):
    """One thing that would be done for an image."""

    PULL = "pull"
    BUILD = "build"
    PUSH = "push"


@dataclass(frozen=True)
class PlannedImage:
    """What would be done for an image, in this order; and why that, in words.

    Of an image that is `blocked`, nothing would be done.
    """

    name: str
    work: tuple[Work, ...]
    reason: str
    blocked: bool = False

    @property
    def idle(self) -> bool:
        """Whether it is where it should be already."""
        return not self.work and not self.blocked

    @property
    def outcome(self) -> str:
        """What would be done, in a word or two: `reuse`, `build`, `build, push`, `blocked`, …"""
        if self.blocked:
            return "blocked"
        return ", ".join(work.value for work in self.work) or "reuse"


@dataclass(frozen=True)
class BuildPlan:
    """The images that a command is about, each after those that it builds on, by name.

    `waits_for` has for each the names of others for which there is something to do before.
    """

    images: Mapping[str, PlannedImage]
    waits_for: Mapping[str, tuple[str, ...]]

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """The names of the images for which there is something to do: all images of one stage can
        be had at once, when the stages before it are done."""
        stage: dict[str, int] = {}
        for name, image in self.images.items():
            if image.work:
                stage[name] = 1 + max((stage[other] for other in self.waits_for[name]), default=-1)
        return tuple(
            tuple(name for name in stage if stage[name] == number)
            for number in range(1 + max(stage.values(), default=-1))
        )

    @property
    def exit_code(self) -> int:
        """0 where there is nothing to do, 1 where something is in the way, else 2."""
        if any(image.blocked for image in self.images.values()):
            return 1
        return 2 if any(image.work for image in self.images.values()) else 0


def _build_plan(graph: ImageGraph, planned: Mapping[str, PlannedImage]) -> BuildPlan:
    """Puts images in order, and blocks those that build on what is blocked."""
    images: dict[str, PlannedImage] = {}
    waits_for: dict[str, tuple[str, ...]] = {}
    # What is in the way of each image that is blocked: itself, or what it builds on in turn.
    obstacles: dict[str, tuple[str, ...]] = {}
    for name in graph.closure(sorted(planned)):
        if name not in planned:
            continue
        image = planned[name]
        builds = Work.BUILD in image.work
        involved = [images[each] for each in graph.dependencies[name] if each in images]
        found = sorted({each for other in involved for each in obstacles.get(other.name, ())})
        if builds and found:
            obstacles[name] = tuple(found)
            image = PlannedImage(name, (), f"it builds on {listed(found)}", blocked=True)
        elif image.blocked:
            obstacles[name] = (name,)
        images[name] = image
        waits_for[name] = tuple(other.name for other in involved if builds and other.work)
    return BuildPlan(images, waits_for)


def with_broken(plan: BuildPlan, errors: Mapping[str, str]) -> BuildPlan:
    """The plan with images besides that have no fingerprint; `errors` says why, by their names."""
    broken = {name: PlannedImage(name, (), why, blocked=True) for name, why in errors.items()}
    return BuildPlan({**plan.images, **broken}, {**plan.waits_for, **dict.fromkeys(broken, ())})


def plan_package(
    graph: ImageGraph,
    wanted: Container[str],
    decided: Acquisition,
    answers: Mapping[str, Answer],
    build: Build,
    registry: str | None,
) -> BuildPlan:
    """What `package` would do; `registry` is the name of the primary one, if there is any."""
    planned = {
        name: PlannedImage(name, (), f"{registry} does not say whether it has it: {reason}", True)
        for name, reason in decided.unknown.items()
    }
    for name, origin in decided.origins.items():
        if origin is Origin.REUSED:
            planned[name] = PlannedImage(name, (), "the engine has it")
        elif origin is Origin.PULLED:
            planned[name] = PlannedImage(name, (Work.PULL,), f"{registry} has it")
        elif build is Build.NEVER:
            reason = "it is missing, and [mzbuild].build is `never`"
            planned[name] = PlannedImage(name, (), reason, blocked=True)
        elif build is Build.ALWAYS and name in wanted:
            reason = "[mzbuild].build is `always`"
            planned[name] = PlannedImage(name, (Work.BUILD,), reason)
        else:
            reason = _why_built(registry, answers.get(name), graph.by_name[name].publish)
            planned[name] = PlannedImage(name, (Work.BUILD,), reason)
    return _build_plan(graph, planned)


def _why_built(registry: str | None, answer: Answer | None, publish: bool) -> str:
    if not publish:
        return "the engine does not have it, and it is never published"
    if registry is None:
        return "the engine does not have it, and there is no registry"
    if isinstance(answer, Unknown):
        return f"{registry} does not say whether it has it: {answer.reason}"
    return f"neither the engine nor {registry} has it"


def plan_ensure(
    graph: ImageGraph,
    wanted: Iterable[str],
    publications: Mapping[str, Publication],
    local: Container[str],
    build: Build,
    on_unknown: OnUnknown,
) -> BuildPlan:
    """What `mzbuild-ensure` would do for images; `local` are those that the engine has."""
    planned: dict[str, PlannedImage] = {}
    waiting = [name for name in graph.closure(wanted) if graph.by_name[name].publish]
    pulled: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in planned:
            continue
        image = publications.get(name)
        step = ensure_step(image, local=name in local, build=build, on_unknown=on_unknown)
        planned[name] = _planned(name, image, step, on_unknown)
        if step is EnsureStep.BUILD:
            waiting.extend(graph.dependencies[name])
            pulled.update(graph.dependencies[name])
    for name in sorted(pulled):
        if planned[name].idle and name not in local and name in publications:
            # What the registries have need not be in the engine to build on it.
            registry, _ = next(iter(publications[name].present))
            planned[name] = PlannedImage(name, (Work.PULL,), f"{registry.name} has it")
    return _build_plan(graph, planned)


def _planned(
    name: str, image: Publication | None, step: EnsureStep, on_unknown: OnUnknown
) -> PlannedImage:
    if step is EnsureStep.REFUSE_BUILD:
        return PlannedImage(name, (), "it is missing, and [mzbuild].build is `never`", blocked=True)
    if image is None:
        if step is EnsureStep.REUSE:
            return PlannedImage(name, (), "the engine has it")
        reason = "the engine does not have it, and it is never published"
        return PlannedImage(name, (Work.BUILD,), reason)
    names = {tag: tag[0].name for tag in image.answers}
    if step is EnsureStep.NOTHING:
        return PlannedImage(name, (), f"it is in {_and(names.values())}")
    unknown = [f"{names[tag]} does not say: {reason}" for tag, reason in image.unknown.items()]
    if step is EnsureStep.REFUSE_UNKNOWN:
        return PlannedImage(name, (), "; ".join(unknown), blocked=True)
    reason = f"it is not in {_and(names[tag] for tag in missing_tags(image, on_unknown))}"
    works = {
        EnsureStep.REUSE: (Work.PUSH,),
        EnsureStep.PULL: (Work.PULL, Work.PUSH),
        EnsureStep.BUILD: (Work.BUILD, Work.PUSH),
    }
    return PlannedImage(name, works[step], "; ".join([reason, *unknown]))


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)
