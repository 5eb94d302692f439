"""What a configuration file of Cargo says of crates that lie in the repository.

The format is Cargo's: https://doc.rust-lang.org/cargo/reference/config.html
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from mzbuild.core.cargo.manifest import Dependency, patches_in
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.toml_reader import read_toml

# Both hold packages: https://doc.rust-lang.org/cargo/reference/source-replacement.html
_VENDORED = ("directory", "local-registry")


@dataclass(frozen=True)
class CargoConfig:
    """A `.cargo/config.toml`; all directories are relative to the repository's root."""

    path: str
    # Where dependencies are kept, as `cargo vendor` fills such a directory.
    vendored: tuple[str, ...] = ()
    # The path dependencies in `[patch]`.
    patches: tuple[Dependency, ...] = ()
    # What `paths` names: all crates in there take the place of others.
    overrides: tuple[str, ...] = ()


def parse_cargo_config(content: bytes, path: str) -> CargoConfig:
    """Reads a configuration file; `path` is its own, relative to the repository's root.

    It says nothing where it cannot be read: Cargo says best what is wrong with it.
    """
    # Its paths are relative to the directory in which `.cargo` is.
    base = posixpath.dirname(posixpath.dirname(path))
    try:
        values = read_toml(content, path)
        patches = patches_in(values, path, base)
    except MzbuildError:
        return CargoConfig(path)
    found = values.get("source")
    tables = found.items() if isinstance(found, dict) else ()
    sources = [table for _, table in tables if isinstance(table, dict)]
    vendored = [table.get(key) for table in sources for key in _VENDORED]
    overrides = values.get("paths")

    def directories(named: object) -> tuple[str, ...]:
        names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
        joined = (posixpath.normpath(posixpath.join(base, name)) for name in names)
        return tuple("" if name == "." else name for name in joined)

    return CargoConfig(
        path,
        directories(vendored),
        patches,
        directories(overrides),
    )
