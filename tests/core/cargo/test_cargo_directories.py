from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from mzbuild.core.cargo.directories import (
    cache_name,
    cargo_directories,
    directory_rows,
    remove_directory,
    shown_size,
)

from tests.core.cargo.test_cargo_staging_script import CRATES, Sandbox

CARGO = ("cargo", "build", "--offline", "--bin=app")


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "sandbox")


def disk_usage(*paths: Path) -> int:
    """What `du` says that the files below take on the disk, a file with many links once."""
    files = "\0".join(
        str(Path(parent, name))
        for path in paths
        for parent, _, names in os.walk(path)
        for name in names
    )
    command = ["du", "--block-size=1", "--total", "--files0-from=-"]
    said = subprocess.run(command, input=files, check=True, capture_output=True, text=True).stdout
    return int(said.splitlines()[-1].split()[0])


def test_a_build_s_directory_is_listed_with_its_sizes_and_removed(sandbox: Sandbox) -> None:
    before = time.time() - 1
    code, out, _ = sandbox.run([*CARGO], CRATES)
    assert code == 0, out
    caches = sandbox.root
    (caches / "cache/of-somebody-else").mkdir()
    (directory,) = cargo_directories(caches, "cache")
    assert directory.path == sandbox.directory
    assert directory.staged == disk_usage(sandbox.directory / "sources")
    assert directory.compiled >= disk_usage(sandbox.directory / "target")
    assert directory.size == disk_usage(sandbox.directory)
    assert before < directory.last_used < time.time() + 1
    ((path, *_),) = directory_rows([directory], caches)
    assert path == "cache/build"

    assert remove_directory(directory.path)
    assert [path.name for path in (caches / "cache").iterdir()] == ["of-somebody-else"]
    assert cargo_directories(caches, "cache") == ()
    code, out, _ = sandbox.run([*CARGO], CRATES)
    assert code == 0
    assert "Compiling app" in out


def test_what_a_build_is_using_stays(sandbox: Sandbox) -> None:
    until_told = ["sh", "-c", "echo started; until [ -e go ]; do sleep 0.05; done"]
    building = sandbox.start(sandbox.plan(until_told, {"a": {"a": ""}}))
    assert building.stdout is not None
    for line in building.stdout:
        if line == "started\n":
            break
    (directory,) = cargo_directories(sandbox.root, "cache")
    assert not remove_directory(directory.path)
    (directory.path / "sources/go").touch()
    building.communicate()
    assert building.returncode == 0
    assert (directory.path / "sources/a").exists()


def test_who_waited_for_a_directory_that_is_removed_builds_in_a_new_one(sandbox: Sandbox) -> None:
    sandbox.run(["true"], {})
    lock = sandbox.directory / "lock"
    # What removing does, slowly enough for somebody to wait for it.
    script = 'echo started; read line; rm -r "$(dirname "$0")"'
    removing = subprocess.Popen(
        ["flock", str(lock), "sh", "-c", script, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert removing.stdout is not None
    assert removing.stdout.readline() == "started\n"
    waiting = sandbox.start(sandbox.plan(["cat", "a"], {"a": {"a": "content\n"}}))
    assert waiting.stdout is not None
    assert waiting.stdout.readline().startswith("Waiting ")
    removing.communicate("\n")
    out, _ = waiting.communicate(timeout=60)
    assert out.endswith("content\n")
    assert (sandbox.directory / "lock").exists()
    assert (sandbox.directory / "sources/a").read_text() == "content\n"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0.0 kB"),
        (512, "0.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (4_512_345_678, "4.5 GB"),
        (12_345_000_000_000_000, "12345.0 TB"),
    ],
)
def test_sizes_are_shown_for_people(size: int, shown: str) -> None:
    assert shown_size(size) == shown


def test_each_clone_has_a_cache_of_its_own_by_a_name_that_pants_accepts() -> None:
    names = {cache_name(path) for path in ("/a", "/b")}
    assert len(names) == 2
    assert all(re.fullmatch("mzbuild_cargo_[a-p]{16}", name) for name in names)
