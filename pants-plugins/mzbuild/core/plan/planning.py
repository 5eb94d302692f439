"""What is to be done for images, in which order and why: for those who do it, and who only tell."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mzbuild.core.errors import listed
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.acquisition import WITHOUT_ANSWER, Build, OnUnknown
from mzbuild.core.registries.client import Answer, Present, RegistryTag
from mzbuild.core.registries.publication import Publication, Status
from mzbuild.core.registries.round import Unknown

_ASK_AGAIN = f"A registry does not say whether it has some images. {WITHOUT_ANSWER}"
_PUBLISH_FIRST = (
    "An earlier step should have published what is missing, with `pants mzbuild-ensure`; an image "
    "that is never published can only be built."
)


class Work(Enum):
    """One thing that is to be done for an image."""

    PULL = "pull"
    BUILD = "build"
    PUSH = "push"


@dataclass(frozen=True)
class PlannedImage:
    """What is to be done for an image, in this order; and why that, in words.

    Nothing is done for an image that is `blocked`.
    """

    name: str
    work: tuple[Work, ...]
    reason: str
    blocked: bool = False
    # What the user can do about that.
    advice: str = ""
    # The image that is blocked first, where this one builds on it.
    because_of: str = ""

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
    def built(self) -> tuple[str, ...]:
        """The names of the images to build, sorted."""
        return tuple(sorted(n for n, image in self.images.items() if Work.BUILD in image.work))

    @property
    def exit_code(self) -> int:
        """0 where there is nothing to do, 1 where something is in the way, else 2."""
        if any(image.blocked for image in self.images.values()):
            return 1
        return 2 if any(image.work for image in self.images.values()) else 0

    @property
    def advice(self) -> tuple[str, ...]:
        """What the user can do about what is in the way, each thing once."""
        return tuple(dict.fromkeys(each.advice for each in self.images.values() if each.advice))

    def told_of(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """The names of the images that some are had with: these, those that there is something to
        do for before, and what is in the way of them."""
        involved = {*wanted, *(name for names in self.waits_for.values() for name in names)}
        return tuple(n for n, image in self.images.items() if image.blocked or n in involved)


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
        bases = graph.dependencies[name] if Work.BUILD in image.work else ()
        involved = [images[each] for each in bases if each in images]
        found = sorted({each for other in involved for each in obstacles.get(other.name, ())})
        if found:
            obstacles[name] = tuple(found)
            reason = f"it builds on {listed(found)}"
            image = PlannedImage(name, (), reason, blocked=True, because_of=found[0])
        elif image.blocked:
            obstacles[name] = (name,)
        images[name] = image
        waits_for[name] = tuple(other.name for other in involved if image.work and other.work)
    return BuildPlan(images, waits_for)


def with_broken(plan: BuildPlan, errors: Mapping[str, str]) -> BuildPlan:
    """The plan with images besides that have no fingerprint; `errors` says why, by their names."""
    broken = {name: PlannedImage(name, (), why, blocked=True) for name, why in errors.items()}
    return BuildPlan({**plan.images, **broken}, {**plan.waits_for, **dict.fromkeys(broken, ())})


def plan_package(
    graph: ImageGraph,
    wanted: Iterable[str],
    local: Container[str],
    answers: Mapping[str, Answer],
    build: Build,
    on_unknown: OnUnknown,
    registry: str,
    refused: Callable[[str], str],
) -> BuildPlan:
    """How to have the wanted images in the engine, and those that have to be there to build them.

    `local` are those that the engine has. `answers` are those of the primary registry, whose name
    is `registry`, for what `to_look_up` says; without an answer, an image is not there. `refused`
    tells why an image would not be built, if so.
    """
    asked_for = set(wanted)
    planned: dict[str, PlannedImage] = {}
    waiting = sorted(asked_for)
    while waiting:
        name = waiting.pop()
        if name in planned:
            continue
        answer, published = answers.get(name), graph.by_name[name].publish
        if build is Build.ALWAYS and name in asked_for:
            reason = "[mzbuild].build is `always`"
            planned[name] = PlannedImage(name, (Work.BUILD,), reason)
        elif name in local:
            planned[name] = PlannedImage(name, (), "the engine has it")
        elif isinstance(answer, Present):
            planned[name] = PlannedImage(name, (Work.PULL,), f"{registry} has it")
        elif isinstance(answer, Unknown) and on_unknown is OnUnknown.ERROR:
            planned[name] = _unknown(name, {registry: answer.reason})
        elif build is Build.NEVER:
            planned[name] = _not_built(name, published)
        else:
            reason = _why_built(registry, answer, published)
            planned[name] = PlannedImage(name, (Work.BUILD,), reason)
        planned[name] = _possible(planned[name], refused)
        if Work.BUILD in planned[name].work:
            waiting.extend(graph.dependencies[name])
    return _build_plan(graph, planned)


def _why_built(registry: str, answer: Answer | None, published: bool) -> str:
    if not published:
        return "the engine does not have it, and it is never published"
    if isinstance(answer, Unknown):
        return _does_not_say(registry, answer.reason)
    if answer is None:
        return "the engine does not have it, and there is no registry"
    return f"neither the engine nor {registry} has it"


def _does_not_say(registry: str, reason: str) -> str:
    return f"{registry} does not say whether it has it: {reason}"


def _unknown(name: str, reasons: Mapping[str, str]) -> PlannedImage:
    """An image of which registries do not say whether they have it; why, by their names."""
    reason = "; ".join(_does_not_say(*each) for each in reasons.items())
    return PlannedImage(name, (), reason, blocked=True, advice=_ASK_AGAIN)


def _not_built(name: str, published: bool) -> PlannedImage:
    why = "missing" if published else "never published"
    reason = f"it is {why}, and [mzbuild].build is `never`"
    return PlannedImage(name, (), reason, blocked=True, advice=_PUBLISH_FIRST)


def never_refused(name: str) -> str:
    """What to plan with where builds are to tell by themselves what is wrong."""
    return ""


def _possible(image: PlannedImage, refused: Callable[[str], str]) -> PlannedImage:
    """The same, but blocked where it is to be built and would not be."""
    why = refused(image.name) if Work.BUILD in image.work else ""
    if not why:
        return image
    # Of several lines, some are to be copied as they are.
    advice = why if "\n" in why else ""
    return PlannedImage(image.name, (), " ".join(why.split()), blocked=True, advice=advice)


def missing_tags(image: Publication | None, on_unknown: OnUnknown) -> tuple[RegistryTag, ...]:
    """The tags that are to be pushed; `None` is an image that is not published."""
    if image is None or (image.unknown and on_unknown is OnUnknown.ERROR):
        return ()
    return (*image.missing, *image.unknown)


def plan_ensure(
    graph: ImageGraph,
    wanted: Iterable[str],
    publications: Mapping[str, Publication],
    local: Container[str],
    build: Build,
    on_unknown: OnUnknown,
    refused: Callable[[str], str],
) -> BuildPlan:
    """How to have images in all their registries; `local` are those that the engine has, and
    `refused` tells why an image would not be built, if so."""
    planned: dict[str, PlannedImage] = {}
    waiting = [name for name in graph.closure(wanted) if graph.by_name[name].publish]
    pulled: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in planned:
            continue
        image = publications.get(name)
        planned[name] = _ensured(name, image, name in local, build, on_unknown)
        planned[name] = _possible(planned[name], refused)
        if Work.BUILD in planned[name].work:
            waiting.extend(graph.dependencies[name])
            pulled.update(graph.dependencies[name])
    for name in sorted(pulled):
        if planned[name].idle and name not in local and name in publications:
            # What the registries have need not be in the engine to build on it.
            registry, _ = next(iter(publications[name].present))
            planned[name] = PlannedImage(name, (Work.PULL,), f"{registry.name} has it")
    return _build_plan(graph, planned)


def _ensured(
    name: str, image: Publication | None, local: bool, build: Build, on_unknown: OnUnknown
) -> PlannedImage:
    """What is to be done for an image; `None` is one that is not published, and wanted for others
    to build on."""
    if image is None and local:
        return PlannedImage(name, (), "the engine has it")
    if image and image.status is Status.PUBLISHED:
        return PlannedImage(name, (), f"it is in {_names(image.answers)}")
    unknown = {registry.name: why for (registry, _), why in image.unknown.items()} if image else {}
    missing = missing_tags(image, on_unknown)
    if image and not missing:
        return _unknown(name, unknown)
    there = local or (image and image.present)
    if not there and build is Build.NEVER:
        return _not_built(name, image is not None)
    first = () if local else (Work.PULL,) if there else (Work.BUILD,)
    if image is None:
        return PlannedImage(name, first, "the engine does not have it, and it is never published")
    reasons = [f"it is not in {_names(missing)}"]
    reasons += [_does_not_say(*each) for each in unknown.items()]
    return PlannedImage(name, (*first, Work.PUSH), "; ".join(reasons))


def _names(tags: Iterable[RegistryTag]) -> str:
    return " and ".join(registry.name for registry, _ in tags)
