"""`bin/venv`: how it finds a Python, and makes an environment that is whole or not there at all.

The locks here list nothing, or nothing that can be installed, since only how it is done counts.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "3rdparty/python"
PYTHON39 = Path(sys.base_prefix, "bin/python3.9").resolve()


class Machine:
    """A machine with the tools that every one has, and nothing that could be a Python."""

    def __init__(self, root: Path) -> None:
        self.path = root / "path"
        self.home = root / "home"
        self.home.mkdir()
        self.lock = root / "test.lock"
        self.lock.write_text("# Nothing.\n")
        self.env = {"HOME": str(self.home), "PATH": str(self.path)}
        for tool in ("bash", "cksum", "cmp", "dirname", "mkdir"):
            found = shutil.which(tool)
            assert found, f"no {tool} on PATH"
            self.add_link(self.path / tool, found)

    def add_link(self, link: Path, target: str | Path) -> None:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def add_script(self, path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def start(self, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ROOT / "bin/venv", self.lock],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fail(self, **env: str) -> str:
        """What it says when it does not make the environment."""
        process = self.start(**env)
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout) == (1, "")
        assert "Traceback" not in stderr
        return stderr

    def make(self, **env: str) -> tuple[Path, bool]:
        """The environment, which works, and whether it had to be made."""
        process = self.start(**env)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        venv = Path(stdout.rstrip("\n"))
        code = "import sys; print(sys.version_info[:2], sys.prefix)"
        said = subprocess.check_output([venv / "bin/python", "-c", code], text=True)
        assert said == f"(3, 9) {venv}\n"
        return venv, "Installing test.lock" in stderr

    def begin(self, **env: str) -> Path:
        """The environment that it begins to make, with our Python; it is killed at once."""
        process = self.start(**env)
        assert process.stderr is not None
        first = process.stderr.readline()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        begun = re.match(f"Installing test.lock into (.*), once, for {PYTHON39} ", first)
        assert begun, first
        return Path(begun[1])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_python(machine: Machine) -> None:
    machine.add_script(machine.path / "python3.9", "echo 'pyenv: not found' >&2; exit 127")
    said = machine.fail()
    for command in ("uv python install 3.9", "pyenv install 3.9", "brew install", "apt install"):
        assert f"\n  {command}" in said or f"\n  sudo {command}" in said
    assert "PYTHON=/path/to/python3.9" in said


def test_python_of_another_version(machine: Machine) -> None:
    script = 'case "$1" in --version) echo Python 3.12.1;; *) exit 1;; esac'
    other = machine.add_script(machine.home / "python3", script)
    # The one that would do is not taken instead: the user has said which.
    machine.add_link(machine.path / "python3.9", PYTHON39)
    said = machine.fail(PYTHON=str(other))
    assert f"PYTHON={other} is not a CPython 3.9" in said
    assert "Python 3.12.1" in said


def test_python_that_is_not_there(machine: Machine) -> None:
    assert "PYTHON=/nowhere is not a CPython 3.9" in machine.fail(PYTHON="/nowhere")


def test_finds_python_on_path_behind_a_shim_that_fails(machine: Machine, tmp_path: Path) -> None:
    machine.add_script(machine.path / "python3.9", "exit 127")
    machine.add_link(tmp_path / "more/python3.9", PYTHON39)
    machine.begin(PATH=f"{machine.path}:{tmp_path}/more")


def test_finds_python_of_pyenv(machine: Machine) -> None:
    machine.add_script(machine.home / ".pyenv/versions/3.9.1/bin/python3.9", "exit 1")
    machine.add_link(machine.home / ".pyenv/versions/3.9.2/bin/python3.9", PYTHON39)
    machine.begin()


def test_finds_python_of_uv(machine: Machine, tmp_path: Path) -> None:
    machine.add_script(machine.path / "python3.9", "exit 127")
    machine.add_link(machine.path / "uv", Path(sys.prefix, "bin/uv"))
    name = f"cpython-{platform.python_version()}-linux-{platform.machine()}-gnu"
    machine.add_link(tmp_path / "uv" / name / "bin/python3.9", PYTHON39)
    machine.begin(UV_PYTHON_INSTALL_DIR=str(tmp_path / "uv"))


def test_made_once_for_each_lock_and_python(machine: Machine, tmp_path: Path) -> None:
    ours = {"PYTHON": str(PYTHON39)}
    venv, made = machine.make(**ours)
    assert made
    assert machine.home in venv.parents
    assert machine.make(**ours) == (venv, False)

    machine.add_link(tmp_path / "my python", PYTHON39)
    of_other_python = machine.begin(PYTHON=f"{tmp_path}/my python")
    machine.lock.write_text("# Nothing, again.\n")
    of_other_lock = machine.begin(**ours)
    assert len({venv, of_other_python, of_other_lock}) == 3


def test_heals_after_a_kill_and_when_its_python_goes(machine: Machine) -> None:
    ours = {"PYTHON": str(PYTHON39)}
    run = machine.start(**ours)
    cache = machine.home / ".cache/pants-mzbuild"
    while not list(cache.glob("test-*/bin/python")):
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    venv, made = machine.make(**ours)
    assert made

    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/nowhere")
    assert machine.make(**ours) == (venv, True)


def test_what_is_not_what_was_locked_is_not_used(machine: Machine) -> None:
    version = re.search("^tomli==([0-9.]+)", (LOCKS / "pants.lock").read_text(), re.MULTILINE)
    assert version
    machine.lock.write_text(f"tomli=={version[1]} --hash=sha256:{'0' * 64}\n")
    # It is the index of this machine that the file comes from.
    env = {**os.environ, "XDG_CACHE_HOME": str(machine.home), "PYTHON": str(PYTHON39)}
    said = machine.fail(**env)
    assert "DO NOT MATCH THE HASHES" in said
    assert "-r " + str(machine.lock) in said
    assert not list(machine.home.rglob("made-from.lock"))


@pytest.mark.parametrize("cache", ["/dev/null/cache", "not/absolute"])
def test_cache_directory_that_cannot_be(machine: Machine, cache: str) -> None:
    assert "XDG_CACHE_HOME" in machine.fail(XDG_CACHE_HOME=cache, PYTHON=str(PYTHON39))


def test_lock_that_is_not_there(machine: Machine) -> None:
    machine.lock.unlink()
    assert "Usage: bin/venv LOCKFILE" in machine.fail()


def requirements(lock: str) -> dict[str, set[str]]:
    """The hashes in a lock, by `name==version`."""
    text = re.sub("^ *#.*\n", "", (LOCKS / lock).read_text(), flags=re.MULTILINE)
    entries = re.split("\n(?=[a-z])", text.strip())
    return {
        entry.split()[0]: set(re.findall("--hash=(sha256:[0-9a-f]{64})", entry))
        for entry in entries
    }


def test_locks_agree() -> None:
    ours, tests = requirements("pants.lock"), requirements("dev.lock")
    assert "pantsbuild-pants==2.17.1" in ours
    assert "pantsbuild-pants-testutil==2.17.1" in tests
    assert ours.items() <= tests.items()
    assert all(tests.values())


@pytest.mark.parametrize("lock", ["pants.lock", "dev.lock"])
def test_locks_name_no_index(lock: str) -> None:
    assert "://" not in (LOCKS / lock).read_text()
