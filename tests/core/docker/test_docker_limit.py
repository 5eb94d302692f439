"""The script that gives up on what takes too long, run as Pants runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mzbuild.core.docker import limit as docker_limit
from mzbuild.core.docker.limit import GIVEN_UP


def run(
    seconds: float, log: Path, command: str, kind: str = "transfer"
) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, docker_limit.__file__, str(seconds), kind, str(log)]
    return subprocess.run([*script, "sh", "-c", command], capture_output=True, text=True)


def test_what_ends_in_time_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run(60, log, "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "err\n")
    assert log.read_bytes() == b"out\r\n"


def test_a_transfer_writes_to_a_terminal_all_of_which_is_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of an earlier one, which was longer" * 1000)
    assert run(60, log, "test -t 1; echo $?; seq 10000").returncode == 0
    assert log.read_text().split() == ["0", *map(str, range(1, 10001))]


def test_no_log_is_written_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("elsewhere")
    assert run(60, tmp_path / "log", "echo out").returncode != 0
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("ignored", ["", "TERM"])
def test_what_does_not_is_stopped(ignored: str, tmp_path: Path) -> None:
    trap = f"trap '' {ignored}; " if ignored else ""
    done = run(0.2, tmp_path / "log", f"{trap}while :; do sleep 0.1; done")
    assert done.returncode == GIVEN_UP
    assert done.stderr.startswith("given up after 0.2 s ([mzbuild].transfer_timeout): ")


def test_only_the_push_of_a_build_has_a_limit(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("#5 0.1 #6 pushing everything\n")
    assert run(0.1, log, "sleep 1; exit 7", "build").returncode == 7
    pushes = "sleep 1; printf '\\n#6 push'; sleep 1; echo 'ing layers'; exec sleep 60"
    done = run(0.1, log, f"{{ {pushes}; }} >>{log}", "build")
    assert done.returncode == GIVEN_UP
