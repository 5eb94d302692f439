"""What targets of other backends get of an image that they depend on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.images import building, described, image
from tests.e2e.repo import PANTS_TOML, VERSION, Content, Docker, Repo, Result

# It is no experiment since 2.18.
SHELL_TEST = ("experimental_" if VERSION.startswith("2.17.") else "") + "test_shell_command"
BUILD = f"""\
{SHELL_TEST}(
    name="test",
    command="cat images.named/alone.json; ls images.named",
    execution_dependencies=["images/named"],
    tools=["cat", "ls"],
)
archive(name="archive", format="tar", packages=["images/named"])
"""

FILES: Mapping[str, Content] = {
    "pants.toml": PANTS_TOML.replace('["mzbuild"]', '["mzbuild", "pants.backend.shell"]'),
    **image("alone", "FROM scratch\nCOPY . /\n", where="images/named"),
    "BUILD": BUILD,
}

Workshop = tuple[Repo, Docker]


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    with building(tmp_path_factory.mktemp("dependents"), cold_caches, FILES) as made:
        yield made


def _test(repo: Repo) -> Result:
    return repo.pants("test", "--test-output=all", "//:test")


def test_a_test_that_passed_is_not_run_again_whatever_the_engine_had(workshop: Workshop) -> None:
    repo, docker = workshop
    first = _test(repo)
    assert "cached" not in first.stderr
    assert "memoized" not in first.stderr
    # It was built for the first run; then it is there, then it is gone, and built anew.
    for removed in (False, True):
        if removed:
            docker("image", "rm", "--force", *docker.images())
        repo.stop_pantsd()
        again = _test(repo)
        assert "(cached locally)" in again.stderr, str(again)
    assert docker.images()


def test_what_varies_is_beside_it_in_dist_only(workshop: Workshop) -> None:
    repo, docker = workshop
    told, archives = [], []
    for origin in ("built", "reused"):
        if origin == "built" and docker.images():
            docker("image", "rm", "--force", *docker.images())
        repo.pants("package", "images/named", "//:archive")
        assert described(repo)["alone"]["origin"] == origin
        told.append((repo.root / "dist/images.named/alone.json").read_bytes())
        archives.append((repo.root / "dist/archive.tar").read_bytes())
    assert told[0] == told[1]
    assert archives[0] == archives[1]
    spec = described(repo)["alone"]["spec"]
    assert json.loads(told[0]) == {
        "name": "alone",
        "address": "images/named:named",
        "spec": spec,
        "fingerprint": spec.rpartition("-")[2],
        "dependencies": [],
    }
    (found,) = json.loads(docker("image", "inspect", spec).stdout)
    assert described(repo)["alone"]["image_id"] == found["Id"]


def test_what_is_gone_from_dist_is_written_again(workshop: Workshop) -> None:
    repo, _ = workshop
    repo.pants("package", "images/named")
    file = repo.root / "dist/images.named/alone.acquired.json"
    repo.pants("package", "images/named")
    told = file.read_bytes()
    file.unlink()
    repo.pants("package", "images/named")
    assert file.read_bytes() == told


def test_nothing_of_it_is_in_dist_where_it_was_packaged_for_another_target(
    workshop: Workshop,
) -> None:
    repo, _ = workshop
    for file in repo.root.glob("dist/*/*"):
        file.unlink()
    repo.pants("package", "//:archive")
    _test(repo)
    assert list(repo.root.glob("dist/*/*.json")) == []
