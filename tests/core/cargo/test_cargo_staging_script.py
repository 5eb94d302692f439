"""Builds by the script itself, as a process with a plan."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mzbuild.core.cargo.program import cargo_program
from mzbuild.core.cargo.staged_files import DIRECTORY

from tests.core.cargo.test_cargo_staged_files import REGULAR, Crates, digest, lay_out
from tests.core.conftest import ENV

Plan = Mapping[str, Any]


class Sandbox:
    """Runs builds as Pants does: the script by itself, with a plan."""

    def __init__(self, root: Path):
        self.root = root
        for path, content in cargo_program().items():
            file = self.root / "program" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self.directory = root / "cache/build"
        # What comes of the one action of a plan.
        self.results = self.directory / "results/action"

    def plan(self, command: list[str], crates: Crates, **more: Any) -> list[str]:
        """Writes a plan, and returns the command that carries it out."""
        sources = {
            path: (crate, digest(content), REGULAR)
            for crate, path, content in lay_out(self.root / "repository", crates)
        }
        plan: dict[str, object] = {"directory": str(self.directory), "sources": sources}
        plan.update({"command": command, "elsewhere": {}})
        nothing: Plan = {"programs": [], "directories": [], "finish": [], "extract": []}
        nothing = {**nothing, "others": [], "own": []}
        action = {name: more.pop(name, value) for name, value in nothing.items()}
        plan.update({"workspace": "", "empty": [], "packages": {}, "git": False, "triple": "t"})
        plan.update({"scripts": {}, "prefix": [], "root": str(self.root / "repository")})
        plan.update({"actions": {"action": action}, **more})
        (self.root / "plan.json").write_text(json.dumps(plan))
        # No site packages, as for a Python of which nothing is known.
        (self.root / "lent.json").write_text("{}")
        return [sys.executable, "-I", "-S", "program", "plan.json", "lent.json"]

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.root, env=ENV, stdout=pipe, stderr=pipe, encoding="utf-8"
        )

    def run(self, command: list[str], crates: Crates, **more: Any) -> tuple[int, str, str]:
        """The exit code, output and error output of a build."""
        process = self.start(self.plan(command, crates, **more))
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "sandbox")


class TestTheScript:
    def test_a_build_is_run_among_the_sources_and_its_results_are_finished(
        self, sandbox: Sandbox
    ) -> None:
        script = 'cat a/x; mkdir -p "$CARGO_TARGET_DIR"; cp a/x "$CARGO_TARGET_DIR/built"; '
        script += 'touch "$CARGO_TARGET_DIR/built.d"'
        code, out, err = sandbox.run(
            ["sh", "-c", script],
            {"a": {"a/x": "content\n"}},
            programs=["built"],
            directories=["examples", "more"],
            finish=[
                ["cp", f"{DIRECTORY}/target/built", "examples/x"],
                ["sh", "-c", "echo finished >> examples/x; cp examples/x more/y"],
            ],
        )
        assert (code, err) == (0, "")
        assert out.startswith("Staged 1 files in 0.")
        assert out.endswith(" s.\ncontent\n")
        for path in ("examples/x", "more/y"):
            assert (sandbox.results / path).read_text() == "content\nfinished\n"
        assert (sandbox.directory / "build.log").read_text() == "content\n"

    def test_a_build_that_fails_has_its_exit_code_and_no_results(self, sandbox: Sandbox) -> None:
        code, out, _ = sandbox.run(["sh", "-c", "echo oh >&2; exit 101"], {}, programs=["x"])
        assert code == 101
        assert out.endswith("oh\n")
        assert not sandbox.results.exists()

    def test_what_cargo_remembers_of_the_compiler_is_forgotten_when_it_fails(
        self, sandbox: Sandbox
    ) -> None:
        script = 'mkdir -p "$CARGO_TARGET_DIR"; touch "$CARGO_TARGET_DIR/.rustc_info.json"; exit '
        for code in (0, 1):
            assert sandbox.run(["sh", "-c", f"{script}{code}"], {})[0] == code
            assert (sandbox.directory / "target/.rustc_info.json").exists() == (code == 0)

    def test_a_finishing_tool_that_is_missing_is_an_error(self, sandbox: Sandbox) -> None:
        _, _, err = sandbox.run(["true"], {}, finish=[["no-such-strip", "x"], ["false"]])
        assert err == (
            "`no-such-strip` is not on the PATH. Install it (in the package `binutils`).\n"
        )
        code, _, err = sandbox.run(["true"], {}, finish=[["true"], ["false", "x"]])
        assert (code, err) == (1, "`false x` failed with exit code 1.\n")

    def test_a_source_that_has_changed_meanwhile_is_an_error(self, sandbox: Sandbox) -> None:
        command = sandbox.plan(["echo", "built"], {"a": {"a/x": "1"}})
        file = sandbox.root / "repository/a/x"
        file.write_text("2")
        build = sandbox.start(command)
        assert build.communicate(timeout=60) == (
            "",
            f"{file} changed before Cargo came to read it, so the results would not have been what "
            "they are cached as. Run the command again.\n",
        )
        assert build.returncode == 1

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"a/x": 1}', '{"a/x": ["digest", 1]}'])
    def test_what_it_wrote_down_may_be_lost(self, sandbox: Sandbox, content: str) -> None:
        sandbox.run(["true"], {"a": {"a/x": "1"}})
        (sandbox.directory / "staged.json").write_text(content)
        code, out, err = sandbox.run(["cat", "a/x"], {"a": {"a/x": "2"}})
        assert (code, out[-1:], err) == (0, "2", "")


class TestBuildsAtOnce:
    SLOW = ("sh", "-c", "echo started; sleep 1; echo ended")

    def test_the_second_waits_for_the_first(self, sandbox: Sandbox) -> None:
        command = sandbox.plan([*self.SLOW], {"a": {"a/x": "1"}})
        first = sandbox.start(command)
        assert first.stdout is not None
        for line in first.stdout:
            if line == "started\n":
                break
        second = sandbox.start(command)
        out, _ = second.communicate(timeout=60)
        assert first.stdout.read() == "ended\n"
        assert out.startswith("Waiting for another build in the same directory.\nStaged ")
        assert (first.wait(), second.returncode) == (0, 0)
        first.communicate()

    def test_a_lock_goes_with_a_holder_that_is_killed(self, sandbox: Sandbox) -> None:
        holder = sandbox.start(sandbox.plan(["sh", "-c", "echo started; exec sleep 60"], {}))
        assert holder.stdout is not None
        for line in holder.stdout:
            if line == "started\n":
                break
        waiting = sandbox.start(sandbox.plan(["echo", "built"], {}))
        assert waiting.stdout is not None
        assert waiting.stdout.readline().startswith("Waiting ")
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        holder.kill()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        out, _ = waiting.communicate(timeout=60)
        assert out.endswith("built\n")
        holder.communicate()


class TestAFullDisk:
    """On a file system of 64 KiB, which goes with the process that has it mounted."""

    def run(self, sandbox: Sandbox, command: list[str], crates: Crates) -> tuple[int, str, str]:
        sandbox.directory.mkdir(parents=True, exist_ok=True)
        plan = sandbox.plan(command, crates)
        script = (
            'mount -t tmpfs -o size=64k tmpfs "$0" && cp -a saved/. "$0"; "$@"; code=$?; '
            'cp -a "$0/." saved; exit $code'
        )
        (sandbox.root / "saved").mkdir(exist_ok=True)
        unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
        process = sandbox.start([*unshare, str(sandbox.directory), *plan])
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def said(self, sandbox: Sandbox) -> str:
        return (
            f"The disk is full: {sandbox.directory} needs more room. Free some; "
            "`pants mzbuild-clean` removes what Cargo has compiled.\n"
        )

    def test_it_is_an_error_and_the_next_build_goes_on_from_there(self, sandbox: Sandbox) -> None:
        small, large = {"a/x": "1"}, {"a/x": "2", "a/y": "y" * 100_000}
        code, out, _ = self.run(sandbox, ["cat", "a/x"], {"a": small})
        assert (code, out[-1:]) == (0, "1")
        code, out, err = self.run(sandbox, ["echo", "built"], {"a": large})
        assert (code, out) == (1, "")
        assert err == self.said(sandbox)
        code, out, err = self.run(sandbox, ["sh", "-c", "cat a/x; ls -A a"], {"a": {"a/x": "1"}})
        assert (code, err) == (0, "")
        assert out.endswith(" s.\n1x\n")

    def test_a_log_that_does_not_fit_ends_the_build(self, sandbox: Sandbox) -> None:
        endless = ["sh", "-c", "echo $$ > pid; while echo 0123456789abcdef; do :; done"]
        code, _, err = self.run(sandbox, endless, {})
        assert (code, err) == (1, self.said(sandbox))
        pid = int((sandbox.root / "saved/sources/pid").read_text())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


CRATES: Crates = {
    ".shared": {"Cargo.toml": '[workspace]\nmembers = ["app", "lib", "other"]\n'},
    "app": {
        "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'
        '[dependencies]\nlib = { path = "../lib" }\n',
        "app/src/main.rs": 'fn main() { println!("{}", lib::text()); }\n',
    },
    "lib": {
        "lib/Cargo.toml": '[package]\nname = "lib"\nversion = "0.1.0"\nedition = "2021"\n',
        # Cargo runs a build script again when any file of its package is newer.
        "lib/build.rs": "fn main() {\n"
        '    let data = std::fs::read_to_string("data").unwrap_or_default();\n'
        '    let more = std::fs::read_to_string("more").unwrap_or_default();\n'
        '    println!("cargo:rustc-env=TEXT={}{}", data.trim(), more.trim());\n'
        "}\n",
        "lib/src/lib.rs": 'pub fn text() -> &\'static str { env!("TEXT") }\n',
        "lib/data": "data-1",
        "lib/more": "more-1",
    },
    "other": {
        "other/Cargo.toml": '[package]\nname = "other"\nversion = "0.1.0"\nedition = "2021"\n',
        "other/src/main.rs": "fn main() {}\n",
    },
}


class TestWithCargo:
    COMMAND = ("cargo", "build", "--offline", "--bin=app")

    def build(self, sandbox: Sandbox, crates: Crates, *command: str) -> tuple[str, str]:
        """What Cargo said, and what the program prints."""
        code, out, err = sandbox.run([*(command or self.COMMAND)], crates)
        assert code == 0, out + err
        program = sandbox.directory / "target/debug/app"
        ran = subprocess.run([program], check=True, stdout=subprocess.PIPE, encoding="utf-8")
        return out, ran.stdout.strip()

    def with_lib(self, **files: str) -> Crates:
        """The crates with other files in `lib`, by their names; an empty one is not there."""
        lib = {**CRATES["lib"], **{f"lib/{name}": text for name, text in files.items()}}
        return {**CRATES, "lib": {path: text for path, text in lib.items() if text}}

    def test_a_second_build_compiles_what_changed_and_no_more(self, sandbox: Sandbox) -> None:
        self.build(sandbox, CRATES)
        out, _ = self.build(sandbox, CRATES)
        assert "Compiling" not in out
        main = 'fn main() { println!("changed {}", lib::text()); }\n'
        app = {**CRATES["app"], "app/src/main.rs": main}
        out, ran = self.build(sandbox, {**CRATES, "app": app})
        assert "Compiling app" in out
        assert "Compiling lib" not in out
        assert ran == "changed data-1more-1"

    def test_a_build_is_of_what_is_there_whatever_was_built_before(self, sandbox: Sandbox) -> None:
        for data, more in [("1", "1"), ("", "2"), ("1", "2"), ("1", "1"), ("1", ""), ("", "1")]:
            _, ran = self.build(sandbox, self.with_lib(data=data, more=more))
            assert ran == f"{data}{more}"

    def test_what_a_build_script_makes_among_the_sources_stays_while_its_package_does(
        self, sandbox: Sandbox
    ) -> None:
        script = """\
