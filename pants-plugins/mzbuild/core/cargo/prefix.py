"""The compiler that a command prefix leads to. This runs the prefix, and looks at files."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from tempfile import TemporaryDirectory

from mzbuild.core.cargo.command import toolchain_args
from mzbuild.core.cargo.installed import file_status
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.errors import MzbuildError


def rustc_version_args(settings: CargoSettings) -> tuple[str, ...]:
    """Arguments of `rustc` that have it tell which compiler it is."""
    return (*toolchain_args(settings.toolchain), "-vV")


def no_compiler(command: Sequence[str], output: bytes) -> MzbuildError:
    """The error where the compiler does not tell which one it is; `output` is what it said."""
    return MzbuildError.of_lines(
        f"`{shlex.join(command)}` should tell the version of the Rust compiler, but failed:\n"
        f"{output.decode(errors='replace').strip()}\n"
        "See the options `command_prefix` and `toolchain` of [mzbuild-cargo]."
    )


def prefix_state(settings: CargoSettings, root: str, path: str, files: Iterable[str]) -> object:
    """Something that is another whenever the command prefix may lead to another compiler.

    The prefix is run in `root`, where `files` lie, which it or the compiler may read, too. `path`
    is the PATH. Of a container that has become another, no file tells.
    """
    program, *words = settings.command_prefix
    program = program if "/" in program else shutil.which(program, path=path) or program
    looked_at = [os.path.join(root, each) for each in (program, *words, *files)]
    states = tuple((each, file_status(each)) for each in looked_at)
    return settings.command_prefix, settings.toolchain, states


def compiler_by_prefix(settings: CargoSettings, root: str, env: Mapping[str, str]) -> str:
    """What tells the compiler that the command prefix leads to from any other.

    The prefix is run in `root`. Raises `MzbuildError` where it cannot be, or where it fails.
    """
    command = [*settings.command_prefix, "rustc", *rustc_version_args(settings)]
    try:
        with TemporaryDirectory() as directory:
            done = subprocess.run(
                command,
                cwd=root,
                env={**env, "MZBUILD_CARGO_DIRECTORY": directory},
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
    except PermissionError:
        raise MzbuildError(
            f"[mzbuild-cargo].command_prefix: `{command[0]}` is not a program that you may run. "
            f"If it is meant to be one: `chmod +x {shlex.quote(command[0])}`."
        ) from None
    except OSError as error:
        where = "in the repository" if "/" in command[0] else "on the PATH"
        raise MzbuildError(
            f"[mzbuild-cargo].command_prefix: `{command[0]}` cannot be run: {error.strerror}. "
            f"Name a program that is there, {where}."
        ) from None
    if done.returncode:
        raise no_compiler(command, done.stdout + done.stderr)
    return done.stdout.decode(errors="replace") + _content_digest(os.path.join(root, command[0]))


def _content_digest(path: str) -> str:
    """A prefix that is a script may set more than the compiler tells."""
    try:
        with open(path, "rb") as file:
            return sha256(file.read()).hexdigest()
    except OSError:
        return ""
