"""The benchmarks' plain script gives the fixture's fingerprints, so that it can judge others."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measured import SCRIPT_PATH

VECTORS = Path(__file__).parent.parent / "vectors"
EXPECTED = json.loads((VECTORS / "expected.json").read_text())

SUFFIX = f"profile=Profile.OPTIMIZEDarch={platform.machine().replace('arm64', 'aarch64')}"
SUFFIX += "coverage=Falsesanitizer=nonemirror=ghcr"


def git(directory: Path, *command: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    allow = ["-c", "protocol.file.allow=always"]
    return subprocess.run(
        ["git", *identity, *allow, *command],
        cwd=directory,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout


def make(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def repository(root: Path, files: dict[str, str]) -> Path:
    make(root, files)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "all")
    return root


def image(directory: str, dockerfile: str = "FROM scratch\n", more: str = "") -> dict[str, str]:
    config = f"name: {directory.rpartition('/')[2]}\n{more}"
    return {f"{directory}/mzbuild.yml": config, f"{directory}/Dockerfile": dockerfile}


def crate(directory: str, more: str = "") -> dict[str, str]:
    name = directory.rpartition("/")[2]
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{more}'
    return {f"{directory}/Cargo.toml": manifest, f"{directory}/src/lib.rs": ""}


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT_PATH, str(root), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def describe(root: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    done = run(root, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    description: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return description


def own_inputs(root: Path, name: str, directory: str) -> set[str]:
    """The inputs of an image less what each image has anyway."""
    anyway = {f"{directory}/mzbuild.yml", f"{directory}/Dockerfile"}
    inputs: list[str] = describe(root)[name]["inputs"]
    assert inputs == sorted(set(inputs))
    assert anyway <= set(inputs)
    return set(inputs) - anyway


@pytest.fixture(scope="module")
def fixture_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("vectors") / "repository"
    arguments = [str(VECTORS / "monorepo.json"), str(root)]
    subprocess.run([sys.executable, str(VECTORS / "make_repo.py"), *arguments], check=True)
    return root


@pytest.mark.parametrize("configuration", EXPECTED["fingerprints"])
def test_the_fixture(fixture_repository: Path, configuration: str) -> None:
    options = dict(word.split("=") for word in configuration.split())
    arguments = [f"--{name}={options[name]}" for name in ("profile", "arch", "sanitizer")]
    if options["coverage"] == "true":
        arguments.append("--coverage")
    description = describe(fixture_repository, *arguments)
    assert {name: image["fingerprint"] for name, image in description.items()} == (
        EXPECTED["fingerprints"][configuration]
    )
    for name, expected in EXPECTED["images"].items():
        assert description[name]["inputs"] == expected["inputs"]
        assert description[name]["dependencies"] == expected["dependencies"]


def test_the_output_is_sorted_and_can_be_of_some_images(fixture_repository: Path) -> None:
    every = run(fixture_repository).stdout.splitlines()
    assert every == sorted(every)
    assert [line.split(": ")[0] for line in every] == list(EXPECTED["images"])
    assert run(fixture_repository, "outer", "inner").stdout.splitlines() == [
        line for line in every if line.startswith(("inner:", "outer:"))
    ]


def test_links_without_a_file_behind_them_count_by_their_text(tmp_path: Path) -> None:
    files = {"i/mzbuild.yml": "name: i\n", "i/Dockerfile": "FROM scratch\n", "i/d/f": "text\n"}
    root = repository(tmp_path, files)
    links = {"dangling": "no/where", "directory": "d", "loop": "loop", "to-file": "d/f"}
    for name, target in links.items():
        (root / "i" / name).symlink_to(target)
    contents = {**files, **{f"i/{name}": target for name, target in links.items()}}
    contents["i/to-file"] = "text\n"
    inputs = hashlib.sha1()
    for path, content in sorted(contents.items()):
        mode = 0o120000 if path[2:] in links else 0o100644
        inputs.update(mode.to_bytes(2, "big") + path.encode())
        inputs.update(hashlib.sha1(content.encode()).digest() + b"\0")
    inputs.update(SUFFIX.encode())
    full = hashlib.sha1(inputs.digest())
    expected = base64.b32encode(full.digest()).decode()
    assert describe(root)["i"]["fingerprint"] == expected


def test_what_git_sees_in_a_changed_work_tree(tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"tracked": "", "ignored": "", ".gitignore": "*.o\n"})
    root = repository(
        tmp_path / "root",
        {**image("i"), "i/old": "", "i/d/f": "", "elsewhere/f": "", "i/gone": ""},
    )
    git(root, "submodule", "--quiet", "add", str(other), "i/module")
    git(root, "submodule", "--quiet", "add", str(other), "i/absent")
    git(root, "commit", "--quiet", "--message", "modules")
    git(root, "submodule", "--quiet", "deinit", "--force", "i/absent")
    make(root, {"i/module/untracked": "", "i/module/x.o": "", "i/.gitignore": "*.tmp\n"})
    make(root, {"i/new name": "", "i/x.tmp": "", "i/forced.tmp": "", "i/sub/.gitignore": "*\n"})
    git(root, "add", "--force", "i/forced.tmp")
    (root / "i/gone").unlink()
    (root / "i/d/f").unlink()
    (root / "i/d").rmdir()
    (root / "i/d").symlink_to("../elsewhere")
    (root / "i/old").unlink()
    make(root, {"i/old/now-a-directory": ""})
    repository(root / "i/embedded", {"of another repository": ""})
    modules = {".gitignore", "ignored", "tracked", "untracked"}
    assert own_inputs(root, "i", "i") == {
        *(f"i/module/{name}" for name in modules),
        *("i/.gitignore", "i/new name", "i/forced.tmp", "i/d", "i/old/now-a-directory"),
    }


def test_what_a_sparse_checkout_leaves_out_counts_as_git_has_it(tmp_path: Path) -> None:
    root = repository(tmp_path, {**image("i"), "i/in": "", "i/big/out": "x", **image("j")})
    (root / "i/to-out").symlink_to("big/out")
    (root / "i/big/to-in").symlink_to("../in")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "links")
    whole = describe(root)
    git(root, "sparse-checkout", "set", "--no-cone", "/i/", "!/i/big/")
    assert not (root / "i/big").exists()
    assert not (root / "j").exists()
    assert describe(root) == whole
    git(root, "sparse-checkout", "disable")
    (root / "i/big/out").unlink()
    assert describe(root) != whole


@pytest.mark.parametrize(
    "matching",
    [
        "*",
        "*.md",
        "a?b",
        "sub",
        "sub/",
        "sub/*.md",
        "[ab]*",
        "[^a]*",
        "[!a]*",
        r"a\*b",
        "*/[x-z].md",
    ],
)
def test_copy_matches_what_git_matches(tmp_path: Path, matching: str) -> None:
    names = ["a/b", "a*b", "axb", "b.md", "sub/x.md", "sub/deep/y.md", "é.md", "sub.md", "[ab]c"]
    action = {"type": "copy", "source": "./s[1]/", "destination": "d", "matching": matching}
    files = {f"s[1]/{name}": "" for name in names}
    files |= image("i", more=f"pre-image: [{json.dumps(action)}]\n")
    root = repository(tmp_path, {**files, "s1/a": ""})
    matched = git(root / "s[1]", "ls-files", "-z", "--full-name", "--", matching)
    assert matched
    assert own_inputs(root, "i", "i") == set(matched.split("\0")[:-1])


def test_what_cargo_builds_from(tmp_path: Path) -> None:
    deps = '[dependencies]\nx = { path = "../renamed", package = "renamed" }\nserde = "1"\n'
    deps += '[build-dependencies]\nb = { path = "../../out" }\n'
    deps += '[dev-dependencies]\nd = { path = "../dev" }\n'
    target = '[target."cfg(unix)".dependencies]\nt = { path = "../target" }\n'
    others = {
        *("src/app/src/main.rs", "src/app/examples/ex/main.rs", "src/app/sub/mzcompose"),
        *("src/app/mzcompose/a", "src/app/mzcompose.py", "src/app/nested/src/bin/hidden.rs"),
        *("skip/app/src/main.rs", "ci/builder/run", ".cargo/config.toml", ".cargo/config"),
        "Cargo.lock",
    }
    manual = '[[bin]]\nname = "manual"\npath = "m.rs"\n'
    files = {
        **crate("src/app", deps + target),
        **crate("src/app/nested", "autobins = false\n" + manual),
        **crate("src/renamed"),
        **crate("src/dev"),
        **crate("src/target"),
        **crate("out"),
        **crate("skip/app"),
        **dict.fromkeys(others, ""),
        "Cargo.toml": '[workspace]\nmembers = ["src/*", "src/app/nested", "s*/app"]\n'
        'exclude = ["skip"]\n',
        **image("bin", more="pre-image: [{type: cargo-build, bin: app}]\n"),
        **image("example", more="pre-image: [{type: cargo-build, example: [ex]}]\n"),
        **image("manual", more="pre-image: [{type: cargo-build, bin: manual}]\n"),
    }
    root = repository(tmp_path, files)
    common = {"Cargo.toml", "Cargo.lock", "ci/builder/run", ".cargo/config"}
    app = {*crate("src/app"), *crate("src/renamed"), *crate("out"), "src/app/src/main.rs"}
    app |= {"src/app/examples/ex/main.rs", "src/app/sub/mzcompose"}
    assert own_inputs(root, "bin", "bin") == common | app
    assert own_inputs(root, "example", "example") == common | app | set(crate("src/dev"))
    nested = {*crate("src/app/nested"), "src/app/nested/src/bin/hidden.rs"}
    assert own_inputs(root, "manual", "manual") == common | nested


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**image("a", "MZFROM b\n"), **image("b", "MZFROM a\n")}, "a -> b -> a"),
        (image("a", "MZFROM nowhere\n"), "no image named nowhere, needed by a"),
        ({**image("x/a"), **image("y/a")}, "a second image is named a"),
        ({"a/mzbuild.yml": "name: [\n", "a/Dockerfile": ""}, "a/mzbuild.yml: ParserError"),
        ({"a/mzbuild.yml": "name: a\n"}, "a/Dockerfile: No such file"),
        (image("a", more="pre-image: [{type: cargo-build, bin: b}]\n"), "bin b: needs exactly one"),
        ({**image("a"), "Cargo.toml": "[\n"}, "Cargo.toml: "),
        ({**image("a"), "Cargo.toml": "[workspace]\nmembers = ['b']\n"}, "b/Cargo.toml: No such"),
    ],
)
def test_what_makes_no_sense_is_an_error(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    done = run(repository(tmp_path, files))
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_git(tmp_path: Path) -> None:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    done = subprocess.run(
        [sys.executable, SCRIPT_PATH, str(tmp_path)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "not a git repository" in done.stderr
