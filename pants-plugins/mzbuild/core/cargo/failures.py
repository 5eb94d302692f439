"""Failures of Cargo that say nothing of the sources: which they are, and what helps.

This is part of the program in `cargo.program`.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple


class Remedy(Enum):
    """What is done before Cargo is run again."""

    CLEAR = "clear"
    WAIT = "wait"


class Failure(NamedTuple):
    """A failure that the sources may not be to blame for, by the words that tell it."""

    words: str
    remedy: Remedy


# How often Cargo is run again for each.
RETRIES = {Remedy.CLEAR: 1, Remedy.WAIT: 2}

_COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

# Not any crash: a build script that crashes does so again.
_COMPILER_CRASH = re.compile(
    r"rustc interrupted by SIGSEGV"
    r"|process didn't exit successfully: `(?:\S+ )?\S*rustc [^`]*` \((signal: 11, SIGSEGV)"
    r"|linking with `[^`]*` failed: (signal: 11)"
    r"|collect2: .*(terminated with signal 11)"
)
_DAMAGED_STATE = re.compile(
    r"panicked at .*compiler/rustc_metadata\S*def_path_hash_map|Found unstable fingerprints for"
)
_LINKER = re.compile(r"error: linking with `[^`]*` failed")
_UNDEFINED = re.compile(r"undefined (?:symbol|reference)")
_VENDORED = re.compile(r"failed to read root of directory source")
_REGISTRY = re.compile(r"unable to update registry", re.IGNORECASE)


def recognize(output: str) -> Failure | None:
    """What a failed run of Cargo has written, as a failure that another run may not have.

    Damaged incremental state makes the compiler panic or crash, or leaves the linker without
    symbols; a registry may answer the next time. All else, above all an error in the sources, is
    `None`: it would only fail again.
    """
    text = _COLORS.sub("", output)
    found = _DAMAGED_STATE.search(text) or _COMPILER_CRASH.search(text)
    if found is None and _LINKER.search(text):
        found = _UNDEFINED.search(text)
    if found is not None:
        return Failure(found[found.lastindex or 0], Remedy.CLEAR)
    # What is vendored takes the place of a registry, and does not come by itself.
    found = None if _VENDORED.search(text) else _REGISTRY.search(text)
    return None if found is None else Failure(found[0], Remedy.WAIT)
