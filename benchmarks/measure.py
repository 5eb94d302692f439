"""Runs a row of the table: what its commands take, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.bench import Bench
from benchmarks.rows import PLAIN, PLUGIN, Command, Row


@dataclass
class Result:
    row: Row
    subject: list[float] = field(default_factory=list)  # Seconds, one for each turn.
    baseline: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.subject) / median(self.baseline)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.row.name,
            "what": self.row.what,
            "subject": self.subject,
            "baseline": self.baseline,
            "against": self.row.baseline.label,
            "ratio": self.ratio,
            "problems": self.problems,
        }


def timed(bench: Bench, command: Command) -> tuple[float, str]:
    argv = command.argv(bench)
    start = perf_counter()
    output = bench.run(*argv)
    return perf_counter() - start, output


def difference(subject: str, baseline: str) -> list[str]:
    """What is wrong if two outputs are to be the same: nothing, or a line that tells."""
    if subject == baseline:
        return []
    ours, theirs = subject.splitlines(), baseline.splitlines()
    only_ours = [line for line in ours if line not in theirs]
    only_theirs = [line for line in theirs if line not in ours]
    if not only_ours and not only_theirs:
        return ["the same lines, but not in the same order, or not as often"]
    return [
        f"{len(only_ours)} lines of the plugin's alone: {only_ours[:3]}; "
        f"{len(only_theirs)} of the plain script's alone: {only_theirs[:3]}"
    ]


def measure(bench: Bench, row: Row, turns: int) -> Result:
    """Measure the row, alternating its commands, and leave the repository as it was generated.

    Raises `CommandError` when a command fails.
    """
    result = Result(row)
    timed(bench, row.subject)
    _, before = timed(bench, row.baseline)
    for turn in range(turns):
        row.change(bench, turn)
        if row.start:
            bench.stop_pantsd()
        seconds, output = timed(bench, row.subject)
        if row.start:
            bench.stop_pantsd()
            seconds -= timed(bench, row.start)[0]
        result.subject.append(seconds)
        seconds, expected = timed(bench, row.baseline)
        result.baseline.append(seconds)
        if row.same_output:
            problems = difference(output, expected)
            if (expected != before) != row.moves:
                problems.append(f"the change moved {'no' if row.moves else 'a'} fingerprint")
            result.problems += [f"turn {turn}: {problem}" for problem in problems]
            before = expected
    if not row.same_output:
        result.problems += difference(timed(bench, PLUGIN)[1], timed(bench, PLAIN)[1])
    bench.restore()
    return result
