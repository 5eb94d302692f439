"""An action that somebody else's plugin adds: the one in the documentation, as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.images import COPY_ALL, building, changed, contents, described, text
from tests.e2e.repo import CHECKOUT, PANTS_TOML, Content, Docker, Repo

PAGE = (CHECKOUT / "doc/actions.md").read_text(encoding="utf-8")


def block(language: str, having: str) -> str:
    """The block of code of the page that has some words."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [each for each in blocks if having in each]
    return found


def files() -> Mapping[str, Content]:
    options = block("toml", "joining")
    # A repository has one list of each, so the page's values are put to those of every test.
    (directory,), (backend,) = (
        re.findall(r'pythonpath = \["(.*)"\]', options),
        re.findall(r'backend_packages.add = \["(.*)"\]', options),
    )
    toml = PANTS_TOML.replace('/pants-plugins"]', f'/pants-plugins", "{directory}"]')
    return {
        "pants.toml": toml.replace('["mzbuild"]', f'["mzbuild", "{backend}"]'),
        "build-support/joining/register.py": block("python", "class JoinAction"),
        "doc/a.md": "a\n",
        "doc/b.md": "b\n",
        "images/manual/mzbuild.yml": block("yaml", "type: join"),
        "images/manual/Dockerfile": COPY_ALL,
    }


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[tuple[Repo, Docker]]:
    with building(tmp_path_factory.mktemp("own-action"), cold_caches, files()) as (repo, docker):
        repo.pants("package", "::")
        yield repo, docker


def test_the_action_makes_its_file(built: tuple[Repo, Docker]) -> None:
    repo, docker = built
    found = contents(docker, described(repo)["manual"]["spec"])
    assert text(found["manual.md"]) == "a\nb\n"


def test_its_inputs_count_and_are_told_of(built: tuple[Repo, Docker]) -> None:
    repo, _ = built
    before = repo.pants("mzbuild-fingerprint", "::").stdout
    with changed(repo, {"doc/b.md": "other\n"}):
        assert repo.pants("mzbuild-fingerprint", "::").stdout != before
        told = repo.pants("mzbuild-explain", "--since=HEAD", "::").stdout
    assert any("doc/b.md" in line and "join doc" in line for line in told.splitlines())


def test_its_fields_are_described_and_its_mistakes_named(built: tuple[Repo, Docker]) -> None:
    repo, _ = built
    shown = repo.pants("mzbuild-describe", "manual").stdout
    assert "join  directory: doc; destination: manual.md" in shown
    declaration = "name: manual\npre-image:\n  - type: join\n    directory: doc\n"
    with changed(repo, {"images/manual/mzbuild.yml": declaration}):
        result = repo.pants("mzbuild-fingerprint", "::", check=False)
    assert (
        "images/manual/mzbuild.yml:3: the required field `pre-image[0].destination` is missing."
    ) in result.stderr
