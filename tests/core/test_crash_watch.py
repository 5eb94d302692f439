"""What is said of a crash, and that nothing else of a command changes for being watched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.conftest import ENV, Repository

WATCH = Path(__file__).parents[2] / "bin/crash_watch.py"


def start(script: str, directory: Path) -> subprocess.Popen[str]:
    # A shell cannot trap what was ignored when it began, as it is in a background job's children.
    default = ["env", "--default-signal=INT,TERM,HUP"]
    return subprocess.Popen(
        [*default, sys.executable, "-IS", WATCH, "/bin/sh", "-c", script],
        cwd=directory,
        env=ENV,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def crash(directory: Path, script: str = "kill -SEGV $$") -> str:
    process = start(script, directory)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (139, "")
    return stderr


@pytest.mark.parametrize(("ends", "code"), [("exit 3", 3), ("true", 0), ("kill -TERM $$", 143)])
def test_a_command_that_does_not_crash_is_left_alone(tmp_path: Path, ends: str, code: int) -> None:
    process = start(f"cat; echo no >&2; {ends}", tmp_path)
    assert process.communicate("yes") == ("yes", "no\n")
    assert process.returncode == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command(tmp_path: Path, number: signal.Signals) -> None:
    name = number.name[3:]
    process = start(f"trap 'exit 7' {name}; echo; while :; do sleep 0.05; done", tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 7


def test_a_command_is_killed_with_who_watches_it(tmp_path: Path) -> None:
    process = start("echo; exec sleep 1000", tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    # The pipe ends when the last one that could write to it has.
    assert process.communicate() == ("", "")


@pytest.mark.parametrize("script", ["kill -SEGV $$", "exit 139"])
def test_links_that_lead_to_themselves_are_named_with_what_helps(
    repository: Repository, script: str
) -> None:
    (repository.root / "testdata").mkdir()
    for path, target in {
        "testdata/unknown.md": "unknown.md",
        "a": "b",
        "b": "a",
        "up": "a/b",
        "nowhere": "nothing",
        "root": ".",
        "[x] \\ ": "[x] \\ ",
    }.items():
        (repository.root / path).symlink_to(target)
    repository.commit({"pants.toml": "", ".gitignore": "/ignored\n", "dir/.gitignore": "ignored"})
    (repository.root / "untracked").symlink_to("untracked")
    (repository.root / "ignored").symlink_to("ignored")
    (repository.root / "dir/ignored").symlink_to("ignored")
    said = crash(repository.root / "dir", script)
    assert said == (
        "\nPants crashed. A symlink that leads to itself is known to cause that, and there is:\n"
        "  [x] \\\\ \n  a\n  b\n  dir/ignored\n  testdata/unknown.md\n  untracked\n  up\n"
        "Delete it, or have Pants leave it out by this line under [GLOBAL] in pants.toml:\n"
        '  pants_ignore.add = ["/\\\\[x] \\\\\\\\\\\\ ", "/a", "/b", "/dir/ignored",'
        ' "/testdata/unknown.md", "/untracked", "/up"]\n'
    )


def test_a_crash_without_such_links_is_not_kept_quiet(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repository.commit({"pants.toml": "", "a": ""})
    anywhere = tmp_path_factory.mktemp("anywhere")
    expected = "Pants crashed: see .pants.d/pants.log for what it did last.\n"
    assert crash(repository.root) == crash(anywhere) == expected
    (anywhere / "pants.toml").touch()
    assert crash(anywhere).endswith(expected)
    assert os.listdir(anywhere) == ["pants.toml"]
