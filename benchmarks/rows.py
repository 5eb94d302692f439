"""The lines of the table: a new one is one more entry of `ROWS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from benchmarks.measured import (
    BUILD_SLOW,
    BUILD_TRIVIAL,
    CONCURRENCY,
    DESCRIBE,
    ENSURE,
    EXPLAIN,
    FINGERPRINT,
    FINGERPRINT_ONE,
    GIT_STATUS,
    GRAPH,
    IDEAL_SCHEDULE,
    LIST,
    MEMORY_OF_PANTS,
    MEMORY_OF_PLUGIN,
    PACKAGE,
    PACKAGE_SLOW,
    PACKAGE_TRIVIAL,
    PANTS_VERSION,
    PLAIN,
    PLAN,
    SLOW_IMAGES,
    STAGE,
    Change,
    Measured,
    change_ignore_rules,
    change_ignored_file,
    change_mode,
    check_out_branch,
    edit_hub,
    nothing,
    on_new_pantsd,
    swap_for_symlink,
)


class Prints(Enum):
    """What the subject of a row prints."""

    ALL = "the fingerprints of all images"
    ONE = "the fingerprint of one image"
    OTHER = "something else; fingerprints are compared when the row is done"


@dataclass(frozen=True)
class Row:
    """What is measured, and what it is compared with.

    Each turn makes the `change`, untimed, and then reads the `subject`, what is taken from it as
    `less`, and the `baseline` that the rest is divided by. Without a baseline, the rest is told as
    it is. `bars` say what it should be at most, by the size of the repository; the row is for
    `sizes`. `moves` says whether a turn's fingerprints should differ from those of the one before.

    `most_calls` is how often the subject may call the Docker engine. With `in_smaller`, the
    baseline is that of a smaller repository. There are at most `most_runs`, where they are slow,
    and one more beforehand, which does not count, unless the row `starts_anew` each time.
    """

    name: str
    what: str
    subject: Measured = FINGERPRINT
    baseline: Measured | None = PLAIN
    less: tuple[Measured, ...] = ()
    change: Change = nothing
    prints: Prints = Prints.ALL
    moves: bool = False
    bars: Mapping[str, float] = field(default_factory=dict)
    sizes: tuple[str, ...] = ("S",)
    takes_engine: bool = False
    most_calls: int | None = None
    most_runs: int | None = None
    in_smaller: bool = False
    starts_anew: bool = False


def question(name: str, what: str, subject: Measured, *, takes_engine: bool = False) -> Row:
    """A row of a goal that only looks, and should take hardly longer than fingerprints do."""
    return Row(name, what, subject, FINGERPRINT, prints=Prints.OTHER, takes_engine=takes_engine)


ROWS = (
    Row("warm", "nothing changed", bars={"S": 0.25, "L": 0.20}, sizes=("S", "L", "XL")),
    Row(
        "edit",
        "a crate that all others use was edited",
        change=edit_hub,
        moves=True,
        bars={"S": 0.35},
        sizes=("S", "L", "XL"),
    ),
    Row(
        "checkout",
        "another branch was checked out, 500 files differ",
        change=check_out_branch,
        moves=True,
        bars={"S": 0.8},
        sizes=("S", "L", "XL"),
    ),
    Row(
        "one",
        "one image, nothing changed, against all by the script",
        FINGERPRINT_ONE,
        prints=Prints.ONE,
        bars={"L": 0.10},
        sizes=("S", "L"),
    ),
    Row(
        "growth",
        "nothing changed, against the same in a smaller repository",
        baseline=FINGERPRINT,
        prints=Prints.OTHER,
        bars={"L": 12},
        sizes=("L",),
        in_smaller=True,
    ),
    Row(
        "new-pantsd",
        "first on a new pantsd, over what Pants takes to do nothing",
        on_new_pantsd(FINGERPRINT),
        less=(PANTS_VERSION,),
        bars={"S": 1.0},
    ),
    Row(
        "floor",
        "nothing changed, over what Git and Pants take",
        baseline=None,
        less=(GIT_STATUS, PANTS_VERSION),
        prints=Prints.OTHER,
    ),
    question("list", "`mzbuild-list` of all images", LIST),
    question("describe", "`mzbuild-describe` of one image", DESCRIBE),
    question("graph", "`mzbuild-graph` of all images, as a page", GRAPH),
    question("explain", "`mzbuild-explain`, against a branch that differs in 500 files", EXPLAIN),
    question("plan", "`mzbuild-plan` of all images", PLAN, takes_engine=True),
    Row(
        "package",
        "`package ::`, all images are local",
        PACKAGE,
        baseline=None,
        less=(FINGERPRINT,),
        prints=Prints.OTHER,
        bars={"S": 0.3},
        takes_engine=True,
        most_calls=3,
    ),
    Row(
        "ensure",
        "`mzbuild-ensure ::`, all images are published",
        ENSURE,
        baseline=None,
        less=(FINGERPRINT,),
        prints=Prints.OTHER,
        bars={"S": 0.5},
        takes_engine=True,
    ),
    Row(
        "trivial",
        "one trivial image built",
        PACKAGE_TRIVIAL,
        baseline=None,
        less=(FINGERPRINT, BUILD_TRIVIAL),
        prints=Prints.OTHER,
        bars={"S": 0.5},
        takes_engine=True,
    ),
    Row(
        "parallel",
        f"{SLOW_IMAGES} independent images of 1 s each, {CONCURRENCY} at once",
        PACKAGE_SLOW,
        IDEAL_SCHEDULE,
        prints=Prints.OTHER,
        bars={"S": 1.3},
        takes_engine=True,
        most_runs=5,
    ),
    Row(
        "parallel-by-hand",
        f"the same {SLOW_IMAGES} images, against {CONCURRENCY} builds at once by hand",
        PACKAGE_SLOW,
        BUILD_SLOW,
        prints=Prints.OTHER,
        takes_engine=True,
        most_runs=5,
    ),
    Row(
        "stage",
        "all files staged for Cargo, nothing changed",
        STAGE,
        baseline=None,
        prints=Prints.OTHER,
        bars={"S": 0.3},
    ),
    Row("chmod", "the mode of a file changed", change=change_mode, moves=True),
    Row("ignored", "an ignored file changed", change=change_ignored_file),
    Row("gitignore", "a nested .gitignore changed", change=change_ignore_rules, moves=True),
    Row("symlink", "a file became a symlink to its like", change=swap_for_symlink, moves=True),
    Row(
        "memory",
        "pantsd's memory when it has answered all of these questions",
        MEMORY_OF_PLUGIN,
        MEMORY_OF_PANTS,
        prints=Prints.OTHER,
        bars={"S": 1.5, "L": 3.0},
        sizes=("S", "L"),
        most_runs=3,
        starts_anew=True,
    ),
)
