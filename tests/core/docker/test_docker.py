from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.configuration import Arch, Profile, Sanitizer
from mzbuild.core.docker.arguments import (
    build_args,
    by_digest,
    explain_failure,
    familiar,
    once_args,
    parse_image_list,
    parse_inspected,
    retried,
    run_command,
    waits_within,
    with_config,
)
from mzbuild.core.docker.client_config import (
    config_with_auths,
    engine_builder,
    plugin_paths,
)
from mzbuild.core.docker.limit import GIVEN_UP
from mzbuild.core.image.arguments import build_arguments, image_labels
from mzbuild.core.image.declaration import Image

from tests.core.conftest import CONFIGURATION

IMAGE = Image("i", "i", "i/mzbuild.yml", build_args=(("VERSION", "1.0"),))


def test_the_engine_s_images_are_known_by_spec() -> None:
    listed = "acme/base:mzbuild-A sha256:1\nlocalhost:5000/i:mzbuild-B sha256:2\n"
    assert parse_image_list(listed + "<none>:<none> sha256:3\n") == {
        "acme/base:mzbuild-A": "sha256:1",
        "localhost:5000/i:mzbuild-B": "sha256:2",
        "<none>:<none>": "sha256:3",
    }
    assert parse_image_list("") == {}


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("docker.io/library/base:mzbuild-A", "base:mzbuild-A"),
        ("docker.io/acme/base:mzbuild-A", "acme/base:mzbuild-A"),
        ("acme/base:mzbuild-A", "acme/base:mzbuild-A"),
        ("ghcr.io/acme/base:mzbuild-A", "ghcr.io/acme/base:mzbuild-A"),
    ],
)
def test_a_spec_is_looked_up_as_the_engine_shows_it(spec: str, shown: str) -> None:
    assert familiar(spec) == shown


@pytest.mark.parametrize(
    ("said", "start", "advice"),
    [
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///x",
            "You have no permission to use the Docker engine: permission denied",
            "usermod -aG docker $USER",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
            "The Docker engine is not running: Cannot connect",
            "sudo systemctl start docker",
        ),
        (
            "error during connect: Get http://x: EOF. Is the docker daemon running?",
            "The Docker engine is not running: error during connect",
            "DOCKER_HOST",
        ),
        ("unknown flag: --x\n", "The Docker engine does not answer: unknown flag: --x", ""),
    ],
)
def test_what_docker_says_is_explained(said: str, start: str, advice: str) -> None:
    explained = explain_failure(said)
    assert explained.startswith(start)
    assert advice in explained


def test_a_dockerfile_gets_what_it_is_built_for_and_the_image_s_own_arguments() -> None:
    configuration = replace(
        CONFIGURATION, arch=Arch.AARCH64, profile=Profile.DEV, sanitizer=Sanitizer.ADDRESS
    )
    assert build_arguments(IMAGE, configuration) == {
        "BUILD_PROFILE": "DEV",
        "ARCH_GCC": "aarch64",
        "ARCH_GO": "arm64",
        "CI_SANITIZER": "address",
        "VERSION": "1.0",
    }


def test_an_image_is_labelled_with_what_is_the_same_for_equal_inputs() -> None:
    labels = image_labels(replace(IMAGE, description="An image."), "F", 3)
    assert labels == {
        "mzbuild.fingerprint": "F",
        "mzbuild.inputs": "3",
        "org.opencontainers.image.title": "i",
        "org.opencontainers.image.version": "mzbuild-F",
        "org.opencontainers.image.description": "An image.",
    }
    assert "org.opencontainers.image.description" not in image_labels(IMAGE, "F", 3)


@pytest.mark.parametrize(
    ("builder", "command"),
    [
        ("b", ("buildx", "build", "--builder=b", "--progress=plain", "--load")),
        (None, ("build",)),
    ],
)
def test_an_image_is_built_with_buildx_or_without(
    builder: str | None, command: tuple[str, ...]
) -> None:
    args = build_args(
        builder=builder,
        arch=Arch.AARCH64,
        tags=["i:mzbuild-F", "r.example/i:mzbuild-F"],
        build_arguments={"A": "b c"},
        labels={"l": "m"},
        dockerfile="Dockerfile",
        iidfile="id",
        context="context",
    )
    assert args == (
        *command,
        "--platform=linux/arm64",
        "--tag=i:mzbuild-F",
        "--tag=r.example/i:mzbuild-F",
        "--build-arg=A=b c",
        "--label=l=m",
        "--file=Dockerfile",
        "--iidfile=id",
        "context",
    )


