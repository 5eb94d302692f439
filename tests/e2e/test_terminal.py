"""What a run shows follows its own streams, wherever the daemon that serves it was started."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest

from tests.e2e.repo import CHECKOUT, PANTS, VERSION, Docker, MakeRepo, Repo, Result, finish, start

FILES = {"image/mzbuild.yml": "name: image\n", "image/Dockerfile": "FROM scratch\nCOPY . /\n"}


@pytest.fixture(params=["of this repository", "official"])
def launcher(request: Any) -> str:
    if request.param == "of this repository":
        return str(PANTS)
    # What the official launcher runs in the end.
    lock = CHECKOUT / "3rdparty/python/pants.lock"
    venv = subprocess.run([CHECKOUT / "bin/venv", lock], check=True, stdout=subprocess.PIPE)
    return f"{venv.stdout.decode().strip()}/bin/pants"


def shell(repo: Repo, command: str) -> Result:
    env = {**repo.env, "NO_SCIE_WARNING": "1"}
    env.pop("CI", None)
    return finish(start(["bash", "-c", command], cwd=repo.root, env=env), check=True)


def in_terminal(command: str) -> str:
    return f"TERM=xterm script -qec {shlex.quote(command)} /dev/null"


def test_a_pipe_gets_the_result_and_a_terminal_the_progress(
    make_repo: MakeRepo, docker: Docker, launcher: str
) -> None:
    repo = make_repo(FILES, docker.env)
    package = f"{shlex.quote(launcher)} package image"
    # The daemon is started from a terminal first, then from a pipe.
    for number in range(2):
        repo.write({"image/new": str(number)})
        shown = shell(repo, in_terminal(package)).stdout
        assert "Build the image image" in shown
        assert "\x1b[" in shown
        piped = shell(repo, f"{package} 2>&1 | cat").stdout
        assert "Nothing to do: 1 reused" in piped
        assert "\x1b" not in piped
        error = f"{shlex.quote(launcher)} mzbuild-check :: 2>&1 | cat"
        said = shell(repo, error).stdout
        assert "[ERROR] There is no registry" in said
        assert "\x1b" not in said
        assert "\x1b" not in shell(repo, in_terminal(f"{package} 2>file; cat file")).stdout
        repo.stop_pantsd()
        assert "pantsd started" in shell(repo, f"{package} 2>&1 | cat").stdout


def test_what_the_user_has_set_counts(make_repo: MakeRepo) -> None:
    toml = (
        f'[GLOBAL]\npants_version = "{VERSION}"\npythonpath = ["{CHECKOUT}/pants-plugins"]\n'
        'backend_packages = ["mzbuild"]\ncolors = true\ndynamic_ui = false\n'
    )
    repo = make_repo({**FILES, "pants.toml": toml})
    assert "\x1b[" in repo.pants("mzbuild-check", "::", check=False).stderr
    assert "\x1b[" not in repo.pants("--no-colors", "mzbuild-check", "::", check=False).stderr
