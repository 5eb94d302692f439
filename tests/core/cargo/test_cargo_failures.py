"""Failures after which Cargo is run again: as words, and as a real Cargo meets them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from mzbuild.core.cargo.failures import Failure, Remedy, recognize
from mzbuild.core.cargo.staging import NOTE

from tests.core.cargo.test_cargo_staging_script import CRATES, Sandbox

NOT_SUCCESSFUL = "  process didn't exit successfully: "
PANIC = (
    "thread 'rustc' (7) panicked at "
    "/rustc/0a1b/compiler/rustc_metadata/src/rmeta/def_path_hash_map.rs:23:85:\n"
)
OLD_PANIC = (
    "thread 'rustc' panicked at 'called `Option::unwrap()` on a `None` value', "
    "compiler/rustc_metadata/src/rmeta/def_path_hash_map.rs:22:85\n"
)
UNSTABLE = "thread 'rustc' panicked at 'Found unstable fingerprints for type_of(app[1]::main): i32'"
UNDEFINED = "  = note: rust-lld: error: undefined symbol: app::lost\n"
REFERENCE = "/usr/bin/ld: app.rcgu.o: undefined reference to `app::lost'\n"
LINKING = "error: linking with `cc` failed: exit status: 1\n"
COLORED = "\x1b[1m\x1b[91merror\x1b[0m: linking with `cc` failed: exit status: 1\n"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (PANIC, PANIC[PANIC.index("panicked") : PANIC.index(".rs")]),
        (OLD_PANIC, OLD_PANIC[OLD_PANIC.index("panicked") : OLD_PANIC.index(".rs")]),
        (UNSTABLE, "Found unstable fingerprints for"),
        (LINKING + UNDEFINED, "undefined symbol"),
        (COLORED + REFERENCE, "undefined reference"),
        ("error: linking with `cc` failed: signal: 11 (SIGSEGV)\n", "signal: 11"),
        (
            f"{LINKING}collect2: fatal error: ld terminated with signal 11 [Segmentation fault]\n",
            "terminated with signal 11",
        ),
        ("error: rustc interrupted by SIGSEGV, printing\n", "rustc interrupted by SIGSEGV"),
        (
            f"{NOT_SUCCESSFUL}`/bin/rustc --crate-name app` (signal: 11, SIGSEGV: invalid)\n",
            "signal: 11, SIGSEGV",
        ),
        (
            f"{NOT_SUCCESSFUL}`/x/sccache /bin/rustc --crate-name app` (signal: 11, SIGSEGV: in)\n",
            "signal: 11, SIGSEGV",
        ),
    ],
)
def test_damaged_state_is_recognized(output: str, words: str) -> None:
    assert recognize(f"Compiling app\n{output}more\n") == Failure(words, Remedy.CLEAR)


@pytest.mark.parametrize("word", ["unable", "Unable"])
def test_a_registry_that_did_not_answer_is_recognized(word: str) -> None:
    output = f"error: failed to get `x`\n\nCaused by:\n  {word} to update registry `crates-io`\n"
    assert recognize(output) == Failure(f"{word} to update registry", Remedy.WAIT)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "error[E0308]: mismatched types\n",
        # A program of the repository's own that crashes does so every time.
        f"{NOT_SUCCESSFUL}`/t/debug/build/rustc-x/build-script-build` (signal: 11, SIGSEGV: in)\n",
        f"{NOT_SUCCESSFUL}`/bin/rustc --crate-name app` (exit status: 1)\n",
        f"{NOT_SUCCESSFUL}`/bin/rustc --crate-name app` (signal: 9, SIGKILL: kill)\n",
        "thread 'main' panicked at build.rs:3:5\n",
        "thread 'rustc' panicked at compiler/rustc_middle/src/ty/mod.rs:1:1:\n",
        # No linker has said so.
        'error: undefined symbol\n --> src/main.rs\n1 | compile_error!("undefined symbol");\n',
        f"{LINKING}/usr/bin/ld: cannot find -lz: No such file or directory\n",
        "error: failed to load source for dependency `x`\n",
        # There is no registry: this is said of a vendored crate, and why is said below.
        "  unable to update registry `crates-io`\n\nCaused by:\n"
        "  failed to read root of directory source: /x/vendor\n",
    ],
)
def test_nothing_else_is(output: str) -> None:
    assert recognize(output) is None


class FailingTools:
    """The real Cargo, compiler and linker, of which the first calls fail as they are told to.

    Each call of Cargo leaves a line in `calls`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls = root / "calls"
        self.cargo = self._script("cargo", f"echo call >> {self.calls}", "exec cargo")

    def command(self, **tools: Path) -> list[str]:
        """Cargo's command line, with further tools by the variables that name them."""
        env = [f"{name}={path}" for name, path in tools.items()]
        return ["env", *env, str(self.cargo), "build", "--offline", "--bin=app"]

    def times(self) -> int:
        """How often Cargo was called."""
        return len(self.calls.read_text().splitlines())

    def failing(self, name: str, real: str, said: str, times: int = 1, only: str = "") -> Path:
        """A tool that fails so many times, in calls with `only` among their arguments."""
        end = "kill -SEGV $$" if said == "SEGV" else f"echo {shlex.quote(said)} >&2; exit 101"
        left = self.root / f"{name}-failures"
        left.write_text("x" * times)
        return self._script(
            name,
            f'case " $* " in *"{only}"*) if [ -s {left} ]; then',
            f"truncate --size=-1 {left}; {end}",
            f"fi;; esac; exec {real}",
        )

    def _script(self, name: str, *lines: str) -> Path:
        script = self.root / name
        script.write_text("\n".join(["#!/bin/sh", *lines]) + ' "$@"\n')
        script.chmod(0o755)
        return script


