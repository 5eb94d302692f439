"""The program that builds in the sandbox: which files it is, and how it is run."""

from __future__ import annotations

from collections.abc import Mapping

from mzbuild.core.cargo.staging import NOTE
from mzbuild.core.resources import resource

PACKAGE = "mzbuild.core.cargo"

_MODULES = (
    "staging",
    "failures",
    "lent_environment",
    "memory",
    "results",
    "staged_files",
    "staged_git",
)

_MAIN = b"""\
import sys

from mzbuild.core.cargo.staging import main

sys.exit(main(*sys.argv[1:]))
"""


def cargo_program() -> Mapping[str, bytes]:
    """The program's files, by their paths in a directory of its own.

    `python DIRECTORY PLAN LENT` runs it; `cargo.staging` tells what a plan is, and
    `cargo.lent_environment` what is lent to it. It needs nothing but the
    standard library, so that any Python can run it.
    """
    directory = PACKAGE.replace(".", "/")
    files = {f"{directory}/{name}.py": resource(PACKAGE, f"{name}.py") for name in _MODULES}
    return {"__main__.py": _MAIN, **files}


def notes(output: str) -> tuple[str, ...]:
    """What the program has told itself among Cargo's output."""
    lines = output.splitlines()
    return tuple(line[len(NOTE) :] for line in lines if line.startswith(NOTE))
