"""Whether a compiler may have become another one, by the status of files. This module looks at
files.

To ask the compiler itself takes longer than everything else that is done before a build.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

_ELF = b"\x7fELF"

# https://rust-lang.github.io/rustup/environment-variables.html,
# https://rust-lang.github.io/rustup/configuration.html
_SETTINGS = "settings.toml"
_COMMON_SETTINGS = f"/etc/rustup/{_SETTINGS}"


def compiler_state(
    rustc: str, env: Mapping[str, str], toolchain_files: Iterable[str] = ()
) -> str | None:
    """Something that is another whenever the compiler behind a program may be another.

    `rustc` is the path of a compiler, or of a proxy of rustup, which is run with `env` and finds
    `toolchain_files`, given by their paths. None where files do not tell: where the program is of
    some other kind, or where rustup is to use a toolchain that it has not installed.
    """
    real = os.path.realpath(rustc)
    if _is_rustup(real):
        if "/" in env.get("RUSTUP_TOOLCHAIN", "") or any(map(_names_path, toolchain_files)):
            return None
        home = env.get("RUSTUP_HOME") or os.path.join(env.get("HOME", ""), ".rustup")
        files = [real, _COMMON_SETTINGS, os.path.join(home, _SETTINGS), *_toolchains(home)]
    elif os.path.basename(real) == "rustc" and _read(real, len(_ELF)) == _ELF:
        files = [real, *_parts(os.path.dirname(os.path.dirname(real)))]
    else:
        return None
    return sha256(repr([(path, file_status(path)) for path in files]).encode()).hexdigest()


def _is_rustup(real: str) -> bool:
    # The proxies are links to rustup, of either kind.
    try:
        return os.path.samefile(real, os.path.join(os.path.dirname(real), "rustup"))
    except OSError:
        return False


def _toolchains(home: str) -> Iterator[str]:
    directory = os.path.join(home, "toolchains")
    yield directory
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        yield from _parts(os.path.join(directory, name))


def _parts(toolchain: str) -> Iterator[str]:
    # Most of a compiler is in a library, whose name has a hash.
    return (os.path.join(toolchain, part) for part in ("", "bin", "bin/rustc", "lib"))


def _names_path(toolchain_file: str) -> bool:
    return b"path" in _read(toolchain_file)


def _read(path: str, size: int = -1) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:
        return b""


def file_status(path: str) -> object:
    """What is another when a file may be, or None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
