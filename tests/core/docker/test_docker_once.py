"""The script that builds an image once, run as Pants runs it: with a stand-in for `docker`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mzbuild.core.docker import once as docker_once
from mzbuild.core.docker.arguments import once_args

# The image is a file that has its ID and its label in it.
FORMAT = '--format={{.Id}} {{index .Config.Labels "mzbuild.fingerprint"}}'
DOCKER = f'#!/bin/sh\n[ "$1 $2" = \'image inspect\' ] && [ "$3" = \'{FORMAT}\' ] && cat "$4" 2>&-\n'


# When the engine was asked: what was built since, nobody knows of yet.
LONG_AGO, LATER = 1.0, time.time() + 1e6


class Place:
    """A directory with the stand-in in it, and what the script does there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.image = directory / "image:mzbuild-F"
        self.id_file = directory / "id"
        self.log = directory / "log"
        self.kept = directory / "kept/image"
        self.docker = directory / "docker"
        self.docker.write_text(DOCKER)
        self.docker.chmod(0o755)

    def start(
        self, command: str, since: float = LONG_AGO, *, again: bool = False
    ) -> subprocess.Popen[str]:
        args = once_args(
            docker=str(self.docker),
            tag=str(self.image),
            caches=str(self.directory),
            since=since,
            iidfile=str(self.id_file),
            log=str(self.log),
            kept=str(self.kept),
            command=("sh", "-c", command),
            again=again,
        )
        return subprocess.Popen(
            [sys.executable, "-I", "-S", docker_once.__file__, *args],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, since: float = LONG_AGO, *, again: bool = False) -> tuple[int, str]:
        process = self.start(command, since, again=again)
        said = process.communicate(timeout=60)[0]
        assert not self.is_locked()
        return process.returncode, said

    def is_locked(self) -> bool:
        return any((self.directory / "locks").iterdir())


BUILD = "echo building; echo new >id; echo new F >image:mzbuild-F"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_image_is_built(place: Place) -> None:
    assert place.run(BUILD) == (0, "building\n")
    assert place.id_file.read_text() == "new\n"
    assert place.log.read_text() == "building\n"


def test_all_that_a_build_says_is_shown_and_logged(place: Place) -> None:
    place.log.write_text("what another build has said\n" * 9)
    assert place.run("echo out; echo err >&2; exit 3") == (3, "out\nerr\n")
    assert place.log.read_text() == "out\nerr\n"


def test_an_image_that_was_built_meanwhile_is_not(place: Place) -> None:
    assert place.run(BUILD) == (0, "building\n")
    assert place.run("exit 3", since=LONG_AGO) == (0, "")
    assert place.id_file.read_text() == "new"


def test_unless_it_is_gone_again(place: Place) -> None:
    place.run(BUILD)
    place.image.unlink()
    assert place.run(BUILD, since=LONG_AGO) == (0, "building\n")


def test_what_nobody_has_built_meanwhile_is_not_looked_for(place: Place) -> None:
    assert place.run(BUILD) == (0, "building\n")
    assert place.run(BUILD, since=LATER) == (0, "building\n")


def test_an_image_may_be_built_in_any_case(place: Place) -> None:
    place.run(BUILD)
    assert place.run(BUILD, again=True) == (0, "building\n")
    assert place.run("exit 3", again=True) == (3, "")


def test_a_failure_is_one_unless_the_image_is_there_then(place: Place) -> None:
    assert place.run("exit 3") == (3, "")
    assert not place.id_file.exists()
    assert place.run("echo pushing; echo new F >image:mzbuild-F; exit 3") == (0, "pushing\n")
    assert place.id_file.read_text() == "new"
    # Whoever has waited for that finds it, too.
    assert place.run("exit 4") == (0, "")


@pytest.mark.parametrize("found", ["old OTHER", "old <no value>", "old", ""])
def test_an_image_that_does_not_say_that_it_was_built_here_is_not_found(
    place: Place, found: str
) -> None:
    place.image.write_text(f"{found}\n")
    assert place.run("exit 3") == (3, "")
    assert not place.id_file.exists()
    place.image.write_text("old F\n")
    assert place.run("exit 3") == (0, "")
    assert place.id_file.read_text() == "old"


def test_a_log_is_not_written_through_a_symlink(place: Place) -> None:
    elsewhere = place.directory / "elsewhere"
    elsewhere.write_text("precious")
    place.log.symlink_to(elsewhere)
    process = place.start("echo written")
    assert process.wait(60) != 0
    assert elsewhere.read_text() == "precious"


def test_of_many_at_once_one_builds(place: Place) -> None:
    processes = [place.start(f"sleep 0.5; {BUILD}") for _ in range(6)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert sorted(said) == ["", "", "", "", "", "building\n"]
    assert [process.returncode for process in processes] == [0] * 6
    assert not place.is_locked()


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
    assert not place.is_locked()


def test_what_docker_read_is_kept_where_it_failed(place: Place) -> None:
    (place.directory / "context").mkdir()
    (place.directory / "context/file").write_text("data")
    (place.directory / "Dockerfile").write_text("FROM scratch")
    assert place.run("exit 3")[0] == 3
    assert {path.name for path in place.kept.iterdir()} == {"context", "Dockerfile"}
    assert (place.kept / "context/file").read_text() == "data"
    assert not (place.directory / "context").exists()
    assert place.run(BUILD)[0] == 0
    assert not place.kept.exists()
