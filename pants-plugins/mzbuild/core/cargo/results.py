"""What a Cargo build has made, brought to where the plan wants it.

This is part of the program in `cargo.program`. It copies files and runs processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from mzbuild.core.cargo.staged_files import DIRECTORY, SOURCES

_SPACE = "\0"
_TARGET_ROOT = re.compile(r"\$(?:CARGO_TARGET_DIR|\{CARGO_TARGET_DIR\})(?:/+|$)")

# Results lie ready until whoever wanted them has fetched them, which is soon.
_KEPT = 600  # seconds


class ResultError(Exception):
    """What a build cannot give, in words."""


class Tools(NamedTuple):
    """How programs are run that are not Cargo's: by the command prefix, if there is one, which is
    itself run in `root`; `directory` is that of the build."""

    prefix: Sequence[str]
    root: str | None
    env: Mapping[str, str]
    directory: str

    def run(self, command: Sequence[str], directory: str) -> None:
        """Runs a command in a directory; raises `ResultError` where it is not there or fails."""
        there = ["sh", "-c", 'cd "$0" && exec "$@"', directory] if self.prefix else []
        command = [word.replace(DIRECTORY, self.directory) for word in command]
        try:
            subprocess.run(
                [*self.prefix, *there, *command],
                cwd=self.root or directory,
                env=self.env,
                check=True,
            )
        except FileNotFoundError as error:
            raise ResultError(
                f"`{error.filename}` is not on the PATH. Install it (in the package `binutils`)."
            ) from None
        except subprocess.CalledProcessError as error:
            raise ResultError(
                f"`{' '.join(command)}` failed with exit code {error.returncode}."
            ) from None


def is_built(
    paths: Iterable[str], target_directory: str, messages: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether Cargo has said that all of these programs are up to date or were just built."""
    built = {message.get("executable") for message in messages}
    return all(os.path.join(target_directory, path) in built for path in paths)


def deliver_all(
    plan: Mapping[str, Any],
    code: int,
    messages: Sequence[Mapping[str, Any]],
    tools: Tools,
) -> int:
    """Puts the results of a plan's actions where they lie ready, when Cargo is through.

    `code` is Cargo's exit code, and `messages` is what it has told programs. Says on standard error
    which results are not to be had, and why; returns the exit code of it all.
    """
    target_directory = tools.env["CARGO_TARGET_DIR"]
    triple_directory = os.path.join(target_directory, plan["triple"])
    results_directory = os.path.join(tools.directory, "results")
    discard_old(results_directory)
    # A command that has failed may have built all that one of the actions needs.
    built = {
        key: action
        for key, action in plan["actions"].items()
        if code == 0 or is_built(action["programs"], target_directory, messages)
    }
    placeholders = dict.fromkeys(plan["empty"], (None,))
    sources = {**plan["sources"], **placeholders}
    places = crates_by_place(sources, os.path.join(tools.directory, SOURCES))

    def finish(key: str) -> str:
        place = os.path.join(results_directory, key)
        try:
            if code == 0:
                # Of what was built before something failed, Cargo writes nothing down.
                check_read(built[key], places, target_directory)
            deliver(built[key], place, tools, target_directory, messages, triple_directory)
        except ResultError as error:
            return f"{error}\n"
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = "".join(pool.map(finish, built))
    sys.stderr.write(problems)
    return code or int(bool(problems))


def crates_by_place(
    sources: Mapping[str, Sequence[Any]], directory: str
) -> Mapping[str, tuple[str, str | None]]:
    """The path and the crate of each source, by how Cargo writes down that it was read; `directory`
    is where they are staged. What only has to be there is of no crate."""
    # Between what was read are spaces, so that those of a path stand behind a backslash there.
    start = os.path.join(directory, "").replace(" ", _SPACE)
    return {
        start + path.replace(" ", _SPACE): (path, crate) for path, (crate, *_) in sources.items()
    }


def check_read(
    action: Mapping[str, Any], places: Mapping[str, tuple[str, str | None]], target_directory: str
) -> None:
    """Raises `ResultError` where something was read for an action that is not there for it alone.

    `places` is what `crates_by_place` gives of all sources. Beside a program, Cargo writes down
    what the compiler has read for it, and what build scripts say that they have:
    https://doc.rust-lang.org/cargo/reference/build-cache.html#dep-info-files
    """
    others, own = frozenset([None, *action["others"]]), frozenset(action["own"])
    problems = set()
    for built in action["programs"]:
        with open(os.path.join(target_directory, f"{built}.d"), errors="surrogateescape") as file:
            written = file.read().replace("\\ ", _SPACE)
        read = written.split()
        if "/../" in written:
            read = [os.path.normpath(path) if "/../" in path else path for path in read]
        for path, crate in (places[path] for path in read if path in places):
            if crate in others and path not in own:
                program = os.path.basename(built)
                reason = (
                    "only stands there empty, since its crate is not built"
                    if crate is None
                    else "is there only because something else that needs the crate "
                    f"`{crate}` is built at the same time"
                )
                problems.add(
                    f"`{path}` was read to build `{program}`, but {reason}. Depend on "
                    "that crate by `path`, or move the file into the crate that reads it."
                )
    if problems:
        raise ResultError("\n".join(sorted(problems)))


def deliver(
    action: Mapping[str, Any],
    place: str,
    tools: Tools,
    target_directory: str,
    messages: Iterable[Mapping[str, Any]],
    triple_directory: str,
) -> None:
    """Puts an action's results into a directory, all of them or none.

    If they are there, they stay as they are: somebody may be reading them. Raises `ResultError`
    where one of them is not to be had.
    """
    if os.path.isdir(place):
        os.utime(place)
        return
    unfinished = f"{place}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(unfinished)
    finish(action["finish"], action["directories"], tools, unfinished)
    extract(action["extract"], messages, triple_directory, unfinished)
    os.rename(unfinished, place)


