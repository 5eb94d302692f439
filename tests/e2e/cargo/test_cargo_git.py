"""Programs that tell the revision that they were built of."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.repo import Content, MakeRepo, Repo

_MAIN = 'fn main() {\n    println!("{}", env!("REVISION"));\n}\n'

_FILES: Mapping[str, Content] = {
    "BUILD": "mzbuild_cargo_build(name='tools', bin=['app'])\n",
    "Cargo.toml": "[workspace]\nmembers = ['app']\nresolver = '2'\n",
    "Cargo.lock": "version = 3\n\n[[package]]\nname = 'app'\nversion = '0.1.0'\n",
    "app/Cargo.toml": "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n",
    "app/build.rs": """\
use std::process::Command;

fn ask(args: &[&str]) -> String {
    let output = Command::new("git").args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

fn main() {
    let head = ask(&["rev-parse", "HEAD"]);
    let described = ask(&["describe", "--tags", "--always", "--dirty"]);
    println!("cargo:rustc-env=REVISION={head} {described}");
}
""",
    "app/src/main.rs": _MAIN,
    "notes": "of no crate",
}


def _said(repo: Repo, *options: str) -> str:
    repo.pants("--mzbuild-profile=dev", *options, "package", "//:tools")
    program = repo.root / "dist/tools/app"
    if not program.exists():
        (program,) = (path for path in repo.root.glob("dist/**/app") if path.is_file())
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout


def _revision(root: Path) -> str:
    def ask(*args: str) -> str:
        return subprocess.run(
            ["git", "-C", root, *args], check=True, capture_output=True, text=True
        ).stdout.strip()

    return f"{ask('rev-parse', 'HEAD')} {ask('describe', '--tags', '--always', '--dirty')}\n"


def test_a_program_tells_the_revision_at_which_it_was_built_first(make_repo: MakeRepo) -> None:
    repo = make_repo(_FILES)
    first = _revision(repo.root)
    assert "dirty" not in first
    assert _said(repo) == first
    (repo.root / "notes").write_text("changed")
    repo.commit("second")
    assert _revision(repo.root) != first
    assert _said(repo) == first
    (repo.root / "app/src/main.rs").write_text(_MAIN + "// more\n")
    third = _revision(repo.root)
    assert third.endswith("-dirty\n")
    assert _said(repo) == third
    assert _said(repo, "--no-mzbuild-cargo-git") == "\n"
