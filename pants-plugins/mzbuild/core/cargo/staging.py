"""Builds with Cargo in a directory that stays, from sources that are put there by content.

This runs by itself, as a process in a sandbox; see `cargo.program`. Cargo
knows what it has compiled by absolute path and modification time, so a build in a fresh sandbox
would compile everything. Here the sources are staged into the same directory each time.

The plan is a JSON object:

    directory   where the build lives, relative to the sandbox; kept between builds
    root        the repository
    sources     the files to build from: path in the repository -> [crate, digest, mode]
    empty       source paths that are to be empty files, for targets that are not built
    git         whether Git works among the sources
    packages    the parts of the sources, which are their crates: the package and the key of each
    scripts     files that the command needs: path in the directory -> content
    prefix      what the command and those of `finish` are added to; it is run in `root`
    command     Cargo's command line, where `@MZBUILD_CARGO_DIRECTORY@` is the directory
    workspace   the directory of the sources to run it in; "" for their root
    triple      the platform that is compiled for
    actions     what is to be done when the command is through, by keys of any kind

What is done for an action ends up in the directory `results/KEY`, where all paths of it begin:

    programs    their paths in Cargo's target directory
    directories those that the commands of `finish` write to
    finish      command lines, as `command` is one, to run one after another: they take the programs
    extract     for each file: package, path as in `results.origin`, path
    others      the crates of sources that are not there when this alone is built
    own         sources of those crates that are there all the same

It needs nothing but the standard library, so that any Python can run it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import IO, Any, BinaryIO

from mzbuild.core.cargo.lent_environment import borrowed
from mzbuild.core.cargo.memory import forget_changed, made_by_unchanged
from mzbuild.core.cargo.staged_files import (
    DIRECTORY,
    NOT_YET_STAGED,
    SOURCES,
    ChangedError,
    load_known,
    save_known,
    stage,
)
from mzbuild.core.cargo.staged_git import set_up_git

# What lies in a build's directory, besides what only builds look at.
LOCK = "lock"

_EMPTY = "empty"

_RESULTS = "mzbuild.core.cargo.results"

_REGULAR = 0o100644  # Git's mode.

# What is told beside Cargo's own output begins with this, for whoever reads only such lines.
NOTE = "mzbuild: "

_MESSAGE_START = b'{"reason":'


@contextmanager
def locked(directory: str, *, wait: bool = True) -> Iterator[None]:
    """Holds a directory for one build at a time; the lock goes with the process that holds it.

    Raises `BlockingIOError` where somebody else has it and nobody is to wait.
    """
    path = os.path.join(directory, LOCK)
    while True:
        os.makedirs(directory, exist_ok=True)
        try:
            lock = open(path, "w")  # noqa: SIM115  # It is closed below.
        except FileNotFoundError:
            continue  # The directory was removed at this very moment.
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait:
                    raise
                print("Waiting for another build in the same directory.", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(lock.fileno(), path):
                yield
                return
            # Whoever had it has removed the directory, and with it this file.


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def run(
    command: list[str], directory: str, env: Mapping[str, str], log: BinaryIO
) -> tuple[int, list[dict[str, Any]]]:
    """Runs Cargo with its output both shown and written to a log.

    Returns its exit code and the messages for programs that it writes among its output, one in a
    line: https://doc.rust-lang.org/cargo/reference/external-tools.html
    """
    messages = []

    def follow(stream: IO[bytes]) -> None:
        # Where nobody reads any more, Cargo is not to wait until somebody does.
        with stream:
            for line in stream:
                if line.startswith(_MESSAGE_START):
                    messages.append(json.loads(line))
                else:
                    _write(line, log)

    # Not by one pipe: what runs Cargo elsewhere, as `docker run` does, would mix them within lines.
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=directory, env=env, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # What is needed only from here on is loaded while Cargo begins.
        from concurrent.futures import ThreadPoolExecutor

        import_module(_RESULTS)
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(follow, each) for each in (process.stdout, process.stderr)]
        for each in both:
            each.result()
    return process.returncode, messages


def run_until_sound(
    command: list[str], directory: str, env: Mapping[str, str], log: BinaryIO
) -> tuple[int, list[dict[str, Any]]]:
    """Runs Cargo, and again where it fails in a way that the sources are not to blame for.

    Each such time is told, among the output, by a line that begins with `NOTE`. The target
    directory, whose state may be damaged, is `env`'s. Returns what the last run gives.
    """
    tried: list[object] = []
    while True:
        start = log.tell()
        code, messages = run(command, directory, env, log)
        if not code:
            return code, messages
        # Nobody else waits for these to be loaded.
        from mzbuild.core.cargo.failures import RETRIES, Remedy, recognize

        failure = recognize(_read_from(log, start))
        target_directory = env["CARGO_TARGET_DIR"]
        # What the compiler said of itself, Cargo would believe even in another environment.
        with suppress(FileNotFoundError):
            os.remove(os.path.join(target_directory, ".rustc_info.json"))
        if failure is None or tried.count(failure.remedy) == RETRIES[failure.remedy]:
            return code, messages
        tried.append(failure.remedy)
        if failure.remedy is Remedy.CLEAR:
            done = f"{target_directory}, which may be damaged, was cleared to build once more"
            shutil.rmtree(target_directory, ignore_errors=True)
        else:
            done = "Cargo was run again"
            time.sleep(1)
        _write(f"{NOTE}Cargo failed ({failure.words}): {done}.\n".encode(), log)


def _write(line: bytes, log: BinaryIO) -> None:
    for stream in (log, sys.stdout.buffer):
        stream.write(line)
        stream.flush()


def _read_from(log: BinaryIO, start: int) -> str:
    end = log.tell()
    log.seek(start)
    output = log.read(end - start)
    return output.decode(errors="replace")


def write_scripts(directory: str, scripts: Mapping[str, str]) -> None:
    """Writes files below a directory; those that begin with `#!` can be executed."""
    for path, content in scripts.items():
        script = os.path.join(directory, path)
        os.makedirs(os.path.dirname(script), exist_ok=True)
        with open(script, "w") as file:
            file.write(content)
        os.chmod(script, 0o755 if content.startswith("#!") else 0o644)


def build(plan: Mapping[str, Any], lent: Mapping[str, str]) -> int:
    """Does what a plan says and returns the exit code of its command."""
    directory = os.path.realpath(plan["directory"])
    sources_directory = os.path.join(directory, SOURCES)
    target_directory = os.path.join(directory, "target")
    known_file = os.path.join(directory, "staged.json")
    sources = {path: tuple(entry) for path, entry in plan["sources"].items()}
    sources.update(dict.fromkeys(plan["empty"], (None, _EMPTY, _REGULAR)))
    with locked(directory):
        os.makedirs(sources_directory, exist_ok=True)
        start = time.monotonic()
        known = load_known(known_file)
        stays = made_by_unchanged(directory, plan["packages"], sources)
        new = dict.fromkeys(sources.keys() - known.keys(), NOT_YET_STAGED)
        if new:
            # What is staged until somebody kills this is not to look as if it was made there.
            save_known(known_file, {**known, **new})
        staged = stage(sources_directory, plan["root"], sources, known, plan["elsewhere"], stays)
        save_known(known_file, staged)
        if refused := set_up_git(plan, sources_directory, os.environ):
            print(f"{NOTE}Build scripts cannot ask Git for anything: {refused}", flush=True)
        if plan["actions"]:
            forget_changed(directory, target_directory, plan["packages"])
        print(f"Staged {len(sources)} files in {time.monotonic() - start:.2f} s.", flush=True)
        workspace = os.path.join(sources_directory, plan["workspace"])
        write_scripts(directory, plan["scripts"])
        command = plan["prefix"] + [word.replace(DIRECTORY, directory) for word in plan["command"]]
        env = {
            **os.environ,
            **lent,
            "CARGO_TARGET_DIR": target_directory,
            "MZBUILD_CARGO_DIRECTORY": directory,
        }
        root = plan["root"] if plan["prefix"] else None
        with open(os.path.join(directory, "build.log"), "w+b") as log:
            code, messages = run_until_sound(command, root or workspace, env, log)
        from mzbuild.core.cargo.results import Tools, deliver_all

        tools = Tools(plan["prefix"], root, env, directory)
        return deliver_all(plan, code, messages, tools)


def main(plan_file: str, lent_file: str) -> int:
    """Builds by the plan in a file, with what is lent to it by another; what goes wrong is said on
    standard error."""
    with open(plan_file) as file:
        plan = json.load(file)
    try:
        return build(plan, borrowed(lent_file))
    except ChangedError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            place = os.path.realpath(plan["directory"])
            print(
                f"The disk is full: {place} needs more room. Free some; `pants mzbuild-clean` "
                "removes what Cargo has compiled.",
                file=sys.stderr,
            )
        else:
            print(f"Staging the sources failed: {error}", file=sys.stderr)
    return 1
