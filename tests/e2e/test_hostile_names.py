"""What a pull request may name and describe, on its way to a terminal and to a CI system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import yaml

from tests.e2e.bare import bare_environment
from tests.e2e.images import image
from tests.e2e.repo import Content, Repo

DIRECTORY = "images/${BUILDKITE_MESSAGE}"

FILES: Mapping[str, Content] = {
    **image("sound", "FROM scratch\n"),
    "images/sound/mzbuild.yml": 'name: sound\ndescription: "\\e]0;owned\\a\\e[2K\\rnice"\n'
    '"\\e[31mfield": 1\n',
    "images/sound/\x1b[31mred": "",
    "images/sound/a\nsound: AAAA": "",
    f"{DIRECTORY}/mzbuild.yml": "name: paid\n",
    f"{DIRECTORY}/Dockerfile": "MZFROM sound\n",
}


@pytest.fixture(scope="module")
def repo(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    directory = tmp_path_factory.mktemp("hostile")
    repo = Repo(directory / "repo", FILES, bare_environment(directory / "bin", cold_caches))
    yield repo
    repo.stop_pantsd()


@pytest.mark.parametrize(
    "command",
    [
        ("mzbuild-list",),
        ("mzbuild-describe", "--files"),
        ("mzbuild-explain", "--since=HEAD"),
        ("mzbuild-graph",),
        ("mzbuild-fingerprint",),
        ("lint", "--only=mzbuild"),
    ],
    ids=lambda command: command[0],
)
def test_no_goal_passes_on_what_commands_a_terminal(repo: Repo, command: tuple[str, ...]) -> None:
    result = repo.pants("--no-colors", *command, "::", check=False)
    lines = result.text.split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    # Nor does the name of a file make a line that looks like an answer.
    assert "sound: AAAA" not in lines
    assert "Traceback" not in result.text


def test_what_is_not_printable_is_shown_as_what_it_is(repo: Repo) -> None:
    assert "\\x1b]0;owned\\x07\\x1b[2K\\rnice" in repo.pants("mzbuild-list", "::").stdout
    described = repo.pants("mzbuild-describe", "--files", "images/sound").stdout
    assert "images/sound/\\x1b[31mred\n" in described
    assert "images/sound/a\\nsound: AAAA\n" in described


def test_a_pipeline_has_no_variables_of_buildkite(repo: Repo) -> None:
    registry = '--mzbuild-registries={"r": {"address": "localhost:1"}}'
    options = (registry, "--mzbuild-unknown=build", "--mzbuild-registry-timeout=1")
    printed = repo.pants(*options, "mzbuild-plan", "--format=buildkite", "::").stdout
    commands = [step["command"] for step in yaml.safe_load(printed)["steps"]]
    assert any("'images/$${BUILDKITE_MESSAGE}:" in command for command in commands)
    assert "$" not in printed.replace("$$", "")
