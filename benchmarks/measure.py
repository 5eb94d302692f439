"""Runs a row of the table: what it takes, and whether the fingerprints agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from benchmarks.bench import Bench
from benchmarks.measured import FINGERPRINT, PLAIN
from benchmarks.rows import Prints, Row


@dataclass
class Result:
    """What was measured of a row, for each turn, in a repository of a size."""

    row: Row
    size: str
    subject: list[float] = field(default_factory=list)
    less: list[list[float]] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def value(self) -> float:
        """What the bar is for: a ratio, or what is left of the subject's seconds."""
        left = median(seconds - sum(less) for seconds, less in zip(self.subject, self.less))
        return left / median(self.baseline) if self.baseline else left

    @property
    def bar(self) -> float | None:
        return self.row.bars.get(self.size)

    @property
    def is_met(self) -> bool | None:
        """Whether the row is as it should be; nothing where there is no bar."""
        most = self.row.most_calls
        if self.bar is None and most is None:
            return None
        within = self.bar is None or self.value <= self.bar
        return within and (most is None or max(self.calls) <= most)


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


def fingerprints_differ(bench: Bench) -> list[str]:
    return difference(FINGERPRINT.read(bench)[1], PLAIN.read(bench)[1])


def measure(bench: Bench, row: Row, turns: int, smaller: Bench | None = None) -> Result:
    """Measure the row, alternating what it compares, and leave the repository as it was generated.

    The baseline is that of a `smaller` repository, if there is one. Raises `CommandError` when a
    command fails.
    """
    result, other = Result(row, bench.size), smaller or bench
    before = ""
    if not row.starts_anew:
        row.subject.read(bench)
        before = row.baseline.read(other)[1] if row.baseline else ""
    for turn in range(min(turns, row.most_runs or turns)):
        row.change(bench, turn)
        calls = bench.engine_calls()
        value, output = row.subject.read(bench)
        result.subject.append(value)
        result.calls.append(bench.engine_calls() - calls)
        result.less.append([measured.read(bench)[0] for measured in row.less])
        if not row.baseline:
            continue
        value, expected = row.baseline.read(other)
        result.baseline.append(value)
        if row.prints is Prints.OTHER:
            continue
        of_one = expected
        if row.prints is Prints.ONE:
            start = f"{bench.image.name}: "
            of_one = "".join(line for line in expected.splitlines(True) if line.startswith(start))
        problems = difference(output, of_one)
        if (expected != before) != row.moves:
            problems.append(f"the change moved {'no' if row.moves else 'a'} fingerprint")
        result.problems += [f"turn {turn}: {problem}" for problem in problems]
        before = expected
    if row.prints is Prints.OTHER:
        result.problems += fingerprints_differ(bench)
    bench.restore()
    return result
