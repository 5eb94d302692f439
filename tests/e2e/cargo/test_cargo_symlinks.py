"""What Cargo reaches through symlinks to directories is built from, as by Cargo in the tree."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.images import changed, image
from tests.e2e.repo import Content, MakeRepo, Repo


def _manifest(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n{more}'


_FILES: Mapping[str, Content] = {
    "BUILD": "mzbuild_cargo_build(name='tools', bin=['app'])\n",
    # Of a link, Git tracks its text alone: these lead to what all of this is made of.
    ".cargo": Path("settings/cargo"),
    "settings/cargo/config.toml": "[env]\nSAID = 'configured'\n"
    "[source.crates-io]\nreplace-with = 'here'\n[source.here]\ndirectory = 'vendor'\n",
    "vendor/tiny": Path("../upstream/tiny-1.0.0"),
    "upstream/tiny-1.0.0/Cargo.toml": _manifest("tiny"),
    "upstream/tiny-1.0.0/src/lib.rs": 'pub const SAID: &str = "vendored";\n',
    "upstream/tiny-1.0.0/.cargo-checksum.json": json.dumps({"files": {}, "package": "0" * 64}),
    "Cargo.toml": "[workspace]\nmembers = ['crates/*']\nexclude = ['elsewhere', 'upstream']\n"
    "resolver = '2'\n[profile.optimized]\ninherits = 'dev'\n",
    "crates/app": Path("../elsewhere/app"),
    "elsewhere/app/Cargo.toml": _manifest(
        "app", "[dependencies]\ntiny = '1'\ndep = { path = '../../dep' }\n"
    ),
    "elsewhere/app/build.rs": """\
use std::fs;

fn main() {
    let mut all: Vec<String> = ["assets", "chain/deep"].iter()
        .flat_map(|path| fs::read_dir(path).into_iter().flatten())
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap_or_default())
        .collect();
    all.sort();
    println!("cargo:rustc-env=ASSETS={}", all.join("+"));
    let git = std::process::Command::new("git").args(["status", "--porcelain"]).output().unwrap();
    assert!(git.status.success());
    println!("cargo:rustc-env=STATUS={}", String::from_utf8(git.stdout).unwrap().trim());
}
""",
    "elsewhere/app/src/main.rs": """\
mod shared;

fn main() {
    println!("{} {} {}", shared::SAID, env!("ASSETS"), env!("STATUS"));
    println!("{} {} {}", dep::SAID, tiny::SAID, env!("SAID"));
}
""",
    "elsewhere/app/src/shared": Path("../../../shared"),
    "shared/mod.rs": 'pub const SAID: &str = include_str!("words/here");\n',
    "shared/words": Path("../words"),
    "words/here": "shared",
    "elsewhere/app/assets": Path("../../assets"),
    "assets/one": "1",
    "elsewhere/app/chain": Path("../../middle"),
    "middle": Path("chained"),
    "chained/deep/two": "2",
    "dep": Path("third-party/dep-1.0"),
    "third-party/dep-1.0/Cargo.toml": _manifest("dep"),
    "third-party/dep-1.0/src/lib.rs": 'pub const SAID: &str = "linked";\n',
    "unrelated/file": "x",
    ".gitignore": "/target/\n",
    **image("app", "FROM scratch\nCOPY app /\n", "pre-image: [{type: cargo-build, bin: app}]\n"),
}

_BEHIND_LINKS = (
    *("settings/cargo/config.toml", "upstream/tiny-1.0.0/src/lib.rs", "elsewhere/app/src/main.rs"),
    *("shared/mod.rs", "words/here", "assets/one", "chained/deep/two"),
    "third-party/dep-1.0/src/lib.rs",
)


def _said_by_cargo(repo: Repo) -> str:
    command = ["cargo", "run", "--quiet", "--offline", "--profile=optimized", "--bin=app"]
    # What it remembers, it would believe.
    subprocess.run(["cargo", "clean", "--quiet"], cwd=repo.root, env=repo.env, check=True)
    done = subprocess.run(command, cwd=repo.root, env=repo.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _said(repo: Repo) -> str:
    repo.pants("package", "//:tools")
    (program,) = (path for path in repo.root.glob("dist/**/app") if os.access(path, os.X_OK))
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout


def _fingerprint(repo: Repo, scheme: str) -> tuple[str, frozenset[str]]:
    option = f"--mzbuild-fingerprint-scheme={scheme}"
    shown = repo.pants(option, "mzbuild-fingerprint", "--format=json", "::")
    (app,) = json.loads(shown.stdout)
    return app["fingerprint"], frozenset(app["missed"])


def test_what_is_behind_symlinks_is_built_from_and_counts_in_the_strict_scheme(
    make_repo: MakeRepo,
) -> None:
    # Pants itself stops at an absolute symlink.
    repo = make_repo(_FILES, {"PANTS_PANTS_IGNORE": '+["/elsewhere/app/assets"]'})
    absolute = repo.root / "elsewhere/app/assets"
    absolute.unlink()
    absolute.symlink_to(repo.root / "assets")
    command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
    subprocess.run(command, cwd=repo.root, env=repo.env, check=True)
    repo.commit("lock")
    expected = _said_by_cargo(repo)
    assert expected == "shared 1+2 \nlinked vendored configured\n"
    assert _said(repo) == expected
    mzbuild, missed = _fingerprint(repo, "mzbuild")
    assert missed >= {*_BEHIND_LINKS, ".cargo", "dep", "vendor/tiny", "shared/words", "middle"}
    assert "unrelated/file" not in missed
    strict, _ = _fingerprint(repo, "strict")
    explained = repo.pants("--mzbuild-fingerprint-scheme=strict", "mzbuild-explain", "::")
    assert "app" not in explained.stdout
    seen = {strict}
    for path in _BEHIND_LINKS:
        content = _FILES[path]
        assert isinstance(content, str)
        with changed(repo, {path: f"{content}\n"}):
            seen.add(_fingerprint(repo, "strict")[0])
    assert len(seen) == 1 + len(_BEHIND_LINKS)
    with changed(repo, {"assets/new": "3"}):
        assert _fingerprint(repo, "mzbuild")[0] == mzbuild
        assert _fingerprint(repo, "strict")[0] not in seen
        assert _said(repo) == _said_by_cargo(repo) != expected
    with changed(repo, {"unrelated/file": "y"}):
        assert _fingerprint(repo, "strict")[0] == strict
