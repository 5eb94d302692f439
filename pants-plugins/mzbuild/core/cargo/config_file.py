"""What the configuration files of Cargo, merged into one, say of files in the repository.

The format is Cargo's: https://doc.rust-lang.org/cargo/reference/config.html
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from mzbuild.core.cargo.manifest import Dependency, patches_in
from mzbuild.core.cargo.workspace import ROOT_MANIFEST, config_files, files_above
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.toml_reader import read_toml
from mzbuild.core.work_tree.listing import Listing

# Both hold packages: https://doc.rust-lang.org/cargo/reference/source-replacement.html
_VENDORED = ("directory", "local-registry")

# What Cargo runs. A name without a slash is looked up on the PATH.
_PROGRAMS = {
    "build": ("rustc", "rustc-wrapper", "rustc-workspace-wrapper"),
    "target": ("linker", "runner"),
}

# What stands before a path in a flag of rustc, and of a linker: `-Tscript.ld`, `@flags`.
_FLAG_PARTS = re.compile(r"^-[A-Za-z](?=[^-])|[\s=,:@]+(?:-[A-Za-z](?=[^-]))?")

# A directory in which rustc looks for libraries: `-L native=libs`.
_LIBRARIES = re.compile(r"(?:^|\s)-L\s*(?:[a-z]+=)?(\S+)")


@dataclass(frozen=True)
class CargoConfig:
    """Cargo's configuration; paths are relative to the repository's root.

    `files` are those that it was read from, those that they include, and those that they name:
    programs that Cargo runs, certificates, what a variable of `[env]` or a flag of rustc leads to.
    """

    files: tuple[str, ...] = ()
    # Where dependencies are kept, as `cargo vendor` fills such a directory.
    vendored: tuple[str, ...] = ()
    # The path dependencies in `[patch]`, and what `paths` names: all crates in there take the place
    # of others. Each with the file that says so.
    patches: tuple[tuple[str, Dependency], ...] = ()
    overrides: tuple[tuple[str, str], ...] = ()
    # The names of the profiles that it defines.
    profiles: tuple[str, ...] = ()
    # What Git does not see, but Cargo or rustup would read in the work tree if it is there.
    unseen: tuple[str, ...] = ()


NO_CONFIG = CargoConfig()

# What is in a file, as `read_config` gives it.
ConfigValues = Mapping[str, Any]


def read_config(content: bytes, path: str) -> ConfigValues:
    """The values of a configuration file; none if it cannot be read, as Cargo says best why."""
    try:
        return read_toml(content, path)
    except MzbuildError:
        return {}


def merged_config(root: str, listing: Listing, read: Callable[[str], ConfigValues]) -> CargoConfig:
    """What all configuration files say that apply to a workspace in a directory, with all that
    they include. `read` gives the values of a file of the listing.
    """
    loading = _Loading(listing, read)
    values: dict[str, Any] = {}
    for path in reversed(config_files(listing, root)):
        _merge(values, loading.values(path))
    named = dict.fromkeys((*_named(values), *_named_by_flags(values, root, listing)))
    sought = (*files_above(root), *loading.included, *named)
    return CargoConfig(
        tuple(
            dict.fromkeys(
                (*loading.files, *(file for path in named for file in _files(path, listing)))
            )
        ),
        tuple(
            text.path
            for source in _tables(values.get("source"))
            for text in map(source.get, _VENDORED)
            if isinstance(text, _Text)
        ),
        tuple(_patches(values)),
        tuple((text.file, text.path) for text in _texts(values.get("paths"))),
        tuple(_table(values.get("profile"))),
        tuple(
            path
            for path in sought
            if path not in listing and not listing.under(path) and not posixpath.isabs(path)
        ),
    )


class _Text(str):
    """A string of a configuration file; `place` leads to that, as Cargo spells it."""

    place: str

    @property
    def file(self) -> str:
        return posixpath.normpath(self.place)

    @property
    def path(self) -> str:
        """The path that it stands for: relative to the parent of the directory of its file."""
        return _joined(_base(self.place), self)


class _Loading:
    """Reads files with what they include, and remembers which they were."""

    def __init__(self, listing: Listing, read: Callable[[str], ConfigValues]):
        self._listing = listing
        self._read = read
        self.files: dict[str, None] = {}
        self.included: dict[str, None] = {}

    def values(self, place: str) -> dict[str, Any]:
        """The values of a file; those that it includes prevail over one another in their order,
        and it prevails over them all."""
        merged: dict[str, Any] = {}
        # The places of files, and what such a file has itself.
        pending: list[Any] = [place]
        while pending:
            each = pending.pop()
            if isinstance(each, dict):
                _merge(merged, each)
                continue
            path = posixpath.normpath(each)
            # Cargo refuses a circle; whoever reads it is not to go round in it.
            if path not in self.files and path in self._listing:
                self.files[path] = None
                own = _located(self._read(path), each)
                directory = posixpath.dirname(each)
                texts = _texts(own.pop("include", None))
                included = [posixpath.join(directory, text) for text in texts]
                self.included.update(dict.fromkeys(map(posixpath.normpath, included)))
                pending += [own, *reversed(included)]
        return merged


def _located(value: Any, place: str) -> Any:
    if isinstance(value, str):
        text = _Text(value)
        text.place = place
        return text
    if isinstance(value, dict):
        return {key: _located(each, place) for key, each in value.items()}
    if isinstance(value, list):
        return [_located(each, place) for each in value]
    return value


def _merge(values: dict[str, Any], stronger: Mapping[str, Any]) -> None:
    """Adds values that prevail: tables and lists are joined, anything else is replaced."""
    for key, value in stronger.items():
        known = values.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            values[key] = [*known, *value]
        else:
            values[key] = value


def _patches(values: Mapping[str, Any]) -> Iterator[tuple[str, Dependency]]:
    for source, entries in _table(values.get("patch")).items():
        for name, entry in _table(entries).items():
            path = _table(entry).get("path")
            if isinstance(path, _Text):
                try:
                    table = {"patch": {source: {name: entry}}}
                    found = patches_in(table, path.file, _base(path.place))
                except MzbuildError:
                    continue  # Cargo says best what is wrong with it.
                yield from ((path.file, patch) for patch in found)


def _named(values: Mapping[str, Any]) -> Iterator[str]:
    """The paths of what Cargo, or what it runs, reads or runs."""
    build = _table(values.get("build"))
    programs = [build.get(key) for key in _PROGRAMS["build"]]
    for target in _tables(values.get("target")):
        programs += [target.get(key) for key in _PROGRAMS["target"]]
    for program in programs:
        yield from (text.path for text in _texts(program)[:1] if "/" in text)
    # A target may be described by a file: https://doc.rust-lang.org/rustc/targets/custom.html
    yield from (text.path for text in _texts(build.get("target")) if text.endswith(".json"))
    yield from (text.path for text in _texts(_table(values.get("http")).get("cainfo")))
    for variable in _tables(values.get("env")):
        if variable.get("relative") is True:
            yield from (text.path for text in _texts(variable.get("value")))


def _named_by_flags(values: Mapping[str, Any], root: str, listing: Listing) -> Iterator[str]:
    """The paths that flags of rustc may have: it runs in the workspace's directory."""
    for table in (_table(values.get("build")), *_tables(values.get("target"))):
        flags = _texts(table.get("rustflags"))
        # What stands in the place of a build script's output:
        # https://doc.rust-lang.org/cargo/reference/config.html#targettriplelinks
        for override in _tables(table):
            flags += [text for value in override.values() for text in _texts(value)]
            searched = _texts(override.get("rustc-link-search"))
            yield from (_joined(root, text.rpartition("=")[2]) for text in searched)
        for text in flags:
            for part in _FLAG_PARTS.split(text):
                path = _joined(root, part)
                # A mere word may well be the name of a directory that it does not mean.
                if "/" in part or "." in part or path in listing:
                    yield path
        yield from (_joined(root, found) for found in _LIBRARIES.findall(" ".join(flags)))


def _files(path: str, listing: Listing) -> tuple[str, ...]:
    """The files at a path, or below it. Where crates are, it is only a place to start from."""
    if path in listing:
        return (path,)
    files = tuple(listing.under(path)) if path else ()
    return () if any(posixpath.basename(each) == ROOT_MANIFEST for each in files) else files


def _joined(directory: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(directory, path))
    return "" if joined == "." else joined


def _base(place: str) -> str:
    return posixpath.dirname(posixpath.dirname(place))


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [each for each in _table(value).values() if isinstance(each, dict)]


def _texts(value: Any) -> list[_Text]:
    """A string or the strings of a list; those of `include` may stand in tables, as `path`."""
    values = value if isinstance(value, list) else [value]
    found = [each.get("path") if isinstance(each, dict) else each for each in values]
    return [each for each in found if isinstance(each, _Text)]
