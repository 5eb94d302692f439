"""What `mzbuild-list` and `mzbuild-describe` print, and what goals that only look do alike."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.repo import PANTS, Repo
from tests.e2e.steps import append, restore

FILES = {
    "base/mzbuild.yml": "name: base\ndescription: What all build on.\npublish: false\n",
    "base/Dockerfile": "FROM scratch\n",
    "base/a.txt": "",
    "top/mzbuild.yml": "name: top\nmainline: false\npre-image: [{type: cargo-build, bin: app}]\n",
    "top/Dockerfile": "MZFROM base\n",
    "doc/index.md": "",
    "Cargo.toml": '[workspace]\nmembers = ["src/app"]\n',
    "src/app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\n',
    "src/app/src/main.rs": "fn main() {}\n",
}


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    repo = Repo(tmp_path_factory.mktemp("list") / "repo", FILES, cold_caches)
    yield repo
    repo.stop_pantsd()


@pytest.fixture
def repo(shared: Repo) -> Iterator[Repo]:
    yield shared
    restore(shared)


def test_a_table(repo: Repo) -> None:
    assert repo.pants("mzbuild-list", "::").stdout.splitlines() == [
        "image  address  inputs  publish  mainline  builds on  description",
        "base   base     3       no       yes       -          What all build on.",
        "top    top      5       yes      no        base",
    ]


def test_json(repo: Repo) -> None:
    told = json.loads(repo.pants("--mzbuild-list-format=json", "mzbuild-list", "::").stdout)
    assert told == [
        {
            "name": "base",
            "address": "base:base",
            "publish": False,
            "mainline": True,
            "description": "What all build on.",
            "inputs": 3,
            "dependencies": [],
            "error": None,
        },
        {
            "name": "top",
            "address": "top:top",
            "publish": True,
            "mainline": False,
            "description": None,
            "inputs": 5,
            "dependencies": ["base"],
            "error": None,
        },
    ]


def test_a_description_in_json(repo: Repo) -> None:
    registry = '--mzbuild-registries={"hub": {"address": "ghcr.io/acme"}}'
    flags = (registry, "--mzbuild-describe-format=json", "--mzbuild-describe-transitive")
    (told,) = json.loads(repo.pants(*flags, "mzbuild-describe", "top").stdout)
    (named,) = json.loads(
        repo.pants("--mzbuild-fingerprint-format=json", "mzbuild-fingerprint", "top").stdout
    )
    assert told["fingerprint"] == named["fingerprint"]
    assert told["tags"] == {"hub": f"ghcr.io/acme/{named['spec']}"}
    assert told["transitive_dependencies"] == told["dependencies"] == ["base"]
    assert (told["transitive_dependents"], told["dependents"]) == ([], [])
    groups = {(group["kind"], group["name"]): group["files"] for group in told["inputs"]}
    assert {group: [file["path"] for file in files] for group, files in groups.items()} == {
        ("context", "top"): ["top/Dockerfile", "top/mzbuild.yml"],
        ("shared", "cargo"): ["Cargo.toml"],
        ("crate", "app"): ["src/app/Cargo.toml", "src/app/src/main.rs"],
    }
    assert groups["crate", "app"][1] == {
        "path": "src/app/src/main.rs",
        "mode": "100644",
        "size": 13,
        "sha1": hashlib.sha1(b"fn main() {}\n").hexdigest(),
    }


def test_a_description_for_people(repo: Repo) -> None:
    lines = repo.pants("mzbuild-describe", "--files", "::").stdout.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "base  base:base",
        "top  top:top",
    ]
    assert "  built on by  top" in lines
    assert "    crate app: 2 files, 54 B" in lines
    assert any(re.fullmatch(r" +100644 +13  [0-9a-f]{40}  src/app/src/main.rs", x) for x in lines)


def test_an_image_of_a_build_file_is_described_by_its_canonical_declaration(repo: Repo) -> None:
    (repo.root / "base/mzbuild.yml").unlink()
    repo.write({"base/BUILD": 'mzbuild_image(description="As ever.")\n'})
    (told,) = json.loads(
        repo.pants("--mzbuild-describe-format=json", "mzbuild-describe", "base").stdout
    )
    (context,) = told["inputs"]
    files = {file["path"]: file for file in context["files"]}
    assert set(files) == {"base/Dockerfile", "base/a.txt", "base/mzbuild.yml"}
    assert files["base/mzbuild.yml"]["mode"] == "100644"
    assert files["base/mzbuild.yml"]["size"] > len('description: "As ever."')


def test_the_images_of_a_change_are_listed_and_there_may_be_none(repo: Repo) -> None:
    changed = ("--changed-since=HEAD", "mzbuild-list")
    assert repo.pants(*changed).stdout == ""
    append("top/Dockerfile", "LABEL a=b\n")(repo)
    assert [line.split()[0] for line in repo.pants(*changed).stdout.splitlines()[1:]] == ["top"]


def test_an_image_without_a_fingerprint_does_not_hide_the_others(repo: Repo) -> None:
    append("base/mzbuild.yml", "pre-image: [{type: copy, source: gone, destination: .}]\n")(repo)
    result = repo.pants("mzbuild-list", "::", check=False)
    assert result.returncode == 1
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:]] == [
        ["base", "base", "?"],
        ["top", "top", "5"],
    ]
    assert (
        "`base` has no fingerprint: base/mzbuild.yml: `source: gone`: Git sees no" in result.stderr
    )
    assert "`top` has no fingerprint: built on `base`, which has no fingerprint." in result.stderr
    described = repo.pants("mzbuild-describe", "::", check=False)
    assert described.returncode == 1
    assert "  fingerprint  none: built on `base`, which has no fingerprint." in described.stdout


def test_output_goes_to_a_file(repo: Repo) -> None:
    args = ("--mzbuild-list-output-file=images.txt", "mzbuild-list", "top")
    result = repo.pants(*args)
    assert result.stdout == ""
    assert "[INFO] Wrote images.txt" in result.stderr
    assert (repo.root / "images.txt").read_text().splitlines()[1].startswith("top ")


def test_a_file_in_a_directory_that_is_not_there_is_a_mistake(repo: Repo) -> None:
    for goal in ("mzbuild-list", "mzbuild-graph"):
        result = repo.pants(goal, "--output-file=not/there.txt", "top", check=False)
        assert result.returncode == 1
        assert (
            "[ERROR] not/there.txt cannot be written: No such file or directory. Name another file "
            "with `--output-file`, in a directory that exists."
        ) in result.stderr
        assert "Traceback" not in result.stderr


def test_a_terminal_gets_colour(repo: Repo) -> None:
    def on_terminal(*flags: str) -> str:
        ours, theirs = pty.openpty()
        command = [str(PANTS), *flags, "mzbuild-list", "top"]
        subprocess.run(command, cwd=repo.root, env=repo.env, stdout=theirs, check=True)
        os.close(theirs)
        with open(ours, "rb", buffering=0) as terminal:
            return terminal.read(4096).decode()

    assert "\x1b[36mtop" in on_terminal()
    assert "\x1b" not in on_terminal("--no-colors")
    assert "\x1b" not in repo.pants("mzbuild-list", "top").stdout
    assert "\x1b[36mtop" in repo.pants("--colors", "mzbuild-list", "top").stdout


def test_whoever_stops_reading_sees_no_traceback(repo: Repo, tmp_path: Path) -> None:
    # More than a pipe holds while nobody reads.
    repo.write({f"many-{n}/mzbuild.yml": f"name: many-{n}\n" for n in range(600)})
    repo.write({f"many-{n}/Dockerfile": "MZFROM base\n" for n in range(600)})
    pants = f"'{PANTS}' --mzbuild-list-format=json mzbuild-list ::"
    done = subprocess.run(
        ["bash", "-c", f"{pants} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        cwd=repo.root,
        env=repo.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[", "141"]
    assert done.stderr == ""
