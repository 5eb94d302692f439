"""`pants mzbuild-clean`: the directories in which Cargo builds, and their end."""

from __future__ import annotations

from pathlib import Path

from pants.base.build_root import BuildRoot
from pants.engine.console import Console
from pants.engine.goal import GoalSubsystem
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.option.option_types import BoolOption
from pants.util.strutil import softwrap

from mzbuild.core.cargo.directories import (
    ALL_CACHES,
    cache_name,
    cargo_directories,
    directory_rows,
    remove_directory,
    shown_size,
)
from mzbuild.core.text.table import table
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.pants_api import collect_rules, uncacheable_rule


class CleanSubsystem(GoalSubsystem):
    name = "mzbuild-clean"
    help = softwrap(
        """
        Remove what Cargo has compiled, and the sources staged for it.

        For example, `pants mzbuild-clean --list` shows the directories in which Cargo builds,
        with their sizes, and `pants mzbuild-clean` removes them, but for those that a build is
        using. Images and Pants' own caches stay; the next build of a changed crate compiles
        everything.
        """
    )

    list = BoolOption(
        default=False,
        help=softwrap(
            """
            Only list the directories, with their sizes and when they were last used. For example,
            `pants mzbuild-clean --list`.
            """
        ),
    )

    all = BoolOption(
        default=False,
        help=softwrap(
            """
            Take the directories of all repositories, and of all their clones, that share the
            named caches of Pants with this one. For example, `pants mzbuild-clean --all` removes
            those of a clone that is gone as well.
            """
        ),
    )


class Clean(GoalOutcome):
    pass


@uncacheable_rule
async def clean(
    subsystem: CleanSubsystem,
    build_root: BuildRoot,
    global_options: GlobalOptions,
    console: Console,
) -> Clean:
    caches = Path(global_options.named_caches_dir)
    cache = ALL_CACHES if subsystem.all else cache_name(build_root.path)
    directories = cargo_directories(caches, cache)
    if not directories:
        console.print_stderr("There is nothing that Cargo has compiled.")
    if subsystem.list:
        header = ("directory", "sources", "compiled", "last used")
        for line in table(header, directory_rows(directories, caches)):
            console.print_stdout(line)
        return Clean(exit_code=0)
    stayed = 0
    for directory in directories:
        if remove_directory(directory.path):
            console.print_stdout(f"Removed {directory.path}: {shown_size(directory.size)}.")
        else:
            console.print_stderr(f"{directory.path} stays: a build is using it.")
            stayed = 1
    return Clean(exit_code=stayed)


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(CleanSubsystem, Clean, clean))
