"""Docker's command lines, and what its answers mean."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from hashlib import sha256

from mzbuild.core.configuration import Arch
from mzbuild.core.docker.limit import GIVEN_UP
from mzbuild.core.text.json_reader import read_json

_FIRST_WAIT = 0.5  # seconds
_LONGEST_WAIT = 10.0

HOW_TO_INSTALL_BUILDX = (
    "To install it: `apt-get install docker-buildx-plugin` (from Docker's own packages), "
    "`apt-get install docker-buildx` (from Debian or Ubuntu) or "
    "`dnf install docker-buildx-plugin`."
)
INSTALL_BUILDX = (
    "Docker's buildx plugin is missing, so images are built with plain `docker build`. "
    f"{HOW_TO_INSTALL_BUILDX}"
)


def list_images_args() -> tuple[str, ...]:
    """Arguments of `docker` that list all tagged images; see `parse_image_list`."""
    return ("image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")


def parse_image_list(stdout: str) -> Mapping[str, str]:
    """The IDs of the images that the engine has, by their specs as the engine shows them."""
    lines = (line.split(" ") for line in stdout.splitlines())
    return dict(lines)


def familiar(spec: str) -> str:
    """A spec as the engine shows it: without the registry that it takes for granted."""
    for prefix in ("docker.io/library/", "docker.io/"):
        if spec.startswith(prefix):
            return spec[len(prefix) :]
    return spec


def explain_failure(stderr: str) -> str:
    """What is wrong with the engine and what to do about it, from what `docker` said."""
    said = stderr.strip()
    lowered = said.lower()
    if "permission denied" in lowered:
        return (
            f"You have no permission to use the Docker engine: {said}\nAdd yourself to its group "
            "(`sudo usermod -aG docker $USER`, then log in again), or run this as root."
        )
    if (
        "cannot connect to the docker daemon" in lowered
        or "is the docker daemon running" in lowered
    ):
        return (
            f"The Docker engine is not running: {said}\nStart it (`sudo systemctl start docker`, "
            "or Docker Desktop), or set `DOCKER_HOST` to one that is."
        )
    return f"The Docker engine does not answer: {said}"


OWN_ARGUMENTS = ("BUILD_PROFILE", "ARCH_GCC", "ARCH_GO", "CI_SANITIZER")
"""The build arguments that every Dockerfile gets, besides those that its image declares."""


def build_args(
    *,
    builder: str | None,
    arch: Arch,
    tags: Sequence[str],
    push: bool = False,
    build_arguments: Mapping[str, str],
    labels: Mapping[str, str],
    dockerfile: str,
    iidfile: str = "",
    context: str,
) -> tuple[str, ...]:
    """Arguments of `docker` that build an image and tag it in the local engine.

    `builder` is the one of buildx that does it, `None` where there is no buildx. With `push`, for
    which it has to be there, each tag goes to its registry as well. The paths are relative to where
    the command runs; the image's ID is written to `iidfile`, if given.
    """
    result = "--push" if push else "--load"
    buildx = ("buildx", "build", f"--builder={builder}", "--progress=plain", result)
    return (
        *(buildx if builder else ("build",)),
        f"--platform=linux/{arch.go_name}",
        *(f"--tag={tag}" for tag in tags),
        *(f"--build-arg={name}={value}" for name, value in build_arguments.items()),
        *(f"--label={name}={value}" for name, value in labels.items()),
        f"--file={dockerfile}",
        *([f"--iidfile={iidfile}"] if iidfile else []),
        context,
    )


def once_args(
    *,
    docker: str,
    tag: str,
    caches: str,
    since: float,
    iidfile: str,
    log: str,
    kept: str,
    command: Sequence[str],
    again: bool = False,
) -> tuple[str, ...]:
    """Arguments of `once.py` to run a command that builds an image, unless the engine has it since.

    `caches` is the directory for what processes have in common; `kept` is where what Docker read
    goes if the command fails. With `again`, it is built in any case.
    """
    lock, built = (
        os.path.join(caches, kind, sha256(name.encode()).hexdigest())
        for kind, name in (("locks", tag), ("built", tag.rpartition(":")[0]))
    )
    spec = "" if again else tag
    return (lock, built, str(since), docker, spec, iidfile, log, kept, *command)


def pull_args(arch: Arch, reference: str) -> tuple[str, ...]:
    """Arguments of `docker` that pull an image, which gets no tag where it is named by a digest."""
    return ("pull", f"--platform=linux/{arch.go_name}", reference)


def by_digest(tag: str, digest: str) -> str:
    """The image that a tag stands for now, whatever becomes of the tag."""
    return f"{tag.rpartition(':')[0]}@{digest}"


def push_command(docker: str, image_id: str, tag: str) -> tuple[str, ...]:
    """The command that pushes an image of the engine under a tag."""
    script = '"$1" tag "$2" "$3" && exec "$1" push "$3"'
    return ("/bin/sh", "-c", script, "sh", docker, image_id, tag)


def inspect_args(*images: str) -> tuple[str, ...]:
    """Arguments of `docker` that tell of images; see `parse_inspected`."""
    return ("image", "inspect", "--format={{.Id}} {{json .Config.Labels}}", *images)


def parse_inspected(stdout: str) -> Mapping[str, Mapping[str, str]]:
    """The labels of images, by their IDs."""
    lines = (line.partition(" ") for line in stdout.split("\n") if line)
    return {image_id: read_json(labels) or {} for image_id, _, labels in lines}


def waits_within(budget: float, seed: str) -> tuple[float, ...]:
    """How long to wait after each failed try, in seconds, so that it is `budget` in all.

    What is random of it, so that not all come back at the same moment, depends on the seed.
    """
    chance = random.Random(f"{os.getpid()} {seed}")
    waits: list[float] = []
    while (left := budget - sum(waits)) > 0:
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** len(waits))
        waits.append(min(left, longest * chance.uniform(0.5, 1)))
    return tuple(waits)


def retried(argv: Sequence[str], waits: Sequence[float]) -> tuple[str, ...]:
    """A command that runs another until it succeeds, with these waits (in seconds) in between.

    What was given up since it took too long is not tried again.
    """
    script = (
        'waits=$1; shift; for wait in $waits; do "$@"; code=$?; '
        f'case $code in 0|{GIVEN_UP}) exit $code;; esac; sleep "$wait"; done; exec "$@"'
    )
    return ("/bin/sh", "-c", script, "sh", " ".join(f"{wait:.2f}" for wait in waits), *argv)


def with_config(argv: Sequence[str], config: str, directory: str) -> tuple[str, ...]:
    """A command that runs `docker` with the file `config` as its configuration.

    All else, such as plugins and contexts, is what the directory of its own configuration has.
    """
    script = (
        'config=$1 own=$2 new=$PWD/.mzbuild-docker; shift 2; mkdir -p "$new"; '
        'for file in "$own"/*; do [ ! -e "$file" ] || ln -sf "$file" "$new"; done; '
        'ln -sf "$config" "$new/config.json"; DOCKER_CONFIG=$new exec "$@"'
    )
    return ("/bin/sh", "-c", script, "sh", config, directory, *argv)


def run_command(
    docker: str,
    spec: str,
    env: Sequence[str],
    args: Sequence[str],
    secret: Sequence[str] = (),
) -> tuple[str, ...]:
    """The command that runs an image in the foreground and leaves nothing behind.

    `env` has `NAME` or `NAME=value`, `args` further arguments of `docker run`; `secret` are the
    names of variables that Docker does not get to see, unless `env` has them. What follows the
    command is handed to the image. It gets a terminal only where there is one to get.
    """
    script = (
        "tty=; if [ -t 0 ] && [ -t 1 ]; then tty=--tty; fi; docker=$1; shift; "
        'exec "$docker" run --rm --init --interactive $tty "$@"'
    )
    variables = (f"--env={variable}" for variable in env)
    hidden = [part for name in secret if name not in env for part in ("-u", name)]
    hide = ("/usr/bin/env", *hidden) if hidden else ()
    return (*hide, "/bin/sh", "-c", script, "sh", docker, *variables, *args, spec)
