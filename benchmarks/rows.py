"""What the benchmarks measure: a new row is one more entry of `ROWS`, with its commands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.generate import (
    BASE,
    CHANGED,
    HUB_SOURCE,
    IGNORE_FILE,
    IGNORE_RULES,
    MAIN,
    SAME_SETTINGS,
    SCRIPT,
    SETTINGS,
)

SCRIPT_PATH = str(Path(__file__).resolve().parent / "plain_fingerprint.py")


@dataclass(frozen=True)
class Command:
    label: str
    argv: Callable[[Bench], list[str]]


PLUGIN = Command("plugin", lambda bench: [bench.pants, "mzbuild-fingerprint", "::"])
PLUGIN_ONE = Command(
    "plugin", lambda bench: [bench.pants, "mzbuild-fingerprint", f"//{bench.image.directory}"]
)
EXPLAIN = Command(
    "explain", lambda bench: [bench.pants, "mzbuild-explain", f"--since={CHANGED}", "::"]
)
PLAN = Command("plan", lambda bench: [bench.pants, "mzbuild-plan", "::"])
PLAIN = Command("plain script", lambda bench: [bench.python, SCRIPT_PATH, "."])
PLAIN_ONE = Command(
    "plain script", lambda bench: [bench.python, SCRIPT_PATH, ".", bench.image.name]
)
FINGERPRINT = Command("`mzbuild-fingerprint`", PLUGIN.argv)
LIST = Command("plugin", lambda bench: [bench.pants, "mzbuild-list", "::"])
DESCRIBE = Command(
    "plugin", lambda bench: [bench.pants, "mzbuild-describe", f"//{bench.image.directory}"]
)
GRAPH = Command(
    "plugin", lambda bench: [bench.pants, "mzbuild-graph", "::", "--mzbuild-graph-format=html"]
)
PANTS_VERSION = Command("`pants --version`", lambda bench: [bench.pants, "--version"])
GIT_STATUS = Command("`git status`", lambda _: ["git", "status", "--porcelain"])


# A change gets the number of its turn, from 0: even turns make it, odd ones take it back.
Change = Callable[[Bench, int], None]


def nothing(_: Bench, __: int) -> None:
    pass


def edit_hub(bench: Bench, turn: int) -> None:
    with (bench.root / HUB_SOURCE).open("a") as file:
        file.write(f"// Edit {turn}.\n")


def check_out_branch(bench: Bench, turn: int) -> None:
    bench.run("git", "checkout", "--quiet", (CHANGED, MAIN)[turn % 2])


def change_mode(bench: Bench, turn: int) -> None:
    (bench.root / BASE / SCRIPT).chmod((0o644, 0o755)[turn % 2])


def change_ignored_file(bench: Bench, turn: int) -> None:
    (bench.root / BASE / "debug.log").write_text(f"Turn {turn}.\n")


def change_ignore_rules(bench: Bench, turn: int) -> None:
    (bench.root / IGNORE_FILE).write_text(("", IGNORE_RULES)[turn % 2])


def swap_for_symlink(bench: Bench, turn: int) -> None:
    settings = bench.root / BASE / SETTINGS
    settings.unlink()
    if turn % 2:
        shutil.copyfile(settings.with_name(SAME_SETTINGS), settings)
    else:
        settings.symlink_to(SAME_SETTINGS)


@dataclass(frozen=True)
class Row:
    """One line of the table: the time of `subject` in relation to that of `baseline`.

    Each turn makes the `change`, untimed, and then runs both. With `start`, the subject gets a new
    pantsd each time, and what `start` takes on another new one is taken from its time. Where
    `same_output` is set, the two must print the same, and `moves` says whether that is to differ
    from what the turn before printed. A row that `takes_engine` asks a Docker engine for images.
    """

    name: str
    what: str
    subject: Command = PLUGIN
    baseline: Command = PLAIN
    change: Change = nothing
    start: Command | None = None
    same_output: bool = True
    moves: bool = False
    takes_engine: bool = False


ROWS = (
    Row("warm", "nothing changed"),
    Row("edit", "a crate that all others use was edited", change=edit_hub, moves=True),
    Row("checkout", "another branch was checked out", change=check_out_branch, moves=True),
    Row("new-pantsd", "on a new pantsd, less its `pants --version`", start=PANTS_VERSION),
    Row("one", "one image, nothing changed", subject=PLUGIN_ONE, baseline=PLAIN_ONE),
    Row("list", "`mzbuild-list` of all images", LIST, FINGERPRINT, same_output=False),
    Row("describe", "`mzbuild-describe` of one image", DESCRIBE, FINGERPRINT, same_output=False),
    Row("graph", "`mzbuild-graph` of all images, as a page", GRAPH, FINGERPRINT, same_output=False),
    Row("git-status", "nothing changed", baseline=GIT_STATUS, same_output=False),
    Row("pants-version", "nothing changed", baseline=PANTS_VERSION, same_output=False),
    Row(
        "explain",
        "against a branch that differs in 500 files",
        subject=EXPLAIN,
        baseline=PLUGIN,
        same_output=False,
    ),
    Row(
        "plan",
        "of all images, none of which is there",
        subject=PLAN,
        baseline=PLUGIN,
        same_output=False,
        takes_engine=True,
    ),
    Row("chmod", "the mode of a file changed", change=change_mode, moves=True),
    Row("ignored", "an ignored file changed", change=change_ignored_file),
    Row("gitignore", "a nested .gitignore changed", change=change_ignore_rules, moves=True),
    Row("symlink", "a file became a symlink to its like", change=swap_for_symlink, moves=True),
)
