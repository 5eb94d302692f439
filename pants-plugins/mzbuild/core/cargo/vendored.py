"""The directories in which a repository keeps its dependencies, as `cargo vendor` fills them."""

from __future__ import annotations

import posixpath

from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.toml_reader import read_toml

# Both hold packages: https://doc.rust-lang.org/cargo/reference/source-replacement.html
_KEYS = ("directory", "local-registry")


def vendored_directories(content: bytes, path: str) -> tuple[str, ...]:
    """The directories, relative to the repository's root, that a configuration file of Cargo names
    as sources of packages; `path` is the file's.

    There are none where the file cannot be read: Cargo says best what is wrong with it.
    """
    try:
        sources = read_toml(content, path).get("source")
    except MzbuildError:
        return ()
    tables = sources.values() if isinstance(sources, dict) else ()
    named = [table.get(key) for table in tables if isinstance(table, dict) for key in _KEYS]
    # They are relative to the directory in which `.cargo` is.
    base = posixpath.dirname(posixpath.dirname(path))
    return tuple(
        posixpath.normpath(posixpath.join(base, name)) for name in named if isinstance(name, str)
    )
