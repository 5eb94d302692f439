"""The script that gives up on what takes too long, run as Pants runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mzbuild.core.docker import limit as docker_limit
from mzbuild.core.docker.limit import GIVEN_UP


def run(seconds: float, log: str, command: str) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, docker_limit.__file__, str(seconds), log, "sh", "-c", command]
    return subprocess.run(script, capture_output=True, text=True)


def test_what_ends_in_time_is_left_alone() -> None:
    done = run(60, "", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


@pytest.mark.parametrize("ignored", ["", "TERM"])
def test_what_does_not_is_stopped(ignored: str) -> None:
    trap = f"trap '' {ignored}; " if ignored else ""
    done = run(0.2, "", f"{trap}while :; do sleep 0.1; done")
    assert done.returncode == GIVEN_UP
    assert done.stderr.startswith("given up after 0.2 s ([mzbuild].transfer_timeout): ")


def test_only_the_push_of_a_build_has_a_limit(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("#5 0.1 #6 pushing everything\n")
    assert run(0.1, str(log), "sleep 1; exit 7").returncode == 7
    pushes = "sleep 1; printf '\\n#6 push'; sleep 1; echo 'ing layers'; exec sleep 60"
    done = run(0.1, str(log), f"{{ {pushes}; }} >>{log}")
    assert done.returncode == GIVEN_UP
