"""What the benchmarks stand on: generated repositories, and that what is wrong is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bench import Bench, CommandError
from benchmarks.generate import CHANGED, CHANGED_FILES, MAIN, SIZES, Plan, generate
from benchmarks.measure import Result, measure
from benchmarks.measured import GIT_STATUS, PLAIN, SCRIPT_PATH
from benchmarks.report import cells
from benchmarks.rows import ROWS, Row

# Those that the plain script can stand in for Pants in. All are tried in tests/e2e.
SIMPLE = [row for row in ROWS if not row.takes_engine and row.name != "memory"]


def output(directory: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=directory, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    root = tmp_path_factory.mktemp("generated") / "tiny"
    return root, generate(SIZES["tiny"], root, seed=3)


@pytest.mark.parametrize("name", ["tiny", "S"])
def test_a_repository_is_of_its_size_and_committed(tmp_path: Path, name: str) -> None:
    size, root = SIZES[name], tmp_path / name
    generate(size, root)
    files = output(root, "git", "ls-files", "-z").split("\0")[:-1]
    assert len(files) == size.files
    assert sum(path.endswith("/mzbuild.yml") for path in files) == size.images
    assert sum(path.endswith("/Cargo.toml") for path in files) == size.crates
    assert output(root, "git", "status", "--porcelain") == ""
    changed = output(root, "git", "diff", "--name-only", MAIN, CHANGED).splitlines()
    assert len(changed) == CHANGED_FILES or (name == "tiny" and len(changed) > 100)
    fingerprints = output(root, sys.executable, SCRIPT_PATH, ".").splitlines()
    assert len(fingerprints) == size.images


def test_the_seed_decides_on_the_files(tiny: tuple[Path, Plan], tmp_path: Path) -> None:
    trees = set()
    for seed in (3, 4):
        generate(SIZES["tiny"], tmp_path / f"{seed}", seed)
        trees.add(output(tmp_path / f"{seed}", "git", "rev-parse", f"{CHANGED}^{{tree}}"))
    assert len(trees) == 2
    assert output(tiny[0], "git", "rev-parse", f"{CHANGED}^{{tree}}") in trees


def test_cargo_builds_the_crates(tiny: tuple[Path, Plan], tmp_path: Path) -> None:
    target = f"--target-dir={tmp_path}"
    command = ["cargo", "build", "--quiet", "--locked", "--offline", "--bins", "--examples", target]
    output(tiny[0], *command)
    service = next(crate for crate in tiny[1].crates if crate.programs)
    program = tmp_path / "debug" / service.programs["src/bin"][0]
    assert int(output(tmp_path, str(program))) > 0


@pytest.fixture
def bench(tiny: tuple[Path, Plan], tmp_path: Path) -> Bench:
    """A bench whose Pants is the plain script itself, or else what a test writes in its place."""
    root, plan = tiny
    pants = tmp_path / "pants"
    pants.write_text(
        "#!/bin/sh\ncase $2 in\n"
        f"//*) exec '{sys.executable}' '{SCRIPT_PATH}' . {plan.images[-1].name};;\n"
        f"::) exec '{sys.executable}' '{SCRIPT_PATH}' .;;\nesac\n"
    )
    pants.chmod(0o755)
    return Bench("tiny", root, plan.images[-1], str(pants), sys.executable, os.environ)


@pytest.mark.parametrize("row", SIMPLE, ids=lambda row: row.name)
def test_each_row_changes_what_it_says_and_nothing_else(bench: Bench, row: Row) -> None:
    result = measure(bench, row, turns=3)
    assert result.problems == []
    assert len(result.subject) == 3
    assert len(result.baseline) == (3 if row.baseline else 0)
    assert output(bench.root, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize("row", [row for row in ROWS if row.moves], ids=lambda row: row.name)
def test_a_fingerprint_from_before_the_change_is_noticed(bench: Bench, row: Row) -> None:
    stale = f"'{sys.executable}' '{SCRIPT_PATH}' ."
    Path(bench.pants).write_text(f"#!/bin/sh\n[ -f $0.old ] || {stale} >$0.old\ncat $0.old\n")
    (problem, *_) = measure(bench, row, turns=1).problems
    assert "lines of the plugin's alone" in problem


def test_a_change_that_moves_nothing_is_noticed(bench: Bench) -> None:
    assert measure(bench, Row("idle", "", moves=True), turns=1).problems == [
        "turn 0: the change moved no fingerprint"
    ]


def test_a_command_that_fails_is_told(bench: Bench) -> None:
    Path(bench.pants).write_text("#!/bin/sh\necho so it goes >&2\nexit 3\n")
    with pytest.raises(CommandError, match=r"exit code 3:\nso it goes"):
        measure(bench, ROWS[0], turns=1)


RATIO = Row("r", "", bars={"S": 0.5})
REST = Row("d", "", baseline=None, less=(PLAIN, GIT_STATUS), bars={"S": 0.5}, most_calls=3)


@pytest.mark.parametrize(
    ("result", "comes_to", "bar", "met"),
    [
        (Result(RATIO, "S", [1, 2, 9], [[], [], []], [4, 4, 1]), "0.50", "≤ 0.50", "yes"),
        (Result(RATIO, "S", [1, 2.1, 9], [[], [], []], [4, 4, 1]), "0.53", "≤ 0.50", "**no**"),
        (Result(RATIO, "L", [1], [[]], [4]), "0.25", "-", "-"),
        (
            Result(REST, "S", [1, 2], [[0.5, 0.25], [1, 0.75]], calls=[3, 1]),
            *("+0.250 s, engine calls: 3", "≤ +0.500 s, ≤ 3", "yes"),
        ),
        (
            Result(REST, "S", [1, 2], [[0.5, 0.25], [1, 0.75]], calls=[4, 1]),
            *("+0.250 s, engine calls: 4", "≤ +0.500 s, ≤ 3", "**no**"),
        ),
    ],
)
def test_a_row_says_whether_its_bar_is_met(
    result: Result, comes_to: str, bar: str, met: str
) -> None:
    assert cells(result)[-4:-1] == [comes_to, bar, met]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--rows=warm,wram", "no row is named wram; there are warm, edit,"),
        ("--size=M", "no size is named M; there are tiny, S, L, XL"),
        ("--runs=0", "0 is not a number from 1"),
    ],
)
def test_an_option_that_makes_no_sense_is_told(option: str, said: str) -> None:
    command = [sys.executable, "-m", "benchmarks", option]
    root = Path(__file__).parents[2]
    result = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    assert result.returncode == 2
    assert said in result.stderr
