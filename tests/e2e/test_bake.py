"""What `pants mzbuild-bake` writes; `test_samples.py` has Docker build from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.images import COPY_ALL, building, image, path_without
from tests.e2e.repo import Content, Docker, Repo, finish, start

DIRECTORY = "dist/mzbuild-bake"

# Strings in which bake would put something else, were they not written for it to leave alone.
ARGS = {"A": "${A} %{if} $${A}", "B": '"quoted" \\ $A\n'}

FILES: Mapping[str, Content] = {
    **image("base", COPY_ALL, f"description: It costs ${{5}}.\nbuild-args: {json.dumps(ARGS)}\n"),
    "images/base/Dockerfile.dockerignore": "mzbuild.yml\n",
    "images/base/.dockerignore": "nothing\n",
    "images/base/sub/file": "content\n",
    "images/base/link": Path("sub/file"),
    "images/base/run": b"#!/bin/sh\n",
    **image(
        "top",
        "MZFROM base AS one\nFROM scratch\nCOPY --from=one /srv /srv\n",
        "publish: false\npre-image: [{type: copy, source: doc, destination: share}]\n",
    ),
    "doc/a.md": "# A\n",
    **image("alone", COPY_ALL),
}

Workshop = tuple[Repo, Docker]


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("bake")
    registries = {
        "PANTS_MZBUILD_IMAGE_REGISTRY": "acme",
        "PANTS_MZBUILD_REGISTRIES": str(
            {"hub": {"address": "docker.io"}, "ghcr": {"address": "ghcr.io/acme"}}
        ),
        "PANTS_MZBUILD_PRIMARY_REGISTRY": "hub",
        # Nothing is built here, so nothing of Docker is needed.
        **path_without(directory / "bin", "docker"),
    }
    with building(directory, cold_caches, FILES, registries) as (repo, docker):
        repo.pants("mzbuild-bake", "images/top")
        yield repo, docker


def bake_targets(workshop: Workshop, *names: str) -> Mapping[str, Mapping[str, Any]]:
    """The targets as Docker reads them."""
    repo, docker = workshop
    file = repo.root / DIRECTORY / "docker-bake.json"
    printed = docker("buildx", "bake", f"--file={file}", "--print", *names).stdout
    targets = json.loads(printed)["target"]
    assert isinstance(targets, dict)
    return targets


def fingerprinted(repo: Repo) -> Mapping[str, Mapping[str, Any]]:
    printed = repo.pants("--mzbuild-fingerprint-format=json", "mzbuild-fingerprint", "::").stdout
    return {image["name"]: image for image in json.loads(printed)}


def test_docker_reads_targets_like_our_own_builds(workshop: Workshop) -> None:
    repo, _ = workshop
    images = fingerprinted(repo)
    base, top = (f"{images[name]['spec']}" for name in ("base", "top"))
    targets = bake_targets(workshop)
    assert set(targets) == {"base", "top"}
    arguments = dict(targets["base"]["args"])
    assert arguments.pop("ARCH_GO") in targets["base"]["platforms"][0]
    assert set(arguments) == {"A", "B", "ARCH_GCC", "BUILD_PROFILE", "CI_SANITIZER"}
    assert {name: arguments[name] for name in ARGS} == ARGS
    fingerprint = images["base"]["fingerprint"]
    assert targets["base"]["labels"] == {
        "mzbuild.fingerprint": fingerprint,
        "mzbuild.inputs": "7",
        "org.opencontainers.image.description": "It costs ${5}.",
        "org.opencontainers.image.title": "base",
        "org.opencontainers.image.version": f"mzbuild-{fingerprint}",
    }
    # `FROM` names Docker Hub's image in full, and Docker looks for its context by the short name.
    assert targets["top"]["contexts"] == {base: "target:base"}
    assert targets["base"]["tags"] == [f"docker.io/{base}", f"ghcr.io/{base}"]
    assert targets["top"]["tags"] == [f"docker.io/{top}"]
    rewritten = (repo.root / DIRECTORY / "top/Dockerfile").read_text()
    assert rewritten.startswith(f"FROM docker.io/{base} AS one\nFROM scratch\n")


def test_contexts_are_what_docker_would_have_got(workshop: Workshop) -> None:
    repo, _ = workshop
    base, top = repo.root / DIRECTORY / "base", repo.root / DIRECTORY / "top"
    assert sorted(path.name for path in base.iterdir()) == [
        "Dockerfile",
        "Dockerfile.dockerignore",
        "context",
    ]
    assert os.readlink(base / "context/link") == "sub/file"
    assert (base / "context/sub/file").read_text() == "content\n"
    assert [(base / "context" / name).stat().st_mode & 0o777 for name in ("run", "sub/file")] == [
        0o755,
        0o644,
    ]
    assert (base / "context/.dockerignore").read_text() == "nothing\n"
    assert (top / "context/share/a.md").read_text() == "# A\n"


def test_the_directory_can_be_moved(workshop: Workshop) -> None:
    repo, _ = workshop
    assert bake_targets(workshop)["base"]["context"] == f"{DIRECTORY}/base/context"
    script = 'cd "$0" && MZBUILD_BAKE=. exec docker buildx bake --print base'
    command = ["sh", "-ec", script, str(repo.root / DIRECTORY)]
    moved = finish(start(command, cwd=repo.root, env=os.environ), check=True).stdout
    assert json.loads(moved)["target"]["base"]["context"] == "base/context"


def test_an_export_takes_the_place_of_the_one_before(workshop: Workshop) -> None:
    repo, _ = workshop
    result = repo.pants("mzbuild-bake", "images/alone")
    assert result.stdout == f"docker buildx bake -f {DIRECTORY}/docker-bake.json --load\n"
    assert {path.name for path in (repo.root / DIRECTORY).iterdir()} == {
        ".gitignore",
        "alone",
        "docker-bake.json",
    }
    assert set(bake_targets(workshop)) == {"alone"}
    repo.pants("mzbuild-bake", "images/top")


def test_an_export_is_no_image_of_the_repository(workshop: Workshop) -> None:
    repo, _ = workshop
    before = fingerprinted(repo)
    exclude = repo.root / ".git/info/exclude"
    told = exclude.read_text()
    assert "/dist/\n" in told
    exclude.write_text(told.replace("/dist/\n", ""))
    try:
        assert (repo.root / DIRECTORY / "base/context/mzbuild.yml").exists()
        assert repo.git("status", "--porcelain").stdout == ""
        assert fingerprinted(repo) == before
    finally:
        exclude.write_text(told)


def test_where_no_image_is_selected_nothing_is_written(workshop: Workshop) -> None:
    repo, _ = workshop
    written = (repo.root / DIRECTORY / "docker-bake.json").stat().st_mtime_ns
    result = repo.pants("mzbuild-bake", "images/top:copy", check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert "`images/top:copy` matches no image. Did you mean `images/top`?" in result.stderr
    result = repo.pants("--changed-since=HEAD", "mzbuild-bake")
    assert result.stdout == ""
    assert (repo.root / DIRECTORY / "docker-bake.json").stat().st_mtime_ns == written
