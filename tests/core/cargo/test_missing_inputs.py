from __future__ import annotations

import pytest
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.cargo.missing_inputs import missing_inputs, unread_files
from mzbuild.core.cargo.workspace import CargoWorkspace

from tests.core.conftest import listing

SOURCES = "/caches/build/sources"

FILES = {
    "Cargo.toml": '[workspace]\nmembers = ["a", "a/b"]\n',
    "a/Cargo.toml": '[package]\nname = "outer"\nversion = "0.1.0"\n',
    "a/src/main.rs": "",
    "a/b/Cargo.toml": '[package]\nname = "inner"\nversion = "0.1.0"\n',
    "a/b/data": "",
    "doc": "",
}


def workspace() -> CargoWorkspace:
    return load_workspace(
        listing(*FILES), lambda path: parse_cargo_toml(FILES[path].encode(), path)
    )


@pytest.mark.parametrize(
    ("output", "paths"),
    [
        ("error: couldn't read `a/src/../../doc`: No such file or directory\n", ["doc"]),
        (f"error: failed to read `{SOURCES}/a/b/Cargo.toml`\n", ["a/b/Cargo.toml"]),
        ("error: couldn't read `/etc/x`: No such file\n", ["../../../etc/x"]),
        (
            "error[E0583]: file not found for module `x`\n  = help: to create the module `x`, "
            'create file "a/src/x.rs" or "a/src/x/mod.rs"\n',
            ["a/src/x.rs", "a/src/x/mod.rs"],
        ),
        ("error: couldn't read `doc`: x\nerror: couldn't read `./doc`: x\n", ["doc"]),
        (
            f"  failed to read root of directory source: {SOURCES}/vendor\n\nCaused by:\n",
            ["vendor"],
        ),
        (
            f"  failed to read configuration file `{SOURCES}/.cargo/more.toml`\n",
            [".cargo/more.toml"],
        ),
        (f"error: linker `{SOURCES}/./.cargo/cc.sh` not found\n", [".cargo/cc.sh"]),
        (f"error: could not execute process `{SOURCES}/w.sh rustc -vV` (never", ["w.sh"]),
        ("error[E0308]: mismatched types\n --> a/src/main.rs:1:1\n", []),
    ],
)
def test_complaints_name_the_files(output: str, paths: list[str]) -> None:
    assert unread_files(f"   Compiling x\n{output}more\n", SOURCES, "") == tuple(paths)


def test_the_workspace_may_lie_in_a_directory() -> None:
    said = f"couldn't read `a/../../doc`: x\nfailed to read `{SOURCES}/rust/a/Cargo.toml`: x\n"
    assert unread_files(said, SOURCES, "rust") == ("doc", "rust/a/Cargo.toml")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("doc", "it is in no crate. Move it into the crate that reads it."),
        (
            "a/b/data",
            "it belongs to the crate `inner`. Depend on that by `path`, or move the file into the "
            "crate that reads it.",
        ),
        (
            "a/ignored",
            "Git ignores it. Have Git see it (`git check-ignore -v a/ignored` names the rule that "
            "matches it), or make it in a build script.",
        ),
        (
            ".cargo/own.toml",
            "Git ignores it. Have Git see it (`git check-ignore -v .cargo/own.toml` names the rule "
            "that matches it).",
        ),
        ("../x", "it lies outside of the repository. Copy it into the crate that reads it."),
    ],
)
def test_a_file_that_exists_is_explained(path: str, reason: str) -> None:
    said = missing_inputs([path], {"a/src/main.rs"}, str, listing(*FILES), workspace())
    assert said == (f"`{path}` exists, but is not among the inputs of this build: {reason}",)


def test_what_the_build_had_or_nobody_has_is_not() -> None:
    unread, staged = ["a/src/main.rs", "gone"], {"a/src/main.rs"}
    located = {"a/src/main.rs": "a/src/main.rs", "link": "a/src/main.rs"}.get
    unread.append("link")
    assert missing_inputs(unread, staged, located, listing(*FILES), workspace()) == ()


def test_what_is_behind_a_symlink_is_called_by_both_names() -> None:
    located = {"a/link/x": "made/x", "a/out/x": "../x"}.get
    said = missing_inputs(["a/link/x", "a/out/x"], (), located, listing(*FILES), workspace())
    ignored, outside = said
    assert "`a/link/x`, which is `made/x`, exists, but is not among the inputs" in ignored
    assert "(`git check-ignore -v made/x` names the rule" in ignored
    assert "`a/out/x`, which is `../x`, exists" in outside
    assert "it lies outside of the repository. Copy it into the crate" in outside
