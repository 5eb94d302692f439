"""What the end-to-end tests share. They use the real tools: one that is missing is a failure."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.repo import ANOTHER_PANTS, Content, Docker, MakeRepo, Repo

# What is about ./pants alone, by the start of the tests' names: with another Pants it is left out.
OF_OWN_LAUNCHER = (
    "tests/e2e/test_launcher.py::",
    "tests/e2e/test_venv.py::",
    "tests/e2e/test_wanted_version.py::",
    # Pants' own client shows a traceback, whatever the goal is.
    "tests/e2e/test_list_and_describe.py::test_whoever_stops_reading_sees_no_traceback",
    "tests/e2e/test_reading_goals.py::test_whoever_stops_reading_sees_no_traceback",
    "tests/e2e/test_terminal.py::test_a_pipe_gets_the_result_and_a_terminal_the_progress[official]",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if ANOTHER_PANTS:
        left_out = [item for item in items if item.nodeid.startswith(OF_OWN_LAUNCHER)]
        items[:] = [item for item in items if item not in left_out]
        # pytest says at the end how many there were.
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    """Fails every test, with one clear reason, where the tools are not there."""
    for tool in ("git", "cargo", "docker"):
        assert shutil.which(tool), f"there is no {tool} on the PATH; `bin/test e2e` says what to do"
    info = subprocess.run(["docker", "info"], capture_output=True, text=True)
    assert info.returncode == 0, (
        f"no Docker engine answers; run these tests by `bin/test e2e`, which starts one:\n"
        f"{info.stderr}"
    )


@pytest.fixture(scope="session")
def cold_caches(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An environment with Pants' caches empty at the start of the session, so that no test passes
    by what an earlier run has left. The tests of a session share them."""
    caches = tmp_path_factory.mktemp("caches")
    return {
        "PANTS_LOCAL_STORE_DIR": str(caches / "lmdb_store"),
        "PANTS_NAMED_CACHES_DIR": str(caches / "named_caches"),
    }


@pytest.fixture
def make_repo(tmp_path: Path, cold_caches: Mapping[str, str]) -> Iterator[MakeRepo]:
    """Makes the test's repositories: `make_repo({"path": "content"})`."""
    made: list[Repo] = []

    def make(
        files: Mapping[str, Content], env: Mapping[str, str] | None = None, name: str = "repo"
    ) -> Repo:
        repo = Repo(tmp_path / name, files, {**cold_caches, **(env or {})})
        made.append(repo)
        return repo

    yield make
    for repo in made:
        repo.stop_pantsd()


@pytest.fixture
def docker() -> Iterator[Docker]:
    """The engine; of the images in it, those with this test's prefix go at the end."""
    docker = Docker(f"test-{secrets.token_hex(4)}-")
    yield docker
    docker.clean_up()
