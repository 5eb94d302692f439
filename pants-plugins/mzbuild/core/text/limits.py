"""How much of a file is read that people write by hand.

Reading may take more time than a file's size lets expect, and who sends a pull request writes the
file. The limits are far above what anybody needs.
"""

from __future__ import annotations

from mzbuild.core.errors import MzbuildError

LARGEST_FILE = 64 << 10
"""The size in bytes of the largest `mzbuild.yml`, Dockerfile or `.dockerignore` that is read."""

LARGEST_TOML = 2 << 20
"""That of a file in TOML: programs write `Cargo.lock`."""

MOST_LINES = 100_000
"""How many lines, and values in lists and maps, a file in TOML may have together."""

LONGEST_PATTERN = 4096
"""The length of the longest pattern for paths: that of the longest path on Linux."""

DEEPEST = 64
"""How many levels of lists and maps may stand in one another."""


def check_file_size(content: bytes, where: str, largest: int = LARGEST_FILE) -> bytes:
    """The content of a file; raises `MzbuildError`, naming it by `where`, if it is too large."""
    if len(content) > largest:
        raise MzbuildError(
            f"{where}: the file has {len(content):,} bytes, and no more than {largest:,} are read. "
            "Make it smaller."
        )
    return content


def check_pattern(pattern: str, place: str) -> str:
    """A pattern for paths; raises `MzbuildError`, which begins with `place`, if it is too long."""
    if len(pattern) > LONGEST_PATTERN:
        raise MzbuildError(
            f"{place}: the pattern has {len(pattern):,} characters, and no path has more than "
            f"{LONGEST_PATTERN:,}. Make it shorter."
        )
    return pattern