def discard_old(directory: str) -> None:
    """Removes results that lie in a directory for too long."""
    os.makedirs(directory, exist_ok=True)
    for entry in os.scandir(directory):
        if entry.stat().st_mtime < time.time() - _KEPT:
            shutil.rmtree(entry.path, ignore_errors=True)


def finish(
    commands: Iterable[Sequence[str]], directories: Iterable[str], tools: Tools, place: str
) -> None:
    """Runs commands, which may write into the directories.

    Raises `ResultError` for a command that is not there or that fails.
    """
    for directory in directories:
        os.makedirs(os.path.join(place, directory), exist_ok=True)
    for command in commands:
        tools.run(command, place)


def extract(
    wanted: Iterable[tuple[str, str, str]],
    messages: Iterable[Mapping[str, Any]],
    triple_directory: str,
    place: str,
) -> None:
    """Copies files that build scripts made: of a package, from a path as in `origin`, to a path,
    or into a directory whose path ends in `/`.

    `triple_directory` is where Cargo keeps what it makes for the target platform, in its target
    directory. Raises `ResultError` for a package without the one build script, and for a path that
    is not there or leads out of the target directory.
    """
    ran = _out_directories(messages)
    target_directory = os.path.dirname(triple_directory)
    for package, source, destination in wanted:
        directory = _out_directory(package, ran, triple_directory)
        made = origin(source, directory, target_directory)
        if made is None:
            raise ResultError(
                f"`extract`: `{source}` leads from the OUT_DIR of `{package}` out of Cargo's "
                "target directory. Give a path in it, such as `$CARGO_TARGET_DIR/…`."
            )
        copy = os.path.join(place, destination)
        if destination.endswith("/") and os.path.isfile(made):
            copy += os.path.basename(made)
        _make_parent(copy)
        if os.path.isdir(made):
            try:
                shutil.copytree(made, copy, dirs_exist_ok=True)
            except shutil.Error as error:
                ((path, _, reason), *_) = error.args[0]
                raise ResultError(
                    f"`extract`: `{os.path.relpath(path, directory)}`, which the build script of "
                    f"`{package}` made, cannot be copied: {reason}."
                ) from None
        elif os.path.isfile(made):
            shutil.copy(made, copy)
        else:
            inside = made.startswith(f"{directory}/")
            there = sorted(os.listdir(directory if inside else target_directory))
            raise ResultError(
                f"`extract`: the build script of `{package}` made no `{source}`. "
                f"{'Its OUT_DIR' if inside else 'The target directory'} has: "
                f"{', '.join(there) or 'nothing'}."
            )


def origin(source: str, out_directory: str, target_directory: str) -> str | None:
    """The path of what is to be extracted; None where it leads out of Cargo's target directory.

    `source` is relative to a package's OUT_DIR, or begins with `$CARGO_TARGET_DIR`, which is the
    directory that has those of triples and profiles in it.
    """
    below = _TARGET_ROOT.match(source)
    if below:
        path = os.path.join(target_directory, source[below.end() :])
    else:
        path = os.path.join(out_directory, source)
    normal = os.path.normpath(path)
    return normal if f"{normal}/".startswith(f"{target_directory}/") else None


def package_name(package_id: str) -> str:
    """The name of the package that an ID stands for.

    It has one of the forms `<kind>+<url>#<name>@<version>`, `<kind>+<url>/<name>#<version>`
    (where the URL, but for its query, ends like the package) and, before Cargo 1.77,
    `<name> <version> (<source>)`:
    https://doc.rust-lang.org/cargo/reference/pkgid-spec.html
    """
    if " " in package_id:
        return package_id.split(" ")[0]
    url, _, fragment = package_id.partition("#")
    name, at, _ = fragment.partition("@")
    return name if at else url.partition("?")[0].rstrip("/").rpartition("/")[2]


def _out_directories(messages: Iterable[Mapping[str, Any]]) -> Mapping[str, Mapping[str, str]]:
    """The OUT_DIRs of the build scripts that ran, with the packages' IDs, by the packages' names:
    https://doc.rust-lang.org/cargo/reference/external-tools.html#build-script-output"""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for message in messages:
        if message["reason"] == "build-script-executed":
            package_id = message["package_id"]
            found[package_name(package_id)][message["out_dir"]] = package_id
    return found


def _out_directory(
    package: str, ran: Mapping[str, Mapping[str, str]], triple_directory: str
) -> str:
    """The OUT_DIR of the one build script of a package that ran for the target platform.

    What the same script wrote for the machine that compiles lies outside the triple's directory.
    """
    of_target = {
        name: [path for path in directories if path.startswith(f"{triple_directory}/")]
        for name, directories in ran.items()
    }
    found = of_target.get(package, [])
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(ran[package][path] for path in found))
        raise ResultError(
            f"`extract`: Cargo ran the build scripts of several packages `{package}` for this "
            f"build: {ids}. Have the workspace agree on one."
        )
    if package in ran:
        raise ResultError(
            f"`extract`: `{package}` was built only for the machine that compiles, as a dependency "
            "of a build script or of a procedural macro. Depend on it in `[dependencies]`."
        )
    others = ", ".join(sorted(name for name, paths in of_target.items() if paths)) or "none"
    raise ResultError(
        f"`extract`: Cargo ran no build script of a package `{package}` for this build. "
        f"It ran those of: {others}."
    )


def _make_parent(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
