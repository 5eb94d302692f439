"""Images of which a sparse checkout leaves files out: named and built as in a whole checkout."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from mzbuild.core.image.mzbuild_yml import FILE_NAME

from tests.e2e.bare import logged
from tests.e2e.images import COPY_ALL, File, Link, building, contents, described, image
from tests.e2e.repo import GIT_EXCLUDES, Content, Docker, Repo

MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n{}'
# It takes a text in through a symlink to a directory.
PROGRAM = 'fn main() {\n    print!("{}{}", kit::NAME, include_str!("../text/deep/c"));\n}\n'
OWN = "COPY app /srv/own/\n"

FILES: Mapping[str, Content] = {
    **image("here", COPY_ALL),
    **image("plain", COPY_ALL, "pre-image: [{type: copy, source: lib, destination: lib}]\n"),
    "images/plain/data/text": "text\n",
    "images/plain/run": b"#!/bin/sh\n",
    "images/plain/link": Path("data/text"),
    "lib/deep/c": "c\n",
    **image("app", f"MZFROM plain\n{OWN}", "pre-image: [{type: cargo-build, bin: app}]\n"),
    "Cargo.toml": '[workspace]\nmembers = ["app", "kit"]\nresolver = "2"\n'
    '[profile.optimized]\ninherits = "release"\n',
    ".cargo/config": '[build]\nrustflags = ["-C", "target-feature=+crt-static"]\n',
    "app/Cargo.toml": MANIFEST.format("app", "[dependencies]\nkit = { path = '../kit' }\n"),
    "app/src/main.rs": PROGRAM,
    "app/text": Path("../lib"),
    "kit/Cargo.toml": MANIFEST.format("kit", ""),
    "kit/src/lib.rs": 'pub const NAME: &str = "kit ";\n',
}

Workshop = tuple[Repo, Docker]


def told(*images: str) -> tuple[str, str]:
    """What is said of images whose declarations are left out."""
    files = ", ".join(f"images/{name}/mzbuild.yml" for name in images)
    return (
        "WARN",
        f"A sparse checkout leaves out {files}, so that there is no target. Other images can build "
        "on what is declared there. To have a target, run `git sparse-checkout add` with the "
        "directory.",
    )


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    with building(tmp_path_factory.mktemp("sparse"), cold_caches, FILES) as (repo, docker):
        command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
        subprocess.run(command, cwd=repo.root, check=True)
        repo.commit("lock file")
        yield repo, docker


def test_what_is_left_out_is_named_and_built_as_git_has_it(workshop: Workshop) -> None:
    repo, docker = workshop
    asked = ("mzbuild-describe", "--files", "--format=json", "app")
    whole = repo.pants(*asked).stdout
    repo.git("sparse-checkout", "set", "--cone", "images/app")
    there = {path.name for path in repo.root.iterdir() if path.is_dir()}
    assert there - {".git", ".pants.d", ".pids"} == {"images"}
    again = repo.pants(*asked)
    assert again.stdout == whole
    assert logged(again) == [told("here", "plain")]
    assert repo.pants("--no-pantsd", *asked).stdout == whole

    repo.pants("package", "images/app")
    app = described(repo)["app"]
    found = contents(docker, app["spec"])
    assert found["data/text"] == File(0o644, b"text\n")
    assert found["run"] == File(0o755, b"#!/bin/sh\n")
    assert found["link"] == Link("data/text")
    assert found["lib/deep/c"] == File(0o644, b"c\n")
    assert docker("run", "--rm", "--entrypoint=/srv/own/app", app["spec"]).stdout == "kit c\n"

    # To bring a file back changes nothing, to edit it then does.
    repo.git("sparse-checkout", "add", "images/plain/data")
    assert repo.pants(*asked).stdout == whole
    repo.write({"images/plain/data/text": "other\n"})
    assert repo.pants(*asked).stdout != whole


def test_what_decides_about_inputs_may_be_left_out(workshop: Workshop) -> None:
    repo, _ = workshop
    for scheme in ("mzbuild", "strict"):
        asked = (
            f"--mzbuild-fingerprint-scheme={scheme}",
            "mzbuild-describe",
            "--files",
            "--format=json",
            "::",
        )
        repo.git("sparse-checkout", "disable")
        repo.git("reset", "--quiet", "--hard")
        whole = repo.pants(*asked).stdout
        repo.git("sparse-checkout", "set", "--no-cone", "/images/*/mzbuild.yml", "/pants.toml")
        assert sorted(path.name for path in (repo.root / "images/plain").iterdir()) == [FILE_NAME]
        assert repo.pants(*asked).stdout == whole


def test_what_a_partial_clone_cannot_fetch_is_in_nobody_elses_way(workshop: Workshop) -> None:
    repo, _ = workshop
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = copy.copy(repo)
    clone.root = repo.root.with_name("clone")
    filtered = ("--quiet", "--no-checkout", "--filter=blob:none")
    repo.git("clone", *filtered, repo.root.as_uri(), str(clone.root))
    (clone.root / ".git/info/exclude").write_text(GIT_EXCLUDES)
    there = ("/images/here/", "/images/plain/mzbuild.yml", "/pants.toml")
    clone.git("sparse-checkout", "set", "--no-cone", *there)
    clone.git("checkout", "--quiet", "main")
    away = repo.root.rename(repo.root.with_name("away"))
    try:
        assert clone.pants("mzbuild-fingerprint", "here").stdout.startswith("here: ")
        refused = clone.pants("mzbuild-fingerprint", "plain", check=False)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert logged(refused) == [
            told("app"),
            (
                "ERROR",
                "`plain` has no fingerprint: images/plain/data/text is left out by a sparse "
                "checkout, and this partial clone lacks its content and cannot fetch it. Run the "
                "command again when `git fetch` works, or in a clone that was made without "
                "`--filter`.",
            ),
        ]
        away.rename(repo.root)
        repo.git("sparse-checkout", "disable")
        repo.git("reset", "--quiet", "--hard")
        asked = ("mzbuild-fingerprint", "here", "plain")
        assert clone.pants(*asked).stdout == repo.pants(*asked).stdout
    finally:
        clone.stop_pantsd()
