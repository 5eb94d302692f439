"""The benchmarks still run: all rows, in a small repository. No time is looked at."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.rows import ROWS
from tests.e2e.repo import CHECKOUT, VERSION, Docker, finish, start


def test_all_rows_are_measured_and_their_fingerprints_agree(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--size=tiny", "--runs=1", f"--json={file}"]
    env = {**os.environ, "TMPDIR": str(tmp_path), "PANTS_VERSION": VERSION}
    result = finish(start(command, cwd=CHECKOUT, env=env), check=True, timeout=1200)

    lines = [line for line in result.stdout.splitlines() if line.startswith("| tiny ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert [(line[0], line[1], line[2]) for line in cells] == [
        (f"tiny `{row.name}`", row.what, "1") for row in ROWS
    ]
    assert {(len(line), line[-1]) for line in cells} == {(9, "equal")}

    rows = {row["name"]: row for row in json.loads(file.read_text())["rows"]}
    assert list(rows) == [row.name for row in ROWS]
    for row in rows.values():
        assert row["problems"] == []
        assert len(row["subject"]) == 1
        assert all(len(figures) == 1 for figures in row["less"].values())
        assert (row["baseline"] == []) == (row["against"] is None)
    calls = {name: row["engine_calls"][0] for name, row in rows.items()}
    assert calls["package"] == 2, "one call lists the images, one reads the labels of new ones"
    assert {name for name, count in calls.items() if count == 0} >= {"warm", "edit", "list", "one"}

    assert Docker("benchmark-").images() == set()
    assert not list(tmp_path.glob("mzbuild-benchmark-*"))


def test_builds_are_measured_against_cargo_and_call_it_as_often_as_they_should(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "benchmarks.cargo", "--tiny"]
    env = {**os.environ, "TMPDIR": str(tmp_path), "PANTS_VERSION": VERSION}
    result = finish(start(command, cwd=CHECKOUT, env=env), check=True, timeout=600)
    lines = [line for line in result.stdout.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines] == ["| row", "| edit", "| same", "| batch"]
    assert not list(tmp_path.glob("mzbuild-cargo-benchmark-*"))


def test_both_kinds_of_features_are_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.features", "--tiny"]
    env = {**os.environ, "TMPDIR": str(tmp_path), "PANTS_VERSION": VERSION}
    result = finish(start(command, cwd=CHECKOUT, env=env), check=True, timeout=600)
    cells = [line.split(" | ")[:2] for line in result.stdout.splitlines()[2:]]
    assert cells == [["| `isolated`", "2"], ["| `unified`", "1"]]
