"""Git among the staged sources, so that what asks for the revision gets the work tree's answer.

This is part of the program in `cargo.program`. It runs Git and writes files.

The sources get a repository of their own, with the objects of the real one and copies of all that
is small: whatever a build script does with it, the real one is not written to. Files that are not
staged are not to look deleted. Git's own commands see the sources as the work tree, since they take
`core.worktree` from the configuration file itself only; libgit2 and gitoxide, which know nothing of
`skip-worktree`, find it in an included file and look at the real one:
https://git-scm.com/docs/gitrepository-layout
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

GIT = ".git"

_SYMLINK = 0o120000
_SUBMODULE = 0o160000

# The keys at the end prevail over those of the real configuration.
_CONFIG = """\
[include]
	path = {config}
[core]
	repositoryformatversion = {version}
	bare = false
	fsmonitor = false
	splitIndex = false
	untrackedCache = false
[sparse]
	expectFilesOutsideOfPatterns = true
[extensions]
	objectFormat = {objects}
"""
_INCLUDED = "[include]\n\tpath = worktree\n"
_WORK_TREE = "[core]\n\tworktree = {top}\n"

_REFS = "%(HEAD) %(objectname) %(refname) %(*objectname)"
_PACKED = "# pack-refs with: peeled fully-peeled sorted \n"


class _GitRefusedError(Exception):
    """What Git has said, in words."""


class _Entry(NamedTuple):
    """A line of the index, and what is in it."""

    line: str
    mode: int
    path: str
    unmerged: bool


def set_up_git(plan: Mapping[str, Any], directory: str, env: Mapping[str, str]) -> str:
    """Has Git work in the directory of a plan's sources, unless it is not to.

    Returns what Git has refused, in words, if anything: then it does not work there.
    """
    refused = ""
    if plan["git"]:
        try:
            _lend(plan["root"], directory, _as_in_root(plan), env)
        except (_GitRefusedError, OSError) as error:
            refused = str(error)
        else:
            return refused
    for parent, directories, _ in os.walk(directory):
        if GIT in directories:
            directories.remove(GIT)
            shutil.rmtree(os.path.join(parent, GIT))
    return refused


def _as_in_root(plan: Mapping[str, Any]) -> Mapping[str, int]:
    """The modes of the files that are staged as they are: of a crate that is not built, there are
    empty ones, and the text of a symlink is made relative."""
    root, elsewhere = plan["root"], plan["elsewhere"]
    return {
        path: mode
        for path, (crate, digest, mode) in plan["sources"].items()
        if crate
        and (
            mode != _SYMLINK or os.readlink(elsewhere.get(path, os.path.join(root, path))) == digest
        )
    }


def _lend(root: str, directory: str, staged: Mapping[str, int], env: Mapping[str, str]) -> None:
    """Has Git work in a directory of staged files as it does in a work tree at `root`.

    `staged` has the modes of the files. What is there already is kept where it is the same, so that
    build scripts which depend on it stay fresh. Raises
    `_GitRefusedError` where Git does.
    """
    git_dir, config, objects, shallow, info, object_format, *prefixed = _git(
        root,
        env,
        *("rev-parse", "--absolute-git-dir", "--git-path", "config", "--git-path", "objects"),
        *("--git-path", "shallow", "--git-path", "info", "--show-object-format", "--show-prefix"),
    ).splitlines()
    prefix = prefixed[0] if prefixed else ""
    # Of a part of a work tree, only the whole of it can be told about.
    top = os.path.normpath(os.path.join(root, *[".."] * prefix.count("/")))
    place = os.path.join(directory, GIT)
    os.makedirs(place, exist_ok=True)
    _write(place, "config", _config(os.path.join(root, config), object_format, prefix, top))
    _write(place, "worktree", _WORK_TREE.format(top=_quoted(top)))
    _write(place, "objects/info/alternates", f"{os.path.join(root, objects)}\n")
    _copy(os.path.join(root, shallow), place, "shallow")
    for name in ("exclude", "attributes"):
        _copy(os.path.join(root, info, name), place, f"info/{name}")
    _write_refs(place, _git(root, env, "for-each-ref", f"--format={_REFS}"), git_dir)
    entries = _entries(_git(top, env, "ls-files", "--stage", "-z"))
    hidden: list[str] = []
    if not prefix:
        status = _git(root, env, "status", "--porcelain", "-z", "-uno", "--no-renames")
        changed = {each[3:] for each in status.split("\0") if each[1:2] not in ("", " ")}
        hidden = [
            entry.path
            for entry in entries
            if not entry.unmerged
            and entry.path not in changed
            and staged.get(entry.path) != entry.mode
        ]
    _write_index(directory, entries, hidden, env)
    for entry in entries:
        start = f"{entry.path}/"
        inner = os.path.join(top, entry.path)
        if entry.mode == _SUBMODULE and os.path.lexists(os.path.join(inner, GIT)):
            below = {path[len(start) :]: staged[path] for path in staged if path.startswith(start)}
            if below and not prefix:
                _lend(inner, os.path.join(directory, entry.path), below, env)


def _config(path: str, object_format: str, prefix: str, top: str) -> str:
    version = int(object_format != "sha1")
    config = _CONFIG.format(config=_quoted(path), version=version, objects=object_format)
    if not version:
        config = config[: config.index("[extensions]")]
    return config + (_WORK_TREE.format(top=_quoted(top)) if prefix else _INCLUDED)


def _write_refs(place: str, refs: str, git_dir: str) -> None:
    """Writes all refs to one file, but that of the branch, which others look at."""
    packed, head, branch, commit = [_PACKED], "", "", ""
    for line in refs.splitlines():
        marked, name, ref, *peeled = line[0], *line[2:].split(" ")
        packed.append(f"{name} {ref}\n")
        packed += [f"^{each}\n" for each in peeled if each]
        if marked == "*":
            head, branch, commit = f"ref: {ref}\n", ref, f"{name}\n"
    if not head:
        with open(os.path.join(git_dir, "HEAD"), errors="surrogateescape") as file:
            head = file.read()
    if branch and not os.path.isfile(os.path.join(place, branch)):
        shutil.rmtree(os.path.join(place, "refs"), ignore_errors=True)
    os.makedirs(os.path.join(place, "refs"), exist_ok=True)
    _write(place, "HEAD", head)
    _write(place, "packed-refs", "".join(packed))
    if branch:
        _write(place, branch, commit)


def _entries(listing: str) -> Sequence[_Entry]:
    found = []
    for line in listing.split("\0")[:-1]:
        words, _, path = line.partition("\t")
        mode, _, stage = words.split(" ")
        found.append(_Entry(line, int(mode, 8), path, stage != "0"))
    return found


def _write_index(
    directory: str, entries: Sequence[_Entry], hidden: Sequence[str], env: Mapping[str, str]
) -> None:
    """Writes the index anew where other files are in it, or other ones are staged."""
    place = os.path.join(directory, GIT)
    lines = "".join(f"{entry.line}\0" for entry in entries)
    skipped = "".join(f"{path}\0" for path in hidden)
    key = sha256(f"{lines}\0{skipped}".encode(errors="surrogateescape")).hexdigest()
    index, key_file = os.path.join(place, "index"), os.path.join(place, "index.key")
    if os.path.exists(index) and _read(key_file) == key:
        return
    for path in (key_file, index, f"{index}.lock"):
        with suppress(FileNotFoundError):
            os.remove(path)
    _git(directory, env, "update-index", "-z", "--index-info", stdin=lines)
    _git(directory, env, "update-index", "-z", "--skip-worktree", "--stdin", stdin=skipped)
    _write(place, "index.key", key)


def _git(directory: str, env: Mapping[str, str], *args: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["git", "-C", directory, *args],
        input=stdin,
        env={**env, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if done.returncode:
        raise _GitRefusedError(f"`git {' '.join(args)}` failed: {done.stderr.strip()}")
    return done.stdout


def _quoted(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)


def _copy(source: str, place: str, path: str) -> None:
    content = _read(source)
    if content is not None:
        _write(place, path, content)
    else:
        with suppress(FileNotFoundError):
            os.remove(os.path.join(place, path))


def _read(path: str) -> str | None:
    try:
        with open(path, errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write(place: str, path: str, content: str) -> None:
    full_path = os.path.join(place, path)
    if _read(full_path) != content:
        os.makedirs(os.path.dirname(full_path), exist_ok=True)
        with open(full_path, "w", errors="surrogateescape") as file:
            file.write(content)
