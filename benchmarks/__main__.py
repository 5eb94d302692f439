"""Measure the plugin side by side with a plain script, in a generated repository.

Prints a table in Markdown. The fingerprints of both are compared throughout: the exit code is 1
where they differ, and 2 where a command fails. No timing is ever a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench, CommandError, run
from benchmarks.generate import SIZES, generate
from benchmarks.measure import Result, measure
from benchmarks.rows import ROWS

CHECKOUT = Path(__file__).resolve().parent.parent


@contextmanager
def prepared(size: str, seed: int) -> Iterator[Bench]:
    """A bench in a new repository; nothing of it stays, neither its pantsd nor any file."""
    # The plain script runs on the Python that Pants itself runs on, which has what it needs.
    lock = CHECKOUT / "3rdparty/python/pants.lock"
    python = run(CHECKOUT, os.environ, str(CHECKOUT / "bin/venv"), str(lock)).strip()
    # Nothing of how the user runs Pants may change what is measured, nor may this fill a cache.
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PANTS_"}
    with tempfile.TemporaryDirectory(prefix="mzbuild-benchmark-") as scratch:
        environment |= {
            "PANTS_LOCAL_STORE_DIR": f"{scratch}/store",
            "PANTS_NAMED_CACHES_DIR": f"{scratch}/named_caches",
            "PANTS_PANTSRC": "false",
        }
        root = Path(scratch, "repository")
        plan = generate(SIZES[size], root, seed)
        pants = str(CHECKOUT / "pants")
        bench = Bench(root, plan.images[-1], pants, f"{python}/bin/python", environment)
        try:
            yield bench
        finally:
            bench.stop_pantsd()


def machine(bench: Bench) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": bench.run(bench.python, "--version").split()[1],
        "git": bench.run("git", "--version").split()[2],
        "load at start": f"{os.getloadavg()[0]:.1f}",
    }


def has_engine() -> bool:
    try:
        return subprocess.run(["docker", "version"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def seconds(times: list[float]) -> str:
    return f"{median(times):.3f} s ({min(times):.3f} to {max(times):.3f})"


def table(results: list[Result]) -> str:
    lines = [
        "| row | what | plugin | baseline | ratio | fingerprints |",
        "|---|---|---|---|---:|---|",
    ]
    for result in results:
        row = result.row
        cells = (
            row.name,
            row.what,
            seconds(result.subject),
            f"{row.baseline.label}: {seconds(result.baseline)}",
            f"{result.ratio:.2f}",
            "DIFFERENT" if result.problems else "equal",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    def count(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text} is not a number from 1")
        return int(text)

    names = {row.name: row for row in ROWS}

    def rows(text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"no row is named {', '.join(unknown)}; there are {', '.join(names)}"
            )
        return text.split(",")

    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--size", choices=SIZES, default="S", help="of the repository; default: S")
    parser.add_argument("--seed", type=int, default=1, help="another one gives other files")
    parser.add_argument("--runs", type=count, default=10, help="of each row; default: 10")
    parser.add_argument("--rows", type=rows, help=f"some of {','.join(names)}; default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all timings there as well")
    return parser.parse_args()


def main() -> int:
    args = parse_arguments()
    with prepared(args.size, args.seed) as bench:
        facts = machine(bench)
        results = []
        for row in ROWS:
            if args.rows is None and row.takes_engine and not has_engine():
                note = "left out: there is no Docker engine; `bin/with-docker COMMAND` has one"
                print(f"{row.name}: {note}", file=sys.stderr)
            elif args.rows is None or row.name in args.rows:
                print(f"{row.name}: {row.what} …", file=sys.stderr, flush=True)
                results.append(measure(bench, row, args.runs))
    images, crates, files = SIZES[args.size]
    print(f"{images:,} images, {crates:,} crates, {files:,} files (seed {args.seed});", end=" ")
    print(f"median (and range) of {args.runs} runs, alternating.")
    print("; ".join(f"{name}: {value}" for name, value in facts.items()) + ".\n")
    print(table(results))
    if args.json:
        report = {
            "size": args.size,
            "seed": args.seed,
            "machine": facts,
            "rows": [result.to_json() for result in results],
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    problems = [f"{result.row.name}: {text}" for result in results for text in result.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
