"""The script that builds an image once, run as Pants runs it: with a stand-in for `docker`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mzbuild.core.docker import once as docker_once

# The image is a file, and has its ID in it.
DOCKER = '#!/bin/sh\n[ "$1 $2 $3" = "image inspect --format={{.Id}}" ] && cat "$4" 2>/dev/null\n'


class Place:
    """A directory with the stand-in in it, and what the script does there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = directory / "locks/l"
        self.image = directory / "image"
        self.id_file = directory / "id"
        self.docker = directory / "docker"
        self.docker.write_text(DOCKER)
        self.docker.chmod(0o755)

    def start(self, command: str, spec: str | None = None) -> subprocess.Popen[str]:
        spec = str(self.image) if spec is None else spec
        script = [sys.executable, docker_once.__file__, str(self.lock), str(self.docker), spec]
        return subprocess.Popen(
            [*script, str(self.id_file), "sh", "-c", command],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, spec: str | None = None) -> tuple[int, str]:
        process = self.start(command, spec)
        said = process.communicate(timeout=60)[0]
        assert not self.lock.exists()
        return process.returncode, said


BUILD = "echo building; echo new >id; echo new >image"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_image_is_built(place: Place) -> None:
    assert place.run(BUILD) == (0, "building\n")
    assert place.id_file.read_text() == "new\n"


def test_an_image_that_is_there_is_not(place: Place) -> None:
    place.image.write_text("old\n")
    assert place.run(BUILD) == (0, "")
    assert place.id_file.read_text() == "old"


def test_unless_it_is_to_be_built_in_any_case(place: Place) -> None:
    place.image.write_text("old\n")
    assert place.run(BUILD, "") == (0, "building\n")
    assert place.run("exit 3", "") == (3, "")


def test_a_failure_is_one_unless_the_image_is_there_then(place: Place) -> None:
    assert place.run("exit 3") == (3, "")
    assert not place.id_file.exists()
    assert place.run("echo pushing; echo new >image; exit 3") == (0, "pushing\n")
    assert place.id_file.read_text() == "new"


def test_of_many_at_once_one_builds(place: Place) -> None:
    processes = [place.start(f"sleep 0.5; {BUILD}") for _ in range(6)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert sorted(said) == ["", "", "", "", "", "building\n"]
    assert [process.returncode for process in processes] == [0] * 6
    assert not place.lock.exists()


def test_the_lock_goes_with_its_holder(place: Place) -> None:
    holder = place.start("touch started; exec sleep 5")
    deadline = time.monotonic() + 30
    while not (place.directory / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    waiting = place.start(BUILD)
    time.sleep(0.3)
    assert waiting.poll() is None
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert waiting.communicate(timeout=30)[0] == "building\n"
    assert not place.lock.exists()
