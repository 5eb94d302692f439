from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Registry
from mzbuild.core.registries.credentials import Credentials, Keychain, without_tokens

HUB = Registry("hub", "docker.io")
GHCR = Registry("ghcr", "ghcr.io/acme", user="robot", token_env="GHCR_TOKEN")
LOCAL = Registry("local", "localhost:5000")
SECRET = "s3cr3t:with colon"
AUTH = base64.b64encode(f"jane:{SECRET}".encode()).decode()

HELPER = """\
#!/bin/sh
echo "$@" >>calls.txt
env >env.txt
IFS= read -r server
case $server in
  https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"jane","Secret":"of the hub"}' ;;
  ghcr.io) echo '{"ServerURL":"x","Username":"<token>","Secret":"identity"}' ;;
  localhost:5000) echo 'credentials not found in native keychain'; exit 1 ;;
  broken.example) echo "s3cr3t"; exit 3 ;;
  strange.example) echo "s3cr3t" ;;
esac
"""


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with a helper on its PATH, and Docker's configuration in a directory."""
    monkeypatch.chdir(tmp_path)
    helper = tmp_path / "bin/docker-credential-test"
    helper.parent.mkdir()
    helper.write_text(HELPER)
    helper.chmod(0o755)
    path = f"{helper.parent}:{os.environ['PATH']}"
    return {"PATH": path, "DOCKER_CONFIG": str(tmp_path), "GHCR_TOKEN": ""}


def configure(env: Mapping[str, str], config: object) -> None:
    text = config if isinstance(config, str) else json.dumps(config)
    Path(env["DOCKER_CONFIG"], "config.json").write_text(text)


def find(env: Mapping[str, str], registry: Registry) -> Credentials | None:
    return Keychain([HUB, GHCR, LOCAL], env).find(registry)


def login(env: Mapping[str, str], registry: Registry) -> tuple[str | None, str] | None:
    found = find(env, registry)
    return (found.user, found.secret) if found else None


def test_the_token_in_the_environment_goes_first(env: dict[str, str]) -> None:
    configure(env, {"auths": {"ghcr.io": {"auth": AUTH}}})
    assert login({**env, "GHCR_TOKEN": "t0ken"}, GHCR) == ("robot", "t0ken")
    assert login(env, GHCR) == ("jane", SECRET)
    nobody = replace(GHCR, user=None)
    assert login({**env, "GHCR_TOKEN": "t0ken"}, nobody) == ("jane", SECRET)


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(Credentials("jane", SECRET, "somewhere"))


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        (HUB, "https://index.docker.io/v1/"),
        (GHCR, "ghcr.io"),
        (GHCR, "https://ghcr.io"),
        (GHCR, "https://ghcr.io/v1/"),
        (LOCAL, "localhost:5000"),
        (LOCAL, "http://localhost:5000/v2/"),
    ],
)
def test_what_docker_login_has_saved(env: dict[str, str], registry: Registry, name: str) -> None:
    configure(env, {"auths": {"other.example": {"auth": "x"}, name: {"auth": AUTH}}})
    assert login(env, registry) == ("jane", SECRET)


def test_the_exact_name_goes_before_a_similar_one(env: dict[str, str]) -> None:
    other = base64.b64encode(b"other:other").decode()
    configure(env, {"auths": {"https://ghcr.io": {"auth": other}, "ghcr.io": {"auth": AUTH}}})
    assert login(env, GHCR) == ("jane", SECRET)


def test_other_ways_in_which_docker_saves(env: dict[str, str]) -> None:
    configure(
        env,
        {
            "auths": {
                "ghcr.io": {"auth": AUTH, "identitytoken": "identity"},
                "localhost:5000": {"username": "jane", "password": SECRET},
            }
        },
    )
    assert login(env, GHCR) == (None, "identity")
    assert login(env, LOCAL) == ("jane", SECRET)


def test_the_directory_is_dockers(env: dict[str, str], tmp_path: Path) -> None:
    configure({"DOCKER_CONFIG": str(tmp_path)}, {"auths": {"localhost:5000": {"auth": AUTH}}})
    (tmp_path / ".docker").mkdir()
    (tmp_path / "config.json").rename(tmp_path / ".docker/config.json")
    assert login({"HOME": str(tmp_path)}, LOCAL) == ("jane", SECRET)
    assert login({"HOME": str(tmp_path), "DOCKER_CONFIG": "/nonexistent"}, LOCAL) is None
    assert login({}, LOCAL) is None


@pytest.mark.parametrize(
    "config", ["", "{}", '{"auths": null}', '{"auths": {"localhost:5000": {}}}']
)
def test_nothing_saved(env: dict[str, str], config: str) -> None:
    configure(env, config)
    assert find(env, LOCAL) is None


