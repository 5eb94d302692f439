"""What Docker is handed: the files of a context, by where they come to lie in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from mzbuild.core.errors import MzbuildError

T = TypeVar("T")

# The directory that is handed to Docker, and the Dockerfile beside it: the context keeps the
# Dockerfile as it is in the work tree, for whoever copies it into the image.
CONTEXT = "context"
DOCKERFILE = "Dockerfile"

IGNORE_FILE = ".dockerignore"


def add_results(files: Mapping[str, T], results: Mapping[str, T], where: str) -> dict[str, T]:
    """The files of a context with the results of a pre-image action put over them.

    `where` names the action. Raises `MzbuildError` where a result would lie in something that is
    no directory, or in the place of a directory.
    """
    together = {**files, **results}
    directories = set()
    for path in together:
        while "/" in path:
            path = path.rpartition("/")[0]
            if path in directories:
                break
            directories.add(path)
    for path in sorted(directories.intersection(together)):
        raise MzbuildError(
            f"{where}: `{path}` would be both a file and a directory of the context. Rename one of "
            "them, or choose another destination."
        )
    return together


def check_clash(
    files: Iterable[str], made_by: Mapping[str, str], results: Iterable[str], label: str, where: str
) -> None:
    """Raises `MzbuildError` where an action makes a file that the context has already.

    `files` are those of the context, of which `made_by` has those that other actions have made,
    with the labels of these; `label` is the action's own.
    """
    for path in sorted({*results}.intersection(files)):
        other = f"the {made_by[path]} makes" if path in made_by else "the context has"
        raise MzbuildError(
            f"{where}: the {label} makes `{path}`, which {other}, too. Give one of them another "
            "destination, or remove it."
        )


def docker_files(
    context: Mapping[str, T], dockerfile: T, *, buildx: bool = True
) -> tuple[tuple[str, T], ...]:
    """Everything that Docker reads, by its path in the sandbox.

    Docker looks for the Dockerfile's own ignore file beside it, so that goes along. Without
    `buildx` it knows only the ignore file of the context, in whose place the other is put.
    """
    context = dict(context)
    beside = {DOCKERFILE: dockerfile}
    own_ignore_file = f"{DOCKERFILE}{IGNORE_FILE}"
    if own_ignore_file in context:
        if buildx:
            beside[own_ignore_file] = context[own_ignore_file]
        else:
            context[IGNORE_FILE] = context[own_ignore_file]
    files = [(f"{CONTEXT}/{path}", file) for path, file in sorted(context.items())]
    return (*files, *beside.items())
