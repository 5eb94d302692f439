"""The crates of the repository that Cargo takes in the place of others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.configuration import Scheme

from tests.core.cargo.workspaces import Files, crate, load, problems, root
from tests.core.conftest import ENV

VENDOR = "[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'vendor'\n"


def vendored(name: str) -> dict[str, str]:
    checksum = {f"vendor/{name}/.cargo-checksum.json": '{"files": {}}'}
    return {**crate(f"vendor/{name}"), **checksum}


def app(more: str = "", config: str = "", **dependencies: str) -> Files:
    named = "".join(f"{name} = '{version}'\n" for name, version in dependencies.items())
    return {
        **root("app", more=more),
        **crate("app", f"[dependencies]\n{named}"),
        "app/src/main.rs": "",
        "vendor/nothing": "",
        ".cargo/config.toml": f"{config}\n{VENDOR}",
    }


PATCHED: dict[str, Files] = {
    "by the manifest": {
        **app("[patch.crates-io]\nfar = { path = 'forks/far' }\n", far="0.1"),
        **crate("forks/far"),
    },
    "by the configuration": {
        **app(config="[patch.crates-io]\nfar = { path = 'forks/far' }", far="0.1"),
        **crate("forks/far"),
    },
    "by a path": {
        **app(config="paths = ['forks/far']", far="0.1"),
        **vendored("far"),
        **crate("forks/far"),
    },
    "by the path of what it is in": {
        **app(config="paths = ['forks']", far="0.1", near="0.1"),
        **vendored("far"),
        **vendored("near"),
        **crate("forks/a/far"),
        **crate("forks/b/near"),
        "forks/data/Cargo.toml": "This is not TOML",
    },
}


@pytest.mark.parametrize("files", PATCHED.values(), ids=list(PATCHED))
def test_they_are_where_cargo_finds_them(tmp_path: Path, files: Files) -> None:
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    command = ["cargo", "metadata", "--offline", "--format-version=1"]
    done = subprocess.run(command, cwd=tmp_path, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {
        str(Path(package["manifest_path"]).parent.relative_to(tmp_path))
        for package in json.loads(done.stdout)["packages"]
    }
    workspace = load(files)
    build = CargoBuild(bins=("app",))
    closure = workspace.closure(workspace.roots(build, Scheme.STRICT, ""), Scheme.STRICT)
    assert {crate.directory for crate in closure} == found
    assert workspace.problems == ()


def test_the_first_of_a_name_prevails() -> None:
    files = app(config="paths = ['forks', 'more']\npatch.crates-io.far.path = 'patched/far'")
    files = {**files, **crate("forks/far"), **crate("more/far"), **crate("patched/far")}
    assert load(files).patched == ("patched/far",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            app("[patch.crates-io]\nfar = { path = 'no/far' }\n"),
            "Cargo.toml: `far` is a path dependency on `no/far`, but Git sees no `Cargo.toml` "
            "there. Correct the path, or have Git see the crate.",
        ),
        (
            app(config="[patch.crates-io]\nfar = { path = '../far' }\n"),
            ".cargo/config.toml: `far` is a path dependency on `../far`, but Git sees no "
            "`Cargo.toml` there. Correct the path, or have Git see the crate.",
        ),
        (
            app(config="paths = ['/elsewhere']"),
            ".cargo/config.toml: `paths` has `/elsewhere`, but Git sees no `Cargo.toml` in there. "
            "Correct the path, or have Git see the crate.",
        ),
    ],
)
def test_one_that_is_not_there_is_a_problem(files: Files, message: str) -> None:
    assert problems(files) == (message,)
    workspace = load(files)
    build = CargoBuild(bins=("app",))
    closure = workspace.closure(workspace.roots(build, Scheme.STRICT, ""), Scheme.STRICT)
    assert [crate.name for crate in closure] == ["app"]