@pytest.mark.parametrize(
    "config",
    [
        {"credsStore": "test"},
        {"credHelpers": dict.fromkeys(["https://index.docker.io/v1/", "ghcr.io"], "test")},
        {"credHelpers": {"ghcr.io": "test"}, "credsStore": "test"},
    ],
)
def test_a_helper_is_asked(env: dict[str, str], config: Mapping[str, object]) -> None:
    # What the file has for a registry with a helper does not count, as in Docker.
    configure(env, {**config, "auths": {"ghcr.io": {"auth": AUTH}, "localhost:5000": {}}})
    assert login(env, HUB) == ("jane", "of the hub")
    assert login(env, GHCR) == (None, "identity")
    assert find(env, LOCAL) is None


def test_a_helper_of_one_registry_is_not_asked_for_others(env: dict[str, str]) -> None:
    configure(
        env, {"credHelpers": {"ghcr.io": "test"}, "auths": {"localhost:5000": {"auth": AUTH}}}
    )
    assert login(env, LOCAL) == ("jane", SECRET)
    configure(
        env,
        {
            "credsStore": "test",
            "credHelpers": {"ghcr.io": ""},
            "auths": {"ghcr.io": {"auth": AUTH}},
        },
    )
    assert login(env, GHCR) == ("jane", SECRET)


def test_a_helper_is_run_once_and_sees_no_token(env: dict[str, str], tmp_path: Path) -> None:
    configure(env, {"credsStore": "test"})
    keychain = Keychain([HUB, GHCR], {**env, "GHCR_TOKEN": "t0ken"})
    assert keychain.find(HUB) == keychain.find(HUB)
    assert (tmp_path / "calls.txt").read_text() == "get\n"
    said = (tmp_path / "env.txt").read_text()
    assert "PATH=" in said
    assert "t0ken" not in said


def test_without_tokens() -> None:
    env = {"GHCR_TOKEN": "t0ken", "DOCKER_AUTH_CONFIG": "{}", "HOME": "/"}
    assert without_tokens(env, [HUB, GHCR]) == {"HOME": "/"}


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            "broken.example",
            "`docker-credential-test`.*broken.example.*failed with exit code 3.*Try",
        ),
        ("strange.example", "`docker-credential-test`.*has not answered as such a helper"),
    ],
)
def test_a_helper_that_fails(env: dict[str, str], host: str, message: str) -> None:
    configure(env, {"credsStore": "test"})
    with pytest.raises(MzbuildError, match=message) as raised:
        find(env, Registry("r", host))
    assert "s3cr3t" not in str(raised.value)


def test_a_helper_that_is_not_there(env: dict[str, str]) -> None:
    configure(env, {"credsStore": "missing"})
    with pytest.raises(MzbuildError, match=r"`docker-credential-missing`.*cannot be run.*Install"):
        find(env, LOCAL)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{\n"auths": oops', "config.json:2: Docker's configuration is not valid JSON"),
        ("[]", "must be a JSON object"),
        ({"auths": {"localhost:5000": {"auth": "c2VjcmV0"}}}, "Run `docker login localhost:5000`"),
        ({"auths": {"localhost:5000": {"auth": "!"}}}, "Run `docker login localhost:5000`"),
    ],
)
def test_a_configuration_that_is_broken(env: dict[str, str], config: object, message: str) -> None:
    configure(env, config)
    with pytest.raises(MzbuildError, match=message):
        find(env, LOCAL)


def test_a_configuration_that_cannot_be_read(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(MzbuildError, match=r"config.json, Docker's configuration, cannot be read"):
        find(env, LOCAL)


def test_credentials_of_the_environment_go_before_what_docker_has(env: dict[str, str]) -> None:
    configure(env, {"credsStore": "test", "auths": {"localhost:5000": {"auth": AUTH}}})
    lent = {"localhost:5000": {"auth": AUTH}, "ghcr.io": {"auth": AUTH}, "other.example": {}}
    env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": lent})
    assert login(env, LOCAL) == ("jane", SECRET)
    assert login({**env, "GHCR_TOKEN": "t0ken"}, GHCR) == ("robot", "t0ken")
    assert login(env, GHCR) == ("jane", SECRET)
    found = find(env, LOCAL)
    assert found is not None
    assert found.origin == "the environment variable `DOCKER_AUTH_CONFIG`"
    assert login(env, HUB) == ("jane", "of the hub"), "the helper has it"


@pytest.mark.parametrize("value", ["s3cr3t", "[]", '{"auths": "s3cr3t"}', "[" * 99_999])
def test_an_environment_that_is_broken_is_not_shown(env: dict[str, str], value: str) -> None:
    env["DOCKER_AUTH_CONFIG"] = value
    with pytest.raises(MzbuildError, match=r"variable DOCKER_AUTH_CONFIG must hold JSON") as raised:
        find(env, LOCAL)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("value", ["", "{}", '{"auths": {}}', '{"auths": {"localhost:5000": {}}}'])
def test_an_environment_without_credentials_leaves_dockers(env: dict[str, str], value: str) -> None:
    configure(env, {"auths": {"localhost:5000": {"auth": AUTH}}})
    env["DOCKER_AUTH_CONFIG"] = value
    assert login(env, LOCAL) == ("jane", SECRET)
