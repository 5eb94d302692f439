"""A CI pipeline of what a plan has to build and push, one job for each image."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mzbuild.core.configuration import Arch
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.plan.planning import BuildPlan, Work
from mzbuild.core.safe import buildkite_text

# https://docs.github.com/en/actions/reference/limits: a matrix has no more jobs than this.
_LARGEST_MATRIX = 256


@dataclass(frozen=True)
class Job:
    """A job: the image that it pushes, and the names of those that other jobs push before, for
    the same architecture."""

    image: str
    arch: str
    address: str
    # None where the image is broken: the job is there to fail, and says why.
    spec: str | None
    command: str
    needs: tuple[str, ...]


def pipeline_jobs(
    plan: BuildPlan,
    arch: Arch,
    graph: ImageGraph,
    addresses: Mapping[str, str],
    specs: Mapping[str, str],
    flags: Sequence[str],
) -> tuple[Job, ...]:
    """The jobs of a plan for `mzbuild-ensure`, each after those that it needs.

    An image that is not published has none: each job that builds on it builds it for itself.
    An image that is blocked has one that fails, so that the pipeline does not pass without it.
    `flags` are those of the options that no file sets.
    """
    # By every image that is built, the images whose jobs have to be done before.
    needs: dict[str, dict[str, None]] = {}
    jobs = []
    for name, image in plan.images.items():
        needs[name] = {}
        for other in graph.dependencies[name] if Work.BUILD in image.work else ():
            pushed = Work.PUSH in plan.images[other].work
            needs[name].update({other: None} if pushed else needs[other])
        if Work.PUSH in image.work or (image.blocked and graph.by_name[name].publish):
            address = addresses[name]
            # What begins with a dash would be an option; `//` is the repository's root.
            typed = f"//{address}" if address.startswith("-") else address
            command = ["pants", *flags, "mzbuild-ensure", typed]
            jobs.append(
                Job(
                    name,
                    arch.value,
                    address,
                    specs.get(name),
                    shlex.join(command),
                    tuple(needs[name]),
                )
            )
    return tuple(jobs)


def github_matrix(jobs: Sequence[Job]) -> dict[str, object]:
    """Stages, each a matrix of GitHub Actions: jobs of one do not need one another.

    See https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
    """
    return {
        "stages": [
            {"include": [{**vars(job), "needs": list(job.needs)} for job in stage]}
            for stage in _stages(jobs)
        ]
    }


def _stages(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    number: dict[tuple[str, str], int] = {}
    for job in jobs:
        before = (number[other, job.arch] for other in job.needs)
        number[job.image, job.arch] = 1 + max(before, default=-1)
    for current in range(1 + max(number.values(), default=-1)):
        stage = [job for job in jobs if number[job.image, job.arch] == current]
        for first in range(0, len(stage), _LARGEST_MATRIX):
            yield stage[first : first + _LARGEST_MATRIX]


def buildkite_pipeline(jobs: Sequence[Job]) -> dict[str, object]:
    """Command steps for `buildkite-agent pipeline upload`.

    See https://buildkite.com/docs/pipelines/configure/step-types/command-step
    """
    return {
        "steps": [
            {
                "label": buildkite_text(f"{job.image} ({job.arch})"),
                "key": _key(job.image, job.arch),
                "command": buildkite_text(job.command),
                **(
                    {"depends_on": [_key(other, job.arch) for other in job.needs]}
                    if job.needs
                    else {}
                ),
            }
            for job in jobs
        ]
    }


def _key(image: str, arch: str) -> str:
    # A pipeline may have other steps, and a key may not look like a UUID. An image whose
    # declaration cannot be read goes by its place.
    return f"mzbuild-{re.sub('[^A-Za-z0-9-]', '-', image)}-{arch}"
