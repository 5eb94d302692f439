from __future__ import annotations

import pytest
from mzbuild.core.cargo.arguments import MESSAGES
from mzbuild.core.cargo.causes import cargo_by_hand, cargo_cause
from mzbuild.core.cargo.settings import CargoFlags, CargoSettings

OUTPUT = """\
   Compiling hub v0.1.0 (/x/sources/hub)
warning: unused variable: `x`
 --> hub/src/lib.rs:1:5
  |
error[E0432]: unresolved import `other`
  --> other/src/lib.rs:10:1
error[E0308]: mismatched types
 --> hub/src/lib.rs:2:15
  |
2 |   let x: u8 = "a";
error: could not compile `hub` (lib) due to 1 previous error
"""
LINKER = "error: linking with `cc` failed: exit status: 1\n  |\n  = note: cc\n"
FOLLOWS = "error: could not compile `hub` (lib)\n\nCaused by:\n  rustc was killed\n\n"
LOCK = "error: the lock file /x/Cargo.lock needs to be updated but --locked was passed\n"


@pytest.mark.parametrize(
    ("output", "root", "said"),
    [
        (OUTPUT, "", "hub/src/lib.rs:2:15: error[E0308]: mismatched types"),
        # The compiler tells paths from the workspace on.
        (
            OUTPUT.replace("> hub", "> ../hub"),
            "rust",
            "hub/src/lib.rs:2:15: error[E0308]: mismatched types",
        ),
        (LINKER + FOLLOWS, "", "i/mzbuild.yml: error: linking with `cc` failed: exit status: 1"),
        (LOCK, "", f"i/mzbuild.yml: {LOCK.strip()}"),
        (FOLLOWS, "", "i/mzbuild.yml: rustc was killed"),
        (f"{FOLLOWS}`x` was read\n", "", "i/mzbuild.yml: `x` was read"),
        ("", "", "i/mzbuild.yml: Cargo failed, and said nothing."),
        ("Staged 9 files in 0.16 s.\n", "", "i/mzbuild.yml: Cargo failed, and said nothing."),
    ],
)
def test_the_first_error_of_an_action_is_told_with_its_place(
    output: str, root: str, said: str
) -> None:
    assert cargo_cause(output, "i/mzbuild.yml", root, ["hub/src/lib.rs"]) == said


def test_a_command_to_run_again_has_all_that_decides_what_is_built() -> None:
    args = ("build", "--bin=app", MESSAGES)
    plain = CargoSettings("x86_64-unknown-linux-gnu", "dev")
    assert cargo_by_hand(args, plain, "") == "cargo build --bin=app"
    flags = CargoFlags(rustflags=("-Zsanitizer=address", "-g"), env=(("CXX", "clang++"),))
    full = CargoSettings(
        *("aarch64-unknown-linux-gnu", "dev"),
        flags=flags,
        linker="ld",
        command_prefix=("bin/run it", "x"),
        toolchain="nightly",
    )
    assert cargo_by_hand(args, full, "rust") == (
        "'bin/run it' x env --chdir=rust CXX=clang++ "
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=ld "
        "'CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Zsanitizer=address -g' "
        "cargo +nightly build --bin=app"
    )
