"""What Cargo is made to forget, with macros and build scripts that read what they like."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from mzbuild.core.cargo.memory import CONFIGURATION, ENVIRONMENT, SHARED, forget_changed
from mzbuild.core.cargo.staged_files import Staged, stage

from tests.core.conftest import ENV

_MANIFEST = """\
[package]
name = "{0}"
version = "0.1.0"
edition = "2021"
"""

# It reads what its user has in `data`, as `sqlx::migrate!` and `include_dir!` do.
_MACRO = """\
use proc_macro::TokenStream;

#[proc_macro]
pub fn data(_: TokenStream) -> TokenStream {
    let directory = format!("{}/data", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let mut all: Vec<String> = std::fs::read_dir(directory).into_iter().flatten()
        .map(|entry| entry.unwrap().path())
        .map(|path| format!("{:?} {:?}", path.file_name(), std::fs::read_to_string(&path)))
        .collect();
    all.sort();
    let note = std::env::var("NOTE").unwrap_or_default();
    format!("{:?}", format!("{} {note}", all.join(" "))).parse().unwrap()
}
"""

# It tells Cargo nothing of what it reads, or what is not true.
_SCRIPT = """\
fn main() {
    TOLD
    let mut names: Vec<_> = std::fs::read_dir("data").into_iter().flatten()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    names.sort();
    let lock = std::fs::read_to_string("../Cargo.toml").unwrap().len();
    println!("cargo:rustc-env=DATA={names:?} {lock}");
}
"""

# It keeps what it has once written, unless somebody else removes it.
_COPYING = """\
fn main() {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").unwrap());
    for entry in std::fs::read_dir("data").into_iter().flatten() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, out.join(path.file_name().unwrap())).unwrap();
    }
    let mut all: Vec<_> = std::fs::read_dir(out).unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    all.sort();
    println!("cargo:rustc-env=DATA={all:?}");
}
"""
_ENVIRONMENT = 'println!("cargo:rerun-if-env-changed=NOTHING");'

_FILES: Mapping[str, str] = {
    "Cargo.toml": '[workspace]\nmembers = ["[a-z]*"]\nresolver = "2"\n',
    "macro/Cargo.toml": _MANIFEST.format("macro") + "[lib]\nproc-macro = true\n",
    "macro/src/lib.rs": _MACRO,
    "by-macro/Cargo.toml": _MANIFEST.format("by-macro")
    + "[dependencies]\nmacro = { path = '../macro' }\n",
    "by-macro/src/lib.rs": "pub const DATA: &str = r#macro::data!();\n",
    "by-macro/data/one": "1",
    "silent/Cargo.toml": _MANIFEST.format("silent"),
    "silent/build.rs": _SCRIPT.replace("TOLD", ""),
    "silent/src/lib.rs": 'pub const DATA: &str = env!("DATA");\n',
    "silent/data/one": "1",
    "misled/Cargo.toml": _MANIFEST.format("misled"),
    "misled/build.rs": _SCRIPT.replace("TOLD", _ENVIRONMENT),
    "misled/src/lib.rs": 'pub const DATA: &str = env!("DATA");\n',
    "misled/data/one": "1",
    "copying/Cargo.toml": _MANIFEST.format("copying"),
    "copying/build.rs": _COPYING,
    "copying/src/lib.rs": 'pub const DATA: &str = env!("DATA");\n',
    "copying/data/one": "1",
    "app/Cargo.toml": _MANIFEST.format("app")
    + "[dependencies]\nby-macro.path = '../by-macro'\nsilent.path = '../silent'\n"
    "misled.path = '../misled'\ncopying.path = '../copying'\n",
    "app/src/main.rs": 'fn main() {\n    println!("{} {} {} {}", by_macro::DATA, silent::DATA, '
    "misled::DATA, copying::DATA);\n}\n",
}
_NAMES = {"macro", "by-macro", "silent", "misled", "copying", "app"}


class Builds:
    """Builds of changing sources in one place."""

    def __init__(self, root: Path, directory: Path) -> None:
        self.root = root
        self.directory = directory
        self._staged: Staged = {}

    def __call__(self, files: Mapping[str, str], note: str = "") -> tuple[bytes, set[str]]:
        """Builds, and returns the program, and the names of what was compiled for it."""
        sources = {
            path: (path.partition("/")[0], sha256(content.encode()).hexdigest(), 0o100644)
            for path, content in files.items()
        }
        shutil.rmtree(self.root, ignore_errors=True)
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content)
        staged, target = self.directory / "sources", self.directory / "target"
        staged.mkdir(parents=True, exist_ok=True)
        self._staged = stage(str(staged), str(self.root), sources, self._staged, {})
        names = {path.partition("/")[0] for path in files}
        keys = {
            name: repr(sorted(item for item in files.items() if item[0].startswith(f"{name}/")))
            for name in names - {"Cargo.toml", ".cargo"}
        }
        packages: dict[str, tuple[str | None, str]] = {n: (n, key) for n, key in keys.items()}
        packages[SHARED] = (None, files["Cargo.toml"])
        packages[CONFIGURATION] = (None, files.get(".cargo/config.toml", ""))
        packages[ENVIRONMENT] = (None, note)
        forget_changed(str(self.directory), str(target), packages)
        cargo = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
        done = subprocess.run(
            ["cargo", "build", "--offline", "--config=profile.dev.incremental=false"],
            cwd=staged,
            env={
                **ENV,
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "CARGO_HOME": cargo,
                "CARGO_TARGET_DIR": str(target),
                **({"NOTE": note} if note else {}),
                "RUSTFLAGS": f"--remap-path-prefix={self.directory}=/there",
            },
            check=True,
            capture_output=True,
            text=True,
        )
        compiled = {
            line.split()[1] for line in done.stderr.splitlines() if line.startswith("   Compiling")
        }
        return (target / "debug/app").read_bytes(), compiled


def _said(program: bytes, place: Path) -> str:
    file = place / "program"
    file.write_bytes(program)
    file.chmod(0o755)
    return subprocess.run([file], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_a_warm_build_is_what_a_cold_one_is_over_random_edits(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    files, warm = dict(_FILES), Builds(tmp_path / "repository", tmp_path / "warm")
    warm(files)
    for step in range(4):
        crate = rng.choice(["by-macro", "silent", "misled", "copying"])
        names = [path for path in files if path.startswith(f"{crate}/data/")]
        if names and rng.random() < 0.4:
            del files[rng.choice(names)]
        elif rng.random() < 0.2:
            files["Cargo.toml"] += "# more\n"
        else:
            files[f"{crate}/data/{rng.choice(['one', 'two'])}"] = str(rng.random())
        # In the same place, whose path is in what rustc makes.
        warm.directory.rename(tmp_path / "kept")
        cold, _ = Builds(tmp_path / "repository", warm.directory)(files)
        shutil.rmtree(warm.directory)
        (tmp_path / "kept").rename(warm.directory)
        assert warm(files)[0] == cold, (step, _said(cold, tmp_path))


def test_only_what_changed_and_what_is_built_on_it_is_compiled(tmp_path: Path) -> None:
    build = Builds(tmp_path / "repository", tmp_path / "warm")
    assert build(_FILES)[1] == _NAMES
    assert build(_FILES)[1] == set()
    assert build({**_FILES, "silent/data/two": ""})[1] == {"silent", "app"}
    assert build({**_FILES, "by-macro/data/two": ""})[1] == {"by-macro", "silent", "app"}


def test_what_a_macro_reads_of_its_environment_is_that_of_now(tmp_path: Path) -> None:
    build = Builds(tmp_path / "repository", tmp_path / "warm")
    configured = {**_FILES, ".cargo/config.toml": "[env]\nNOTE = 'in a file'\n"}
    edited = {**configured, ".cargo/config.toml": "[env]\nNOTE = 'in an edited file'\n"}
    notes = {"": _FILES, "first": _FILES, "second": _FILES}
    for note, files in notes.items():
        program, compiled = build(files, note)
        assert note in _said(program, tmp_path)
        assert compiled == _NAMES
        assert build(files, note)[1] == set()
    for files, said in ((configured, "in a file"), (edited, "in an edited file")):
        assert said in _said(build(files)[0], tmp_path)


@pytest.mark.parametrize("changed", [CONFIGURATION, ENVIRONMENT])
def test_packages_from_elsewhere_know_nothing_of_what_those_of_the_repository_get(
    tmp_path: Path, changed: str
) -> None:
    parts: dict[str, tuple[str | None, str]] = {
        "own": ("own", "1"),
        "twin (second)": ("twin", "1"),
        "vendor/other/*": ("other", "1"),
        changed: (None, "1"),
    }
    forget_changed(str(tmp_path), str(tmp_path / "target"), parts)
    units = tmp_path / "target/release/.fingerprint"
    for package in ("own", "twin", "other"):
        (units / f"{package}-0123456789abcdef").mkdir(parents=True)
    parts[changed] = (None, "2")
    forget_changed(str(tmp_path), str(tmp_path / "target"), parts)
    assert [unit.name for unit in units.iterdir()] == ["other-0123456789abcdef"]


def test_what_was_cut_off_is_forgotten_again(tmp_path: Path) -> None:
    unit = tmp_path / "target/release/.fingerprint/a-b-0123456789abcdef"
    other = tmp_path / "target/x/release/.fingerprint/a-0123456789abcdef"
    for directory in (unit, other):
        directory.mkdir(parents=True)
    (tmp_path / "built.json").write_text('{"a": "1", "a-')
    forget_changed(str(tmp_path), str(tmp_path / "target"), {"a-b": ("a-b", "1")})
    assert not unit.exists()
    assert other.exists()
    unit.mkdir()
    forget_changed(str(tmp_path), str(tmp_path / "target"), {"a-b": ("a-b", "1")})
    assert unit.exists()
