"""What a user has set up for Docker itself: a builder of buildx, credentials in the environment."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.images import described, image
from tests.e2e.registries.workshop import working
from tests.e2e.registry import secure_registry
from tests.e2e.repo import Docker, MakeRepo, finish, start


def test_the_engine_builds_whatever_builder_is_selected(
    make_repo: MakeRepo, docker: Docker, tmp_path: Path
) -> None:
    env = {**docker.env, "BUILDX_CONFIG": str(tmp_path / "buildx"), "BUILDX_BUILDER": "ci"}
    create = ["docker", "buildx", "create", "--name=ci", "--driver=docker-container", "--use"]
    finish(start(create, cwd=tmp_path, env={**os.environ, **env}), check=True)
    files = {
        **image("base", "FROM scratch\nCOPY mzbuild.yml /base\n"),
        **image("top", "MZFROM base\nCOPY mzbuild.yml /top\n"),
    }
    repo = make_repo(files, env)
    repo.pants("package", "::")
    assert {each["origin"] for each in described(repo).values()} == {"built"}


def test_credentials_of_the_environment_are_used_and_kept_nowhere(
    tmp_path: Path, cold_caches: Mapping[str, str]
) -> None:
    with secure_registry(tmp_path / "registry", tls=False) as registry:
        login = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
        auths = {"auths": {registry.address: {"auth": login}}}
        env = {
            **cold_caches,
            "PANTS_LOCAL_STORE_DIR": str(tmp_path / "store"),
            "DOCKER_AUTH_CONFIG": json.dumps(auths),
        }
        with working(tmp_path / "workshop", env, {"main": registry.address}) as shop:
            assert shop.ensure(what="images/left")["left"]["outcome"] == "pushed"
            shop.clear()
            shop.pants("package", "images/left")
            assert shop.origins() == {"left": "pulled"}

            for secret in (registry.password, login):
                grep = ["grep", "--recursive", "--fixed-strings", "--files-with-matches", secret]
                found = subprocess.run([*grep, tmp_path], stdout=subprocess.PIPE, text=True)
                assert (found.returncode, found.stdout) == (1, "")

            wrong = {"DOCKER_AUTH_CONFIG": '{"auths": "s3cr3t"}'}
            result = shop.pants("mzbuild-check", "images/left", env=wrong, check=False)
            assert "The environment variable DOCKER_AUTH_CONFIG must hold JSON" in result.stderr
            assert "s3cr3t" not in result.text
