"""Measure builds with Cargo side by side with Cargo itself, in a generated workspace.

Prints a table in Markdown. The exit code is 1 where Cargo ran though nothing had changed, or not
once where it should have, and 2 where a command fails. No timing is ever a failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from benchmarks.bench import PANTS, Bench, CommandError, plain_environment
from benchmarks.generate import HUB_SOURCE, Plan, Size, generate

TARGET = f"{os.uname().machine}-unknown-linux-gnu"


class Scale(NamedTuple):
    """What is generated, how many of its programs are built, and how often each row is measured."""

    size: Size
    programs: int
    runs: int


FULL = Scale(Size(images=5, crates=64, files=10_000), programs=10, runs=5)
TINY = Scale(Size(images=5, crates=10, files=200), programs=2, runs=1)


@dataclass
class Workspace:
    """A workspace with programs to package, each with its crate, and the calls of Cargo so far."""

    bench: Bench
    programs: list[tuple[str, str]]
    calls_file: Path
    problems: list[str] = field(default_factory=list)

    def package(self, *targets: str, calls: int, options: tuple[str, ...] = ()) -> float:
        """Seconds that Pants takes to package targets, in so many calls of Cargo."""
        self.calls_file.write_text("")
        start = perf_counter()
        self.bench.run(self.bench.pants, "--mzbuild-profile=dev", *options, "package", *targets)
        seconds = perf_counter() - start
        found = self.calls_file.read_text().splitlines()
        # The first build asks Cargo for its configuration as well.
        builds = [call for call in found if call.startswith("build ")] if calls else found
        if len(builds) != calls:
            self.problems.append(f"{len(targets)} targets: {len(builds)} calls, not {calls}")
        return seconds

    def cargo(self) -> float:
        """Seconds that Cargo takes for the same programs in the work tree."""
        selected = [f"--{option}" for pair in self.programs for option in pair]
        start = perf_counter()
        self.bench.run("cargo", "build", "--locked", f"--target={TARGET}", *selected)
        return perf_counter() - start

    def forget(self) -> None:
        """Has Pants remember nothing of any build."""
        self.bench.stop_pantsd()
        for name in ("PANTS_LOCAL_STORE_DIR", "PANTS_NAMED_CACHES_DIR"):
            shutil.rmtree(self.bench.environment[name], ignore_errors=True)
        self.bench.run(self.bench.pants, "--version")

    def edit(self, turn: int) -> None:
        with (self.bench.root / HUB_SOURCE).open("a") as file:
            file.write(f"// Edit {turn}.\n")

    @property
    def targets(self) -> list[str]:
        return [f"//:{number}" for number in range(len(self.programs))]


@contextmanager
def prepared(scale: Scale = FULL) -> Iterator[Workspace]:
    """A workspace in a new repository; nothing of it stays."""
    real = shutil.which("cargo")
    if real is None:
        raise CommandError("There is no `cargo` on the PATH. Install Rust: https://rustup.rs")
    with tempfile.TemporaryDirectory(prefix="mzbuild-cargo-benchmark-") as scratch:
        calls = Path(scratch, "calls")
        shim = Path(scratch, "bin/cargo")
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\necho "$*" >>{calls}\nexec {real} "$@"\n')
        shim.chmod(0o755)
        environment = {
            **plain_environment(),
            "PANTS_LOCAL_STORE_DIR": f"{scratch}/store",
            "PANTS_NAMED_CACHES_DIR": f"{scratch}/named_caches",
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
        }
        root = Path(scratch, "repository")
        plan = generate(scale.size, root)
        programs = _programs(plan)[: scale.programs]
        (root / "BUILD").write_text(
            "".join(
                f'mzbuild_cargo_build(name="{number}", bin=["{program[len("bin=") :]}"])\n'
                for number, (_, program) in enumerate(programs)
            )
        )
        bench = Bench("cargo", root, plan.images[-1], PANTS, sys.executable, environment)
        try:
            yield Workspace(bench, programs, calls)
        finally:
            bench.stop_pantsd()


def _programs(plan: Plan) -> list[tuple[str, str]]:
    return [
        (f"package={crate.name}", f"bin={crate.programs['src/bin'][0]}")
        for crate in plan.crates
        if crate.programs
    ]


def repeated(
    runs: int, change: Callable[[int], None], *measured: Callable[[], float]
) -> list[list[float]]:
    """Times of several things, in turn after each change."""
    times: list[list[float]] = [[] for _ in measured]
    for turn in range(runs):
        change(turn)
        for one, measure in zip(times, measured):
            one.append(measure())
    return times


def row(name: str, what: str, ours: list[float], baseline: str, theirs: list[float]) -> str:
    ratio = f"{median(ours) / median(theirs):.2f}" if theirs else ""
    other = f"{baseline}: {median(theirs):.2f} s" if theirs else baseline
    return f"| {name} | {what} | {median(ours):.2f} s | {other} | {ratio} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.cargo",
        description="Measure builds with Cargo side by side with Cargo itself.",
    )
    parser.add_argument("--tiny", action="store_true", help="all rows once, in a small workspace")
    size, programs, runs = scale = TINY if parser.parse_args().tiny else FULL
    with prepared(scale) as workspace:
        package = workspace.package
        print("building everything for the first time …", file=sys.stderr, flush=True)
        workspace.forget()
        batched = package(*workspace.targets, calls=1)
        workspace.cargo()
        print("one line changed …", file=sys.stderr, flush=True)
        edited, by_cargo = repeated(
            runs, workspace.edit, lambda: package(*workspace.targets, calls=1), workspace.cargo
        )
        print("nothing changed …", file=sys.stderr, flush=True)
        (same,) = repeated(runs, lambda _: None, lambda: package(*workspace.targets, calls=0))
        print("one after another …", file=sys.stderr, flush=True)
        workspace.forget()
        apart = sum(package(target, calls=1) for target in workspace.targets)
    crates = f"{size.crates} crates, {size.files:,} files, {programs} programs"
    print(f"{crates}; median of {runs} runs, alternating; {os.cpu_count()} cores, ", end="")
    print(f"load at the end {os.getloadavg()[0]:.1f}.\n")
    print("| row | what | plugin | baseline | ratio |\n|---|---|---|---|---:|")
    print(row("edit", "a line of a crate that all use", edited, "`cargo build`", by_cargo))
    print(row("same", "nothing changed", same, "no Cargo runs", []))
    print(row("batch", "all for the first time", [batched], "one after another", [apart]))
    for problem in workspace.problems:
        print(problem, file=sys.stderr)
    return 1 if workspace.problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(2)