@pytest.fixture
def tools(tmp_path: Path) -> FailingTools:
    return FailingTools(tmp_path)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "sandbox")


def notes(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith(NOTE)]


def cleared(sandbox: Sandbox, words: str) -> str:
    target = sandbox.directory / "target"
    return (
        f"{NOTE}Cargo failed ({words}): {target}, which may be damaged, was cleared to build once "
        "more."
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [(PANIC, PANIC[PANIC.index("panicked") : PANIC.index(".rs")]), ("SEGV", "signal: 11, SIGSEGV")],
)
def test_after_a_crash_of_the_compiler_all_is_built_once_more(
    sandbox: Sandbox, tools: FailingTools, said: str, words: str
) -> None:
    rustc = tools.failing("wrapper", "", said, only="--crate-name app")
    code, out, err = sandbox.run(tools.command(RUSTC_WRAPPER=rustc), CRATES)
    assert (code, err) == (0, "")
    assert notes(out) == [cleared(sandbox, words)]
    assert out.count("Compiling lib") == 2
    assert tools.times() == 2
    assert (sandbox.directory / "build.log").read_text() == out.partition("\n")[2]


def test_so_it_is_after_a_linker_that_lacks_symbols(sandbox: Sandbox, tools: FailingTools) -> None:
    linker = tools.failing("linker", "cc", REFERENCE, only="app")
    code, out, _ = sandbox.run(tools.command(RUSTFLAGS=Path(f"-Clinker={linker}")), CRATES)
    assert code == 0, out
    assert notes(out) == [cleared(sandbox, "undefined reference")]
    assert tools.times() == 2


def test_a_failure_that_clearing_does_not_mend_is_one(
    sandbox: Sandbox, tools: FailingTools
) -> None:
    rustc = tools.failing("wrapper", "", UNSTABLE, times=9, only="--crate-name app")
    code, out, _ = sandbox.run(tools.command(RUSTC_WRAPPER=rustc), CRATES)
    assert code == 101
    assert notes(out) == [cleared(sandbox, "Found unstable fingerprints for")]
    assert tools.times() == 2


def test_a_registry_is_asked_again_and_nothing_is_cleared(
    sandbox: Sandbox, tools: FailingTools
) -> None:
    sandbox.run(tools.command(), CRATES)
    said = "error: failed to get `x`\n\nCaused by:\n  Unable to update registry `crates-io`"
    tools.cargo = tools.failing("flaky", str(tools.cargo), said, times=2)
    code, out, _ = sandbox.run(tools.command(), CRATES)
    again = f"{NOTE}Cargo failed (Unable to update registry): Cargo was run again."
    assert (code, notes(out)) == (0, [again, again])
    assert "Compiling" not in out
    tools.cargo = tools.failing("down", str(tools.cargo), said, times=9)
    code, out, _ = sandbox.run(tools.command(), CRATES)
    assert (code, notes(out)) == (101, [again, again])
    assert out.count("Unable to update registry `crates-io`") == 3


def test_an_error_in_the_sources_is_met_once(sandbox: Sandbox, tools: FailingTools) -> None:
    broken = {**CRATES["app"], "app/src/main.rs": "fn main() { 1 + }\n"}
    code, out, _ = sandbox.run(tools.command(), {**CRATES, "app": broken})
    assert code == 101
    assert "error: expected expression" in out
    assert notes(out) == []
    assert tools.times() == 1
