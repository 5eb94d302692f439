"""Which Pants `./pants` runs: its own, or the one that the repository or the user wants.

Pants' official launcher is stood in for by a command of its name that tells what it was given.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Callable

import pytest

PANTS = Path(__file__).resolve().parents[2] / "pants"
PATH = "/usr/bin:/bin"

Launch = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Runs `./pants` in a folder of a repository whose `pants.toml` is given."""

    def run(
        toml: str, *args: str, path: str = PATH, **env: str
    ) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "repo/src/app"
        folder.mkdir(parents=True)
        (tmp_path / "repo/pants.toml").write_text(toml)
        return subprocess.run(
            [PANTS, *args],
            cwd=folder,
            env={"HOME": os.environ["HOME"], "PATH": path, **env},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder of the PATH with a stand-in for the official launcher."""
    folder = tmp_path / "official"
    folder.mkdir()
    launcher = folder / "pants"
    launcher.write_text('#!/bin/sh\nprintf "official: %s\\n" "$@"\nexit 3\n')
    launcher.chmod(0o755)
    return folder


def test_another_version_is_left_to_the_official_launcher(launch: Launch, official: Path) -> None:
    done = launch(
        "[GLOBAL]\n  pants_version = '2.31.0'  # The team's.\n",
        "package",
        "a b",
        path=f"{official}:{PATH}",
    )
    assert (done.stdout, done.stderr) == ("official: package\nofficial: a b\n", "")
    assert done.returncode == 3


def test_the_environment_has_the_last_word_on_the_version(launch: Launch, official: Path) -> None:
    toml = '[GLOBAL]\npants_version = "2.17.1"\n'
    done = launch(toml, "roots", path=f"{official}:{PATH}", PANTS_VERSION="2.33.0")
    assert done.stdout == "official: roots\n"


@pytest.mark.parametrize(
    "toml", ['[GLOBAL]\npants_version = "2.17.1"\n', '[GLOBAL]\n# pants_version = "2.31.0"\n', ""]
)
def test_its_own_version_runs_without_the_official_launcher(
    launch: Launch, official: Path, toml: str
) -> None:
    done = launch(toml, "--no-pantsd", "--version", path=f"{official}:{PATH}")
    assert (done.stdout, done.returncode) == ("2.17.1\n", 0)


def test_a_missing_launcher_is_told_with_what_to_do(launch: Launch, tmp_path: Path) -> None:
    # A link to ./pants itself is on the PATH: it must not call itself without end.
    (tmp_path / "pants").symlink_to(PANTS)
    toml = '[GLOBAL]\npants_version = "2.31.0"'
    done = launch(toml, "package", "::", path=f"{tmp_path}:{PATH}")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Pants 2.31.0 is wanted here, by pants.toml or by $PANTS_VERSION. "
        "./pants installs 2.17.1 alone, and\n"
        "finds no official launcher on PATH, which runs any version. Install that launcher\n"
        "(https://www.pantsbuild.org/stable/docs/getting-started/installing-pants), "
        "or want 2.17.1.\n"
    )
