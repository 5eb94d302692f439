"""`pants mzbuild-clean`: what Cargo has compiled is listed, and goes."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.images import COPY_ALL, building, changed, described, image
from tests.e2e.repo import Content, Docker, Repo

FILES: Mapping[str, Content] = {
    "Cargo.toml": '[workspace]\nmembers = ["app"]\nresolver = "2"\n',
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n',
    "app/src/main.rs": "fn main() {}\n",
    **image("app", COPY_ALL, "pre-image: [{type: cargo-build, bin: app}]\n"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Repo, Docker, Path]]:
    """A repository whose named caches are nobody else's, the engine, and those caches."""
    directory = tmp_path_factory.mktemp("clean")
    caches = directory / "named"
    env = {
        "PANTS_LOCAL_STORE_DIR": str(directory / "store"),
        "PANTS_NAMED_CACHES_DIR": str(caches),
        "PANTS_MZBUILD_PROFILE": "dev",
    }
    with building(directory, env, FILES) as (repo, docker):
        yield repo, docker, caches


def rows(repo: Repo, *options: str) -> list[str]:
    """The directories that are listed, without the table's header."""
    return repo.pants("mzbuild-clean", "--list", *options).stdout.splitlines()[1:]


def test_directories_are_listed_and_removed(shop: tuple[Repo, Docker, Path]) -> None:
    repo, docker, caches = shop
    empty = repo.pants("mzbuild-clean", "--list")
    assert empty.stdout == ""
    assert "There is nothing that Cargo has compiled." in empty.stderr

    repo.pants("package", "images/app")
    (directory,) = (lock.parent for lock in caches.glob("mzbuild_cargo_*/*/lock"))
    name = str(directory.relative_to(caches))
    (row,) = rows(repo)
    assert re.fullmatch(rf"{name}  +\d+\.\d kB  +\d+\.\d MB  +\d{{4}}-\d\d-\d\d \d\d:\d\d", row), (
        row
    )

    with (directory / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        used = repo.pants("mzbuild-clean", check=False)
    assert used.returncode == 1
    assert f"{directory} stays: a build is using it." in used.stderr
    assert (directory / "target").exists()

    other = caches / "mzbuild_cargo_other/x86_64-dev-none"
    other.mkdir(parents=True)
    (other / "lock").touch()
    removed = repo.pants("mzbuild-clean").stdout
    assert re.fullmatch(rf"Removed {directory}: \d+\.\d MB\.\n", removed), removed
    assert not directory.exists()
    assert rows(repo) == []
    assert [row.split()[0] for row in rows(repo, "--all")] == [str(other.relative_to(caches))]
    repo.pants("mzbuild-clean", "--all")
    assert not other.exists()

    # Of what did not change, Pants itself still has the results; what did is compiled anew.
    (spec,) = docker.images()
    docker("image", "rm", "--force", spec)
    repo.stop_pantsd()
    repo.pants("package", "images/app")
    assert described(repo)["app"]["origin"] == "built"
    assert rows(repo) == []
    with changed(repo, {"app/src/main.rs": 'fn main() { print!(""); }\n'}):
        repo.pants("package", "images/app")
        assert len(rows(repo)) == 1
