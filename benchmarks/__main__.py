"""Measure the plugin side by side with a plain script, in generated repositories.

Prints a table in Markdown. The fingerprints of both are compared throughout: the exit code is 1
where they differ, and 2 where a command fails. No timing is ever a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.bench import PANTS, Bench, CommandError, Engine, plain_environment, run
from benchmarks.engine import CHECKOUT, engine, with_engine
from benchmarks.generate import SIZES, generate
from benchmarks.measure import Result, measure
from benchmarks.report import table, to_json
from benchmarks.rows import ROWS, Row

DEFAULT_SIZES = ["S", "L", "XL"]
SMALLER = {"L": "S"}


class Benches:
    """The repositories of a run, by their sizes, each made when it is first asked for."""

    def __init__(self, stack: ExitStack, seed: int, *, has_engine: bool) -> None:
        self.stack, self.seed = stack, seed
        self.made: dict[str, Bench] = {}
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="mzbuild-benchmark-"))
        self.scratch = Path(scratch)
        # The plain script runs on the Python that Pants itself runs on, which has what it needs.
        lock = CHECKOUT / "3rdparty/python/pants.lock"
        self.python = run(CHECKOUT, os.environ, str(CHECKOUT / "bin/venv"), str(lock)).strip()
        self.environment = plain_environment()
        self.engine: Engine | None = None
        if has_engine:
            self.engine, more = stack.enter_context(engine(self.scratch))
            self.environment |= more

    def __getitem__(self, size: str) -> Bench:
        if size not in self.made:
            print(f"{size}: generating …", file=sys.stderr, flush=True)
            root = self.scratch / size
            environment = {
                **self.environment,
                "PANTS_LOCAL_STORE_DIR": f"{root}-store",
                "PANTS_NAMED_CACHES_DIR": f"{root}-named_caches",
            }
            plan = generate(SIZES[size], root, self.seed)
            python = f"{self.python}/bin/python"
            bench = Bench(size, root, plan.images[-1], PANTS, python, environment, self.engine)
            self.stack.callback(bench.stop_pantsd)
            self.made[size] = bench
        return self.made[size]


def machine(python: str) -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": run(CHECKOUT, os.environ, f"{python}/bin/python", "--version").split()[1],
        "git": run(CHECKOUT, os.environ, "git", "--version").split()[2],
        "load at start": f"{os.getloadavg()[0]:.1f}",
    }


def parse_arguments() -> argparse.Namespace:
    def count(text: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text} is not a number from 1")
        return int(text)

    names = [row.name for row in ROWS]

    def some_of(known: list[str], kind: str, text: str) -> list[str]:
        unknown = [name for name in text.split(",") if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"no {kind} is named {', '.join(unknown)}; there are {', '.join(known)}"
            )
        return [name for name in known if name in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--size",
        type=lambda text: some_of(list(SIZES), "size", text),
        default=DEFAULT_SIZES,
        metavar="SIZE,…",
        help=f"of the repositories, some of {','.join(SIZES)}; default: {','.join(DEFAULT_SIZES)}. "
        "In `tiny`, all rows are tried",
    )
    parser.add_argument("--seed", type=int, default=1, help="another one gives other files")
    parser.add_argument("--runs", type=count, default=10, help="of each row; default: 10")
    parser.add_argument(
        "--rows",
        type=lambda text: some_of(names, "row", text),
        metavar="ROW,…",
        help=f"some of {','.join(names)}; default: those that are meant for the size",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    return parser.parse_args()


def chosen(args: argparse.Namespace) -> list[tuple[str, Row]]:
    """The rows to be measured, each with the size of a repository."""
    explicit = args.rows is not None and args.size is not DEFAULT_SIZES
    return [
        (size, row)
        for size in args.size
        for row in ROWS
        if args.rows is None or row.name in args.rows
        if explicit or size == "tiny" or size in row.sizes
    ]


def main() -> int:
    args = parse_arguments()
    pairs = chosen(args)
    has_engine = any(row.takes_engine for _, row in pairs)
    if has_engine:
        with_engine()
    with ExitStack() as stack:
        benches = Benches(stack, args.seed, has_engine=has_engine)
        facts = machine(benches.python)
        results = []
        for size, row in pairs:
            bench = benches[size]
            smaller = benches[SMALLER.get(size, size)] if row.in_smaller else None
            print(f"{size} {row.name}: {row.what} …", file=sys.stderr, flush=True)
            results.append(measure(bench, row, args.runs, smaller))
        # At once: it takes a while until very many files are removed.
        tell(args, facts, results)
    return 1 if any(result.problems for result in results) else 0


def tell(args: argparse.Namespace, facts: dict[str, str], results: list[Result]) -> None:
    """Print and write down what was measured, and what is wrong with it."""
    for size in args.size:
        images, crates, files = SIZES[size]
        print(f"{size}: {images:,} images, {crates:,} crates, {files:,} files (seed {args.seed}).")
    print("Medians (and ranges) of alternating runs.")
    print("; ".join(f"{name}: {value}" for name, value in facts.items()) + ".\n")
    print(table(results), flush=True)
    if args.json:
        report = {"seed": args.seed, "machine": facts, "rows": [to_json(each) for each in results]}
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    for result in results:
        for problem in result.problems:
            print(f"{result.size} {result.row.name}: {problem}", file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
