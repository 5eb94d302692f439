"""What is taken of the files that build scripts make."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mzbuild.core.cargo.results import package_name
from mzbuild.core.cargo.staged_files import DIRECTORY

from tests.core.cargo.test_cargo_staging_script import Sandbox

TRIPLE = "x86_64-unknown-linux-gnu"


@pytest.mark.parametrize(
    ("package_id", "name"),
    [
        ("path+file:///w/src/build-info#0.1.0", "build-info"),
        ("path+file:///w/src/dir#build-info@0.1.0", "build-info"),
        ("registry+https://example.invalid/index#serde@1.0.0", "serde"),
        ("git+file:///w/repo#serde@1.0.0", "serde"),
        ("git+file:///w/serde?branch=a/b#1.0.0", "serde"),
        ("git+https://example.invalid/serde.git?rev=1#serde@1.0.0", "serde"),
        ("build-info 0.1.0 (path+file:///w/src/build-info)", "build-info"),
        ("serde 1.0.0 (git+file:///w/repo?branch=a#0123)", "serde"),
    ],
)
def test_a_package_s_name_is_read_from_each_form_of_its_id(package_id: str, name: str) -> None:
    assert package_name(package_id) == name


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    # The triple is in the path of the sandbox as well, where it means nothing.
    return Sandbox(tmp_path / TRIPLE / "sandbox")


def run(
    sandbox: Sandbox, *extract: tuple[str, str, str], again: bool = False
) -> tuple[int, str, str]:
    """Runs a build in which the script of `p` ran for both platforms, and others ran as well."""
    target = sandbox.directory / "target"
    host, out = target / "debug/p/out", target / TRIPLE / "debug/p/out"
    other = target / TRIPLE / "debug/p2/out"
    for directory in (host, out, out / "d"):
        directory.mkdir(parents=True)
    (host / "f").write_text("of the host")
    (out / "f").write_text("1")
    (out / "d/g").write_text("2")
    ran = [("p 1 (x)", host), ("p 1 (x)", out), ("macro 1 (x)", host), ("r 1 (x)", other)]
    ran += [("p 2 (y)", other)] * again
    messages = [
        {"reason": "build-script-executed", "package_id": package_id, "out_dir": str(directory)}
        for package_id, directory in ran
    ]
    messages.append({"reason": "compiler-artifact", "package_id": "q 1 (x)"})
    lines = "\n".join(json.dumps(message, separators=(",", ":")) for message in messages)
    command = ["printf", "%s\n", lines, "for people"]
    return sandbox.run(command, {}, extract=extract, triple=TRIPLE)


def test_messages_are_read_whatever_is_said_meanwhile(sandbox: Sandbox) -> None:
    """As a command prefix may have it, which passes on two outputs by turns."""
    out = sandbox.directory / "target" / TRIPLE / "out"
    out.mkdir(parents=True)
    (out / "f").write_text("1")
    message = {"reason": "build-script-executed", "package_id": "p 1 (x)", "out_dir": str(out)}
    line = json.dumps(message, separators=(",", ":"))
    script = 'printf %s "$0"; echo words >&2; sleep 0.1; printf "%s\\n" "$1"'
    command = ["sh", "-c", script, line[:30], line[30:]]
    code, said, err = sandbox.run(command, {}, extract=[("p", "f", "g")], triple=TRIPLE)
    assert (code, err) == (0, "")
    assert said.splitlines()[1:] == ["words"]
    assert (sandbox.results / "g").read_text() == "1"


def test_files_and_directories_come_where_the_plan_wants_them(sandbox: Sandbox) -> None:
    code, out, err = run(
        sandbox, ("p", "f", "r/a/b"), ("p", "d", "r/e"), ("p", "f", "r/"), ("p", "", "all/")
    )
    assert (code, err) == (0, "")
    assert out.endswith("s.\nfor people\n")
    files = [
        path.relative_to(sandbox.results).as_posix()
        for name in ("r", "all")
        for path in sorted((sandbox.results / name).glob("**/*"))
        if path.is_file()
    ]
    assert files == ["r/a/b", "r/e/g", "r/f", "all/d/g", "all/f"]
    assert (sandbox.results / "r/a/b").read_text() == "1"


def test_what_lies_anywhere_in_the_target_directory_comes_as_well(sandbox: Sandbox) -> None:
    root = sandbox.directory / "target"
    (root / "download").mkdir(parents=True)
    (root / "download/f").write_text("3")
    code, _, err = run(
        sandbox,
        ("p", "../../../../download", "up"),
        ("p", "$CARGO_TARGET_DIR/download", "named"),
        ("p", "${CARGO_TARGET_DIR}//download/./f", "file/"),
        ("p", "../../p2/../p/out/f", "beside"),
    )
    assert (code, err) == (0, "")
    found = [sandbox.results / path for path in ("up/f", "named/f", "file/f", "beside")]
    assert [path.read_text() for path in found] == ["3", "3", "3", "1"]


@pytest.mark.parametrize("up", ["../../../../..", "../../../../../target2/x", "a/" + "../" * 6])
def test_what_leads_out_of_the_target_directory_is_an_error(sandbox: Sandbox, up: str) -> None:
    code, _, err = run(sandbox, ("p", up, "r/x"))
    assert (code, err) == (
        1,
        f"`extract`: `{up}` leads from the OUT_DIR of `p` out of Cargo's target directory. Give a "
        "path in it, such as `$CARGO_TARGET_DIR/…`.\n",
    )


@pytest.mark.parametrize(
    ("package", "path", "said"),
    [
        ("p", "x", "the build script of `p` made no `x`. Its OUT_DIR has: d, f."),
        (
            "p",
            "$CARGO_TARGET_DIR/x",
            "the build script of `p` made no `$CARGO_TARGET_DIR/x`. The target directory has: "
            f"debug, {TRIPLE}.",
        ),
        (
            "q",
            "x",
            "Cargo ran no build script of a package `q` for this build. It ran those of: p, r.",
        ),
        (
            "macro",
            "f",
            "`macro` was built only for the machine that compiles, as a dependency of a build "
            "script or of a procedural macro. Depend on it in `[dependencies]`.",
        ),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_is(
    sandbox: Sandbox, package: str, path: str, said: str
) -> None:
    code, _, err = run(sandbox, (package, path, "r/x"))
    assert (code, err) == (1, f"`extract`: {said}\n")


def test_a_package_in_several_versions_is_an_error_if_something_is_wanted_of_it(
    sandbox: Sandbox,
) -> None:
    code, _, err = run(sandbox, ("p", "f", "r/x"), again=True)
    assert (code, err) == (
        1,
        "`extract`: Cargo ran the build scripts of several packages `p` for this build: p 1 (x), "
        "p 2 (y). Have the workspace agree on one.\n",
    )


def test_a_symlink_that_leads_nowhere_is_an_error(sandbox: Sandbox) -> None:
    out = sandbox.directory / "target" / TRIPLE / "debug/p/out/links"
    out.mkdir(parents=True)
    (out / "link").symlink_to("nowhere")
    code, _, err = sandbox.run(
        ["echo", json.dumps(_executed(out.parent), separators=(",", ":"))],
        {},
        extract=[("p", "links", "r")],
        triple=TRIPLE,
    )
    assert code == 1
    assert err.startswith("`extract`: `links/link`, which the build script of `p` made, cannot be")


def _executed(out_dir: Path) -> dict[str, str]:
    return {
        "reason": "build-script-executed",
        "package_id": "p 1 (x)",
        "out_dir": str(out_dir),
    }


class TestWhatWasRead:
    """For a program that needs the crate `a`, where `b` is staged for the sake of another one."""

    def read(self, sandbox: Sandbox, *paths: str, **more: list[str]) -> tuple[int, str]:
        sources, target = sandbox.directory / "sources", sandbox.directory / "target/t"
        target.mkdir(parents=True, exist_ok=True)
        (target / "app").touch()
        # As Cargo writes it down, and with paths as the compiler has them.
        read = " ".join(f"{sources}/{path}".replace(" ", "\\ ") for path in paths)
        (target / "app.d").write_text(f"{target}/app: {read}\n")
        crates = {"a": {"a/main": "1"}, "b": {"b/x": "2", "b/a file": "3", "b/of a": "4"}}
        plan = {"programs": ["t/app"], "others": ["b"], "own": ["b/of a"], **more}
        finish = [["cp", f"{DIRECTORY}/target/t/app", "app"]]
        code, _, err = sandbox.run(["true"], crates, finish=finish, **plan)
        return code, err

    def test_what_is_there_for_it_alone_is_its_own(self, sandbox: Sandbox) -> None:
        assert self.read(sandbox, "a/main", "b/of a", "../elsewhere") == (0, "")
        assert (sandbox.results / "app").exists()

    def test_what_is_there_for_others_is_not(self, sandbox: Sandbox) -> None:
        code, err = self.read(sandbox, "a/../b/x", "b/a file", "a/main")
        assert code == 1
        first, second = err.splitlines()
        assert first.startswith("`b/a file` was read to build `app`, but is there only because")
        assert second == (
            "`b/x` was read to build `app`, but is there only because something else that needs "
            "the crate `b` is built at the same time. Depend on that crate by `path`, or move the "
            "file into the crate that reads it."
        )
        assert not sandbox.results.exists()

    def test_where_nothing_else_is_built_everything_is_its_own(self, sandbox: Sandbox) -> None:
        assert self.read(sandbox, "b/x", others=[]) == (0, "")

    def test_what_has_no_content_is_not_read(self, sandbox: Sandbox) -> None:
        code, err = self.read(sandbox, "a/main", "c/lib", others=[], empty=["c/lib", "c/main"])
        assert (code, err) == (
            1,
            "`c/lib` was read to build `app`, but only stands there empty, since its crate is not "
            "built. Depend on that crate by `path`, or move the file into the crate that reads "
            "it.\n",
        )
