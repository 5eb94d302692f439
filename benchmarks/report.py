"""What was measured, for people as a table in Markdown, for programs as JSON."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.measure import Result
from benchmarks.measured import Measured

HEADER = """\
| row | what | runs | took | compared with | comes to | bar | met | fingerprints |
|---|---|---:|---|---|---|---|---|---|"""


def amount(value: float, unit: str) -> str:
    return f"{value:.3f} s" if unit == "s" else f"{value:.0f} {unit}"


def spread(values: list[float], unit: str) -> str:
    least, most = (amount(value, unit).split()[0] for value in (min(values), max(values)))
    return f"{amount(median(values), unit)} ({least} to {most})"


def compared(result: Result) -> list[tuple[Measured, list[float]]]:
    """What the subject is compared with: first what is taken from it, then the divisor."""
    row = result.row
    found = list(zip(row.less, map(list, zip(*result.less))))
    return [*found, (row.baseline, result.baseline)] if row.baseline else found


def comes_to(result: Result, value: float) -> str:
    if result.row.baseline:
        return f"{value:.2f}"
    return f"{value:+.3f} s" if result.row.less else amount(value, "s")


def cells(result: Result) -> list[str]:
    row, most = result.row, result.row.most_calls
    value, bar = comes_to(result, result.value), "-"
    if result.bar is not None:
        bar = f"≤ {comes_to(result, result.bar)}"
    if most is not None:
        value += f", engine calls: {max(result.calls)}"
        bar = f"{bar.removeprefix('-')}, ≤ {most}".removeprefix(", ")
    return [
        f"{result.size} `{row.name}`",
        row.what,
        str(len(result.subject)),
        spread(result.subject, row.subject.unit),
        "; ".join(f"{one.label}: {spread(values, one.unit)}" for one, values in compared(result))
        or "-",
        value,
        bar,
        {True: "yes", False: "**no**", None: "-"}[result.is_met],
        "DIFFERENT" if result.problems else "equal",
    ]


def table(results: list[Result]) -> str:
    return "\n".join([HEADER, *(f"| {' | '.join(cells(result))} |" for result in results)])


def to_json(result: Result) -> dict[str, Any]:
    return {
        "name": result.row.name,
        "size": result.size,
        "what": result.row.what,
        "unit": result.row.subject.unit,
        "subject": result.subject,
        "less": dict(zip([one.label for one in result.row.less], zip(*result.less))),
        "baseline": result.baseline,
        "against": result.row.baseline.label if result.row.baseline else None,
        "value": result.value,
        "bar": result.bar,
        "engine_calls": result.calls,
        "most_engine_calls": result.row.most_calls,
        "met": result.is_met,
        "problems": result.problems,
    }
