"""`pants mzbuild-compose`, and what Docker's Compose makes of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.images import building, image, probe_image, run_step
from tests.e2e.later_docker import compose_program
from tests.e2e.repo import PANTS, Content, Docker, Repo, finish, start

COMPOSE = """\
# Zwei Dienste für den Anfang.
x-quiet: &quiet
  mzbuild: hello   # by all that say nothing else
  network_mode: none

services:
  hello:
    <<: *quiet
    environment: {WHO: "wörld"}
    command: [env, WHO]
  other: {mzbuild: probe, network_mode: none, command: [say, "mzbuild: hello"]}
"""

FILES: Mapping[str, Content] = {
    **image("hello", f"MZFROM probe\n{run_step('say', 'building')}"),
    "compose.yml": COMPOSE,
    ".gitignore": "/local/\n",
}

Workshop = tuple[Repo, Docker]


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    files = {**probe_image(), **FILES}
    with building(tmp_path_factory.mktemp("compose"), cold_caches, files) as made:
        yield made


def specs(repo: Repo) -> Mapping[str, str]:
    printed = repo.pants("--mzbuild-fingerprint-format=json", "mzbuild-fingerprint", "::").stdout
    return {image["name"]: image["spec"] for image in json.loads(printed)}


def with_specs(repo: Repo) -> str:
    spec = specs(repo)
    return COMPOSE.replace("mzbuild: hello  ", f"image: {spec['hello']}  ").replace(
        "{mzbuild: probe", f"{{image: {spec['probe']}"
    )


def test_the_file_alone_is_printed_and_the_images_are_there(workshop: Workshop) -> None:
    repo, docker = workshop
    assert docker.images() == set()
    # What the locale says of characters is not asked.
    result = repo.pants("mzbuild-compose", "compose.yml", env={"LC_ALL": "C"})
    assert result.stdout == with_specs(repo)
    assert docker.images() == set(specs(repo).values())


def test_docker_compose_starts_what_is_printed(workshop: Workshop) -> None:
    repo, docker = workshop
    compose = f"{compose_program()} --project-name {docker.prefix}up -f -"
    script = f"""
        {PANTS} mzbuild-compose compose.yml >printed.yml
        {compose} up --no-color --attach-dependencies --exit-code-from other <printed.yml
        {compose} up --no-color --exit-code-from hello hello <printed.yml
        {compose} logs --no-color <printed.yml
        {compose} config --format json <printed.yml >config.json
        {compose} down <printed.yml
        """
    result = finish(start(["sh", "-ec", script], cwd=repo.root, env=repo.env), check=True)
    lines = [line.partition("|")[2].strip() for line in result.stdout.splitlines()]
    assert "mzbuild: hello" in lines
    assert "WHO=wörld" in lines
    services = json.loads((repo.root / "config.json").read_text())["services"]
    spec = specs(repo)
    assert {name: service["image"] for name, service in services.items()} == {
        "hello": spec["hello"],
        "other": spec["probe"],
    }


def test_a_file_that_nobody_else_sees_is_read_from_where_it_lies(workshop: Workshop) -> None:
    repo, _ = workshop
    repo.write({"local/c.yml": COMPOSE})
    command = [str(PANTS), "mzbuild-compose", "c.yml"]
    result = finish(start(command, cwd=repo.root / "local", env=repo.env), check=True)
    assert result.stdout == with_specs(repo)


def test_without_an_image_the_file_is_printed_as_it_is(workshop: Workshop) -> None:
    repo, _ = workshop
    repo.write({"local/none.yml": "services: {db: {image: postgres}}\n"})
    result = repo.pants("mzbuild-compose", "local/none.yml")
    assert result.stdout == "services: {db: {image: postgres}}\n"
    assert (
        "local/none.yml: no service has `mzbuild: …`, so the file is printed as it is."
        in result.stderr
    )


ONE_FILE = "Give the path of one compose file, such as `pants mzbuild-compose compose.yml`."


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), ONE_FILE),
        (("::",), ONE_FILE),
        (("images",), ONE_FILE),
        (("images/hello:hello",), ONE_FILE),
        (("compose.yml", "local/c.yml"), ONE_FILE),
        (("*.yml",), ONE_FILE),
        (("nowhere.yml",), "nowhere.yml cannot be read: No such file or directory."),
        (
            ("local/wrong.yml",),
            "local/wrong.yml:3: the service `web` names the image `helo`, and there is no image of "
            "that name. Did you mean `hello`?",
        ),
    ],
)
def test_a_mistake_is_an_error_and_prints_nothing(
    workshop: Workshop, args: tuple[str, ...], said: str
) -> None:
    repo, _ = workshop
    repo.write({"local/wrong.yml": "services:\n  web:\n    mzbuild: helo\n", "local/c.yml": ""})
    result = repo.pants("mzbuild-compose", *args, check=False)
    assert (result.returncode, result.stdout) == (1, ""), str(result)
    assert said in result.stderr, str(result)
    assert "Traceback" not in result.stderr


def test_a_second_run_builds_nothing(workshop: Workshop) -> None:
    repo, _ = workshop
    result = repo.pants("mzbuild-compose", os.path.join(".", "compose.yml"))
    assert result.stdout == with_specs(repo)
    assert "Building" not in result.stderr
