from __future__ import annotations

from pathlib import Path

import pytest
from mzbuild.core.cargo.options import parse_cargo_options
from mzbuild.core.cargo.prefix import compiler_by_prefix, prefix_state
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.errors import MzbuildError

from tests.core.conftest import CONFIGURATION, ENV


def settings(*prefix: str, toolchain: str | None = None) -> CargoSettings:
    options = parse_cargo_options(command_prefix=prefix, toolchain=toolchain)
    return options.settings(CONFIGURATION)


BUILDER = settings("bin/builder", "run")


def builder(root: Path, script: str) -> None:
    (root / "bin").mkdir(exist_ok=True)
    (root / "bin/builder").write_text(f"#!/bin/sh\n{script}\n")
    (root / "bin/builder").chmod(0o755)


def test_a_prefix_is_run_at_the_root_with_a_directory_that_is_there(tmp_path: Path) -> None:
    builder(tmp_path, 'pwd -P; ls -d "$MZBUILD_CARGO_DIRECTORY"; shift; exec "$@"')
    root, directory, compiler, *_ = compiler_by_prefix(BUILDER, str(tmp_path), ENV).splitlines()
    assert root == str(tmp_path)
    assert directory.startswith("/")
    assert compiler.startswith("rustc 1.")


def test_another_prefix_is_another_compiler(tmp_path: Path) -> None:
    builder(tmp_path, "echo rustc")
    first = compiler_by_prefix(BUILDER, str(tmp_path), ENV)
    assert compiler_by_prefix(BUILDER, str(tmp_path), ENV) == first
    builder(tmp_path, "echo rustc # that sets something else, too")
    assert compiler_by_prefix(BUILDER, str(tmp_path), ENV) != first
    # What is not in the repository is known by what it says alone.
    echo = settings("echo", toolchain="beta")
    assert compiler_by_prefix(echo, str(tmp_path), ENV) == "rustc +beta -vV\n"


def test_what_a_prefix_leads_to_is_told_by_files(tmp_path: Path) -> None:
    def state(*prefix: str, toolchain: str | None = None, path: str = "/usr/bin") -> object:
        return prefix_state(settings(*prefix, toolchain=toolchain), str(tmp_path), path, ["file"])

    (tmp_path / "file").write_text("1")
    builder(tmp_path, "echo rustc")
    first = state("bin/builder")
    assert state("bin/builder") == first
    assert state("bin/builder", toolchain="beta") != first
    assert state("bin/builder", "run") != first
    by_shell, by_name = state("sh", "bin/builder"), state("builder", path=f"{tmp_path}/bin")
    builder(tmp_path, "echo another")
    assert state("bin/builder") != first
    assert state("sh", "bin/builder") != by_shell
    assert state("builder", path=f"{tmp_path}/bin") != by_name
    before = state("no-such-program")
    (tmp_path / "file").write_text("12")
    assert state("no-such-program") != before


def test_a_prefix_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    builder(tmp_path, 'echo "no container" >&2; exit 3')
    with pytest.raises(MzbuildError) as error:
        compiler_by_prefix(BUILDER, str(tmp_path), ENV)
    assert str(error.value) == (
        "`bin/builder run rustc -vV` should tell the version of the Rust compiler, but failed:\n"
        "no container\n"
        "See the options `command_prefix` and `toolchain` of [mzbuild-cargo]."
    )


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "bin/builder",
            "`bin/builder` cannot be run: No such file or directory. Name a program that is there, "
            "in the repository.",
        ),
        (
            "no-such-program",
            "`no-such-program` cannot be run: No such file or directory. Name a program that is "
            "there, on the PATH.",
        ),
    ],
)
def test_a_prefix_that_is_not_there_is_an_error(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(MzbuildError) as error:
        compiler_by_prefix(settings(program), str(tmp_path), ENV)
    assert str(error.value) == f"[mzbuild-cargo].command_prefix: {message}"


def test_a_prefix_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    builder(tmp_path, "echo rustc")
    (tmp_path / "bin/builder").chmod(0o644)
    with pytest.raises(MzbuildError) as error:
        compiler_by_prefix(BUILDER, str(tmp_path), ENV)
    assert str(error.value) == (
        "[mzbuild-cargo].command_prefix: `bin/builder` is not a program that you may run. If it is "
        "meant to be one: `chmod +x bin/builder`."
    )