fn main() {
    let data = std::fs::read_to_string("data").unwrap();
    let name = format!("src/{data}.rs");
    std::fs::write(&name, format!("pub const MADE: &str = {data:?};")).unwrap();
    println!("cargo:rerun-if-changed=data\\ncargo:rustc-env=PLACE={data}.rs");
}
"""
        lib = {
            **CRATES["lib"],
            "lib/build.rs": script,
            "lib/src/lib.rs": 'include!(env!("PLACE"));\npub fn text() -> &\'static str { MADE }\n',
        }
        made = sandbox.directory / "sources/lib/src"

        def build(app: str, data: str | None) -> str:
            """Builds with other contents of a file of each crate; of one that is left out, there is
            the manifest."""
            main = {
                **CRATES["app"],
                "app/src/main.rs": f"{CRATES['app']['app/src/main.rs']}// {app}",
            }
            crates: Crates = {**CRATES, "app": main, "lib": {**lib, "lib/data": data or ""}}
            packages = {"app": ("app", app), "lib": ("lib", data), ".shared": (None, "")}
            if data is None:
                manifest = {"lib/Cargo.toml": lib["lib/Cargo.toml"]}
                crates = {**CRATES, "lib/": manifest, "lib": {}}
                packages["lib/"] = packages.pop("lib")
            command = self.COMMAND if data else ("true",)
            empty = [] if data else ["lib/src/lib.rs", "lib/build.rs"]
            code, out, err = sandbox.run([*command], crates, packages=packages, empty=empty)
            assert code == 0, out + err
            return out

        assert "Compiling lib" in build("1", "one")
        out = build("2", "one")
        assert "Compiling app" in out
        assert "Compiling lib" not in out
        build("3", None)
        assert (made / "one.rs").exists()
        assert "Compiling lib" not in build("4", "one")
        build("4", "two")
        assert {path.name for path in made.iterdir()} == {"lib.rs", "two.rs"}

    def test_builds_by_turns_leave_each_other_s_crates_compiled(self, sandbox: Sandbox) -> None:
        other = ("cargo", "build", "--offline", "--bin=other")
        self.build(sandbox, CRATES)
        shared = {
            **CRATES[".shared"],
            **{path: CRATES[path[:3]][path] for path in ("app/Cargo.toml", "lib/Cargo.toml")},
        }
        self.build(sandbox, CRATES, *other)
        code, out, err = sandbox.run(
            [*other],
            {".shared": shared, "other": CRATES["other"]},
            empty=["app/src/main.rs", "lib/src/lib.rs", "lib/build.rs"],
        )
        assert code == 0, out + err
        out, _ = self.build(sandbox, CRATES)
        assert "Compiling" not in out