def test_pushing_takes_the_place_of_loading() -> None:
    args = build_args(
        builder="default",
        arch=Arch.X86_64,
        tags=["i:mzbuild-F"],
        push=True,
        build_arguments={},
        labels={},
        dockerfile="Dockerfile",
        context="context",
    )
    assert args[:5] == ("buildx", "build", "--builder=default", "--progress=plain", "--push")
    assert args[-2:] == ("--file=Dockerfile", "context")


def test_an_image_is_named_by_its_digest_whatever_port_its_registry_has() -> None:
    assert by_digest("localhost:5000/a/i:mzbuild-F", "sha256:1") == "localhost:5000/a/i@sha256:1"


def test_what_the_engine_says_of_an_image() -> None:
    assert parse_inspected('sha256:1 {"a":"b c\x85"}\nsha256:2 null\n') == {
        "sha256:1": {"a": "b c\x85"},
        "sha256:2": {},
    }
    assert parse_inspected("") == {}


def test_waits_grow_and_are_as_long_as_the_budget_together() -> None:
    waits = waits_within(60, "seed")
    assert sum(waits) == pytest.approx(60)
    assert waits[0] <= 0.5
    assert 5 <= max(waits) <= 10
    assert waits_within(60, "seed") == waits
    assert waits_within(60, "another") != waits
    assert waits_within(0, "seed") == ()


def test_a_command_is_tried_again_until_it_succeeds(tmp_path: Path) -> None:
    script = f'echo "$1" >>{tmp_path}/tries; [ "$(wc -l <{tmp_path}/tries)" -ge 3 ]'
    command = retried(("sh", "-c", script, "sh", "a try"), (0.01, 0.01, 0.01, 0.01))
    assert subprocess.run(command).returncode == 0
    assert (tmp_path / "tries").read_text() == "a try\n" * 3


def test_a_command_that_never_succeeds_ends_with_its_own_exit_code(tmp_path: Path) -> None:
    command = retried(("sh", "-c", f"echo >>{tmp_path}/tries; exit 7"), (0.01, 0.01))
    assert subprocess.run(command).returncode == 7
    assert (tmp_path / "tries").read_text() == "\n" * 3


def test_what_was_given_up_is_not_tried_again(tmp_path: Path) -> None:
    command = retried(("sh", "-c", f"echo >>{tmp_path}/tries; exit {GIVEN_UP}"), (0.01, 0.01))
    assert subprocess.run(command).returncode == GIVEN_UP
    assert (tmp_path / "tries").read_text() == "\n"


def test_what_builds_an_image_has_a_lock_of_its_own_and_tells_of_all_of_its_name() -> None:
    def lock_and_built(tag: str) -> tuple[str, ...]:
        return once_args(
            docker="/docker",
            tag=tag,
            caches="/caches",
            since=1.5,
            iidfile="id",
            log="/log",
            kept="/kept",
            command=("build",),
        )[:2]

    (lock, built), (other_lock, same_built) = map(lock_and_built, ("r:5000/a:x", "r:5000/a:y"))
    assert (os.path.dirname(lock), os.path.dirname(built)) == ("/caches/locks", "/caches/built")
    assert lock != other_lock
    assert built == same_built
    assert built != lock_and_built("r:5000/b:x")[1]


@pytest.mark.parametrize(
    ("env", "first"),
    [
        ({"HOME": "/h"}, "/h/.docker/cli-plugins/docker-buildx"),
        ({"HOME": "/h", "DOCKER_CONFIG": "/c"}, "/c/cli-plugins/docker-buildx"),
    ],
)
def test_plugins_are_where_the_client_looks_for_them(env: Mapping[str, str], first: str) -> None:
    paths = plugin_paths("buildx", env)
    assert paths[0] == first
    assert "/usr/libexec/docker/cli-plugins/docker-buildx" in paths


