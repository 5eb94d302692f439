"""Measure what it costs to build programs with the very features that they get alone.

Each of 20 programs asks a crate that all others use for a feature of its own. They are packaged by
both values of `[mzbuild-cargo].features`. Prints a table in Markdown. The exit code is 1 where
Cargo was not called as often as it should, and 2 where a command fails. No timing is ever a
failure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from statistics import median

from benchmarks.bench import CommandError
from benchmarks.cargo import TINY, Workspace, prepared

PROGRAMS, BETWEEN, FUNCTIONS, RUNS = 20, 5, 200, 1

_HUB = "features/hub/src/lib.rs"
_MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'


def files(programs: int, functions: int) -> Mapping[str, str]:
    """A workspace of programs, of the crates between, and of the one that all of them use."""
    body = "".join(
        f"pub fn f{number}(x: u64) -> String {{ format!('{{:?}}', (x + {number}, x)) }}\n"
        for number in range(functions)
    ).replace("'", '"')
    flags = "".join(f"f{number} = []\n" for number in range(programs))
    between = [f"between-{number}" for number in range(BETWEEN)]
    on_all = "".join(f'{name} = {{ path = "../{name}" }}\n' for name in between)
    found = {
        "features/Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["*"]\n',
        "features/hub/Cargo.toml": f"{_MANIFEST.format('hub')}[features]\n{flags}",
        _HUB: body,
        "features/BUILD": "".join(
            f'mzbuild_cargo_build(name="{number}", bin=["p{number}"])\n'
            for number in range(programs)
        ),
    }
    for name in between:
        on_hub = '[dependencies]\nhub = { path = "../hub" }\n'
        found[f"features/{name}/Cargo.toml"] = _MANIFEST.format(name) + on_hub
        found[f"features/{name}/src/lib.rs"] = body
    for number in range(programs):
        on_hub = f'hub = {{ path = "../hub", features = ["f{number}"] }}\n'
        manifest = f"{_MANIFEST.format(f'p{number}')}[dependencies]\n{on_hub}{on_all}"
        found[f"features/p{number}/Cargo.toml"] = manifest
        found[f"features/p{number}/src/main.rs"] = 'fn main() { println!("{}", hub::f0(1)); }\n'
    return found


def measured(workspace: Workspace, mode: str, programs: int, runs: int) -> tuple[float, float]:
    """Seconds that it takes to package all programs for the first time, and after a line of the
    crate that all use was added."""
    targets = [f"features:{number}" for number in range(programs)]
    options = ("--mzbuild-cargo-workspace=features", f"--mzbuild-cargo-features={mode}")
    calls = programs if mode == "isolated" else 1
    workspace.forget()
    first = workspace.package(*targets, calls=calls, options=options)
    edited = []
    for turn in range(runs):
        with (workspace.bench.root / _HUB).open("a") as file:
            file.write(f"// Edit {turn}, {mode}.\n")
        edited.append(workspace.package(*targets, calls=calls, options=options))
    return first, median(edited)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks.features",
        description="Measure what it costs to build programs with the features of each alone.",
    )
    parser.add_argument("--tiny", action="store_true", help="once, with two small programs")
    tiny = parser.parse_args().tiny
    programs, functions, runs = (2, 2, 1) if tiny else (PROGRAMS, FUNCTIONS, RUNS)
    with prepared(TINY) as workspace:
        for path, content in files(programs, functions).items():
            (workspace.bench.root / path).parent.mkdir(parents=True, exist_ok=True)
            (workspace.bench.root / path).write_text(content)
        print(f"| {programs} programs | calls | first | a line of the hub |\n|---|---:|---:|---:|")
        for mode, calls in (("isolated", programs), ("unified", 1)):
            first, edited = measured(workspace, mode, programs, runs)
            print(f"| `{mode}` | {calls} | {first:.1f} s | {edited:.1f} s |", flush=True)
    for problem in workspace.problems:
        print(problem, file=sys.stderr)
    return 1 if workspace.problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CommandError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(2)
