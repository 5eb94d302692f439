#!/usr/bin/env python3
"""Print the `mzbuild` fingerprints of a repository's images, without Pants.

This is what a straightforward script does: list the files with one call of Git, read the
manifests, hash every input once. It shares no code with the plugin, so it serves as the baseline
of the benchmarks and as a second opinion on every fingerprint that they see.

Needs PyYAML and, before Python 3.11, tomli.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import platform
import re
import stat
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from posixpath import basename, dirname, join, normpath
from typing import Any

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROFILES = ("optimized", "release", "dev")
ARCHES = ("x86_64", "aarch64")
SANITIZERS = ("none", "address", "hwaddress", "cfi", "thread", "leak", "undefined")

# Paths in a crate: what is no input of it, and where Cargo finds targets by itself.
COMPOSITION = re.compile(r"mzcompose(?:\.py|/.*)?", re.DOTALL)
AUTOMATIC = {
    "bin": re.compile(r"src/bin/([^/]+)(?:\.rs|/main\.rs)"),
    "example": re.compile(r"examples/([^/]+)(?:\.rs|/main\.rs)"),
}
CARGO_FILES = ("Cargo.toml", "Cargo.lock", ".cargo/config")

# What Git is to list: also untracked files that no ignore rule matches.
SEEN = ("--cached", "--others", "--exclude-standard")

SYMLINK, EXECUTABLE, REGULAR = 0o120000, 0o100755, 0o100644
SUBMODULE = 0o160000

YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UserError(Exception):
    """Something in the repository that keeps it from being fingerprinted."""


@dataclass(frozen=True)
class Config:
    arch: str
    profile: str
    coverage: bool
    sanitizer: str

    def suffix(self) -> bytes:
        return (
            f"profile=Profile.{self.profile.upper()}arch={self.arch}coverage={self.coverage}"
            f"sanitizer={self.sanitizer}mirror=ghcr"
        ).encode()

    def cargo_extra(self) -> bytes:
        words = [self.profile] if self.profile != "dev" else []
        words += ["coverage"] if self.coverage else []
        words += [self.sanitizer] if self.sanitizer != "none" else []
        return ",".join(sorted("".join(words))).encode()


def git(directory: str, *arguments: str) -> bytes:
    command = ["git", *arguments]
    result = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    if result.returncode:
        raise UserError(f"{directory}: {os.fsdecode(result.stderr).strip()}")
    return result.stdout


def git_ls_files(directory: str, *arguments: str) -> set[str]:
    listed = git(directory, "ls-files", "-z", *arguments)
    return set(listed.decode("utf-8", "surrogateescape").split("\0")) - {""}


def list_files(tree: str, left_out: dict[str, bytes], prefix: str = "") -> dict[str, int]:
    """Map `prefix` + path to the mode to hash, for each file that Git sees in a work tree.

    `left_out` gets the contents of those that a sparse checkout leaves out.
    """
    files: dict[str, int] = {}
    missing: set[str] = set()
    linked: dict[str, bool] = {"": False}

    def behind_link(directory: str) -> bool:
        if directory not in linked:
            link = os.path.islink(f"{tree}/{directory}")
            linked[directory] = link or behind_link(dirname(directory))
        return linked[directory]

    for name in git_ls_files(tree, *SEEN):
        path = f"{tree}/{name}"
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            missing.add(name)  # Deleted, or left out by a sparse checkout.
            continue
        if behind_link(dirname(name)):
            continue  # Its directory became a symlink: to Git, the file is gone.
        if stat.S_ISLNK(mode):
            files[prefix + name] = SYMLINK
        elif stat.S_ISREG(mode):
            files[prefix + name] = EXECUTABLE if mode & stat.S_IXUSR else REGULAR
        elif not name.endswith("/") and os.path.lexists(join(path, ".git")):
            files.update(list_files(path, left_out, f"{prefix}{name}/"))
    for line in git_ls_files(tree, "-t", "--stage") if missing else ():
        facts, _, name = line.partition("\t")
        tag, octal_mode, *_ = facts.split(" ")
        if tag == "S" and name in missing and not behind_link(dirname(name)):
            files[prefix + name] = int(octal_mode, 8)
            if files[prefix + name] != SUBMODULE:
                left_out[prefix + name] = git(tree, "cat-file", "--filters", f":./{name}")
    return files


def group(files: Iterable[str], directories: Iterable[str]) -> dict[str, list[str]]:
    """Give each file to the longest of the directories that it lies under, if any."""
    groups: dict[str, list[str]] = {directory: [] for directory in directories}
    nearest: dict[str, list[str] | None] = dict(groups)

    def find(directory: str) -> list[str] | None:
        if directory not in nearest:
            nearest[directory] = find(dirname(directory)) if directory else None
        return nearest[directory]

    for path in files:
        members = find(dirname(path))
        if members is not None:
            members.append(path)
    return groups


def resolve(directory: str, path: str) -> str:
    """The repository-relative form of a path given relative to `directory`; "" is the root."""
    resolved = normpath(join(directory, path))
    return "" if resolved == "." else resolved


def matches(directory: str, pattern: str) -> bool:
    """Whether a glob whose wildcards do not match a slash matches the directory."""
    parts, patterns = directory.split("/"), normpath(pattern).split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def is_within(directory: str, patterns: list[str]) -> bool:
    """Whether one of the globs matches the directory or one that it is in."""
    return any(matches(directory, pattern) for pattern in patterns) or (
        directory != "" and is_within(dirname(directory), patterns)
    )


def strings(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


@dataclass
class Crate:
    directory: str
    manifest: dict[str, Any]
    files: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)

    def paths(self, *tables: str) -> Iterator[str]:
        """The directories that the path dependencies in the given tables lead to."""
        for table in tables:
            for dependency in self.manifest.get(table, {}).values():
                if isinstance(dependency, dict) and "path" in dependency:
                    yield resolve(self.directory, dependency["path"])

    def targets(self, kind: str) -> Iterator[str]:
        """The names of its binaries (`bin`) or examples (`example`)."""
        package = self.manifest.get("package", {})
        if "name" not in package:
            raise UserError(f"{join(self.directory, 'Cargo.toml')}: there is no package.name")
        for target in self.manifest.get(kind, []):
            yield target["name"]
        if package.get(f"auto{kind}s", True):
            start = len(join(self.directory, ""))
            for path in self.files:
                match = AUTOMATIC[kind].fullmatch(path, start)
                if match:
                    yield match.group(1)
            if kind == "bin" and join(self.directory, "src/main.rs") in self.files:
                yield package["name"]


@dataclass
class Image:
    name: str
    actions: list[dict[str, Any]]
    dependencies: list[str]
    inputs: list[str]


class Repository:
    """The images of the repository at `root`; raises `UserError` where they make no sense."""

    def __init__(self, root: str, config: Config) -> None:
        self.root = root
        self.config = config
        self.left_out: dict[str, bytes] = {}
        self.files = list_files(root, self.left_out)
        self.paths = sorted(self.files)
        self.records: dict[str, bytes] = {}
        self.digests: dict[str, bytes] = {}
        self.crates: dict[str, Crate] = {}
        self.owners: dict[tuple[str, str], list[Crate]] = {}
        self.read_crates()
        contexts = {dirname(path) for path in self.paths if basename(path) == "mzbuild.yml"}
        self.images: dict[str, Image] = {}
        for directory, members in group(self.paths, sorted(contexts)).items():
            image = self.read_image(directory, members)
            if self.images.setdefault(image.name, image) is not image:
                raise UserError(f"{directory}: a second image is named {image.name}")

    def under(self, prefix: str) -> list[str]:
        """The files whose path starts with `prefix`, in order."""
        start = bisect_left(self.paths, prefix)
        return self.paths[start : bisect_left(self.paths, prefix + chr(sys.maxunicode), start)]

    def read(self, path: str) -> bytes:
        if path in self.left_out:
            return self.left_out[path]
        try:
            with open(join(self.root, path), "rb") as file:
                return file.read()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from error

    def content(self, path: str) -> bytes:
        if self.files[path] != SYMLINK:
            return self.read(path)
        text = self.left_out.get(path) or os.fsencode(os.readlink(join(self.root, path)))
        target = resolve(dirname(path), text.decode("utf-8", "surrogateescape"))
        if target in self.left_out:
            return self.content(target)
        full = join(self.root, target if path in self.left_out else path)
        return self.read(full) if os.path.isfile(full) else text

    def read_toml(self, path: str) -> dict[str, Any]:
        try:
            return tomllib.loads(self.read(path).decode())
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error

    def read_crates(self) -> None:
        """Find the workspace's members as Cargo does, path dependencies being members too."""
        if "Cargo.toml" not in self.files:
            return
        root = self.read_toml("Cargo.toml")
        workspace = root.get("workspace", {})
        manifests = {dirname(path) for path in self.paths if basename(path) == "Cargo.toml"}
        excluded = workspace.get("exclude", [])
        members = {""} if "package" in root else set()
        for pattern in workspace.get("members", []):
            if re.search(r"[*?\[]", pattern):
                matching = {directory for directory in manifests if matches(directory, pattern)}
                members |= {path for path in matching if not is_within(path, excluded)}
            else:
                members.add(resolve("", pattern))
        pending = list(members)
        while pending:
            directory = pending.pop()
            if directory not in self.crates:
                crate = Crate(directory, self.read_toml(join(directory, "Cargo.toml")))
                self.crates[directory] = crate
                crate.needs = list(crate.paths("dependencies", "build-dependencies"))
                reached = manifests.intersection([*crate.needs, *crate.paths("dev-dependencies")])
                members |= {path for path in reached if not is_within(path, excluded)}
                pending += reached
        for directory, files in group(self.paths, self.crates).items():
            crate = self.crates[directory]
            crate.files = files
            start = len(join(directory, ""))
            crate.inputs = [path for path in files if not COMPOSITION.fullmatch(path, start)]
        for directory in members:
            for kind in ("bin", "example"):
                for name in set(self.crates[directory].targets(kind)):
                    self.owners.setdefault((kind, name), []).append(self.crates[directory])

    def read_image(self, directory: str, members: list[str]) -> Image:
        path = join(directory, "mzbuild.yml")
        try:
            config = yaml.load(self.read(path), YamlLoader)
            name = str(config["name"])
            actions = config.get("pre-image") or []
            inputs = set(members)
            for action in actions:
                inputs |= self.action_inputs(action)
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: {type(error).__name__}: {error}") from error
        lines = self.read(join(directory, "Dockerfile")).split(b"\n")
        found = [match for match in (re.match(rb"MZFROM\s*(\S+)", line) for line in lines) if match]
        names = {match.group(1).decode() for match in found}
        return Image(name, actions, sorted(names), sorted(inputs))

    def action_inputs(self, action: dict[str, Any]) -> set[str]:
        if action["type"] == "cargo-build":
            return self.cargo_inputs(strings(action.get("bin")), strings(action.get("example")))
        if action["type"] == "copy":
            return self.copy_inputs(action["source"], action.get("matching", "*"))
        raise KeyError(action["type"])

    def cargo_inputs(self, bins: list[str], examples: list[str]) -> set[str]:
        crates: dict[str, Crate] = {}
        pending: list[str] = []
        for kind, names in (("bin", bins), ("example", examples)):
            for name in names:
                owners = self.owners.get((kind, name), [])
                if len(owners) != 1:
                    found = ", ".join(sorted(crate.directory for crate in owners)) or "none"
                    raise UserError(f"{kind} {name}: needs exactly one crate that has it: {found}")
                pending.append(owners[0].directory)
                if kind == "example":
                    pending += owners[0].paths("dev-dependencies")
        while pending:
            directory = pending.pop()
            if directory in self.crates and directory not in crates:
                crates[directory] = self.crates[directory]
                pending += crates[directory].needs
        shared = [path for path in CARGO_FILES if path in self.files]
        crate_inputs = (crate.inputs for crate in crates.values())
        return set(shared).union(self.under("ci/builder/"), *crate_inputs)

    def copy_inputs(self, source: str, matching: str) -> set[str]:
        prefix = join(resolve("", source), "")
        paths = self.under(prefix)
        if not re.search(r"[\[\\]", matching):
            subtree = prefix + matching.rstrip("/") + "/"
            return {
                path
                for path in paths
                if fnmatchcase(path[len(prefix) :], matching) or path.startswith(subtree)
            }
        # Git's classes and escapes differ from Python's, so those patterns are left to Git.
        found = (*SEEN, "--", f"./{matching}")
        listed = git_ls_files(join(self.root, prefix), *found) if paths else []
        return {prefix + name for name in listed if prefix + name in self.files}

    def record(self, path: str) -> bytes:
        """What the file adds to a hash; it is read once, however many images use it."""
        if path not in self.records:
            content = hashlib.sha1(self.content(path)).digest()
            name = path.encode("utf-8", "surrogateescape")
            mode = self.files[path].to_bytes(2, "big")
            self.records[path] = mode + name + content + b"\0"
        return self.records[path]

    def digest(self, name: str, *dependents: str) -> bytes:
        """The raw fingerprint of the image `name`, which the chain of `dependents` led to."""
        if name in dependents:
            raise UserError(f"dependency cycle: {' -> '.join([*dependents, name])}")
        if name not in self.digests:
            image = self.images.get(name)
            if image is None:
                needed = f", needed by {dependents[-1]}" if dependents else ""
                raise UserError(f"there is no image named {name}{needed}")
            inputs = hashlib.sha1(b"".join(map(self.record, image.inputs)))
            for action in image.actions:
                cargo = action["type"] == "cargo-build"
                inputs.update((self.config.cargo_extra() if cargo else b"") + b"\0")
            inputs.update(self.config.suffix())
            full = hashlib.sha1(inputs.digest())
            for dependency in image.dependencies:
                digest = self.digest(dependency, *dependents, name)
                full.update(dependency.encode() + digest + b"\0")
            self.digests[name] = full.digest()
        return self.digests[name]

    def fingerprint(self, name: str) -> str:
        return base64.b32encode(self.digest(name)).decode()


def main() -> None:
    machine = platform.machine().replace("arm64", "aarch64")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("repository")
    parser.add_argument("image", nargs="*", help="names of the images wanted; default: all")
    parser.add_argument("--arch", choices=ARCHES, default=machine)
    parser.add_argument("--profile", choices=PROFILES, default="optimized")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--sanitizer", choices=SANITIZERS, default="none")
    parser.add_argument("--json", action="store_true", help="with dependencies and inputs")
    args = parser.parse_args()
    config = Config(args.arch, args.profile, args.coverage, args.sanitizer)
    try:
        repository = Repository(args.repository, config)
        found = {name: repository.fingerprint(name) for name in args.image or repository.images}
    except (UserError, OSError) as error:
        sys.exit(f"plain_fingerprint: {error}")
    if not args.json:
        print("\n".join(f"{name}: {found[name]}" for name in sorted(found)))
        return
    description = {
        name: {
            "fingerprint": fingerprint,
            "dependencies": repository.images[name].dependencies,
            "inputs": repository.images[name].inputs,
        }
        for name, fingerprint in sorted(found.items())
    }
    json.dump(description, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