def test_an_image_is_run_with_what_follows_handed_to_it(tmp_path: Path) -> None:
    docker = tmp_path / "a docker"
    docker.write_text('#!/bin/sh\nprintf "%s|" "$@"; exit 7\n')
    docker.chmod(0o755)
    command = run_command(str(docker), "i:mzbuild-F", ("USER", "A=b c"), ("--network=host",))
    result = subprocess.run([*command, "an arg", "--flag"], stdout=subprocess.PIPE)
    assert result.returncode == 7
    assert result.stdout.decode() == (
        "run|--rm|--init|--interactive|--env=USER|--env=A=b c|--network=host|i:mzbuild-F|"
        "an arg|--flag|"
    )


def test_tokens_are_kept_from_what_is_run(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "${TOKEN-unset} ${WANTED-unset} ${OTHER-unset}"\n')
    docker.chmod(0o755)
    command = run_command(str(docker), "i:x", ("WANTED",), (), ("TOKEN", "WANTED"))
    env = {"PATH": os.environ["PATH"], "TOKEN": "1", "WANTED": "2", "OTHER": "3"}
    result = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    assert result.stdout == b"unset 2 3\n"


def test_an_image_gets_a_terminal_where_there_is_one(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    docker.chmod(0o755)
    ours, theirs = os.openpty()
    subprocess.run(run_command(str(docker), "i:x", (), ()), stdin=theirs, stdout=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1000).decode() == "run|--rm|--init|--interactive|--tty|i:x|"
    os.close(ours)


@pytest.mark.parametrize(
    ("env", "config", "builder"),
    [
        ({}, None, "default"),
        ({}, {}, "default"),
        ({}, {"currentContext": "remote"}, "remote"),
        ({"DOCKER_CONTEXT": "other"}, {"currentContext": "remote"}, "other"),
        ({"DOCKER_HOST": "tcp://x", "DOCKER_CONTEXT": "other"}, None, "default"),
        ({"BUILDX_BUILDER": "ci"}, {}, "default"),
    ],
)
def test_the_engine_is_the_builder_of_the_clients_context(
    tmp_path: Path, env: Mapping[str, str], config: object, builder: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    assert engine_builder({**env, "DOCKER_CONFIG": str(tmp_path)}) == builder


AUTHS = '{"auths": {"https://ghcr.io/v1/": {"auth": "eDp5"}, "r.example": {"auth": "eDp6"}}}'


def test_credentials_of_the_environment_are_added_to_the_clients_configuration(
    tmp_path: Path,
) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path)}
    assert config_with_auths(env, ()) is None
    for entry in ({}, {"auth": ""}, None, 1):
        env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {"r.example": entry}})
        assert config_with_auths(env, ()) is None
    config = {"credsStore": "s", "currentContext": "c", "auths": {"r.example": {}, "o": {}}}
    (tmp_path / "config.json").write_text(json.dumps({**config, "n": 7}))
    env["DOCKER_AUTH_CONFIG"] = AUTHS
    assert config_with_auths(env, {"ghcr.io", "r.example"}) is None
    assert config_with_auths(env, {"ghcr.io"}) == {
        **config,
        "n": 7,
        "auths": {"r.example": {"auth": "eDp6"}, "o": {}},
        # It would ask the helper for these, too.
        "credHelpers": {"r.example": ""},
    }
    merged = config_with_auths(env, ())
    assert merged is not None
    assert set(merged["credHelpers"]) == {"https://ghcr.io/v1/", "ghcr.io", "r.example"}


def test_a_command_is_given_another_configuration_and_all_else_of_its_own(tmp_path: Path) -> None:
    own, lent, cwd = tmp_path / "its own", tmp_path / "lent.json", tmp_path / "a sandbox"
    (own / "contexts").mkdir(parents=True)
    (own / "config.json").write_text("own")
    lent.write_text("lent")
    cwd.mkdir()
    script = 'cat "$DOCKER_CONFIG/config.json"; ls "$DOCKER_CONFIG"'
    command = with_config(("/bin/sh", "-c", script), str(lent), str(own))
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, check=True)
    assert result.stdout.decode() == "lentconfig.json\ncontexts\n"
    assert (own / "config.json").read_text() == "own"
    command = with_config(("/bin/sh", "-c", script), str(lent), str(tmp_path / "none"))
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, check=True)
