"""`MZFROM`: which images a Dockerfile builds on, and what stands there when Docker reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mzbuild.core.errors import MzbuildError

# The scheme defines dependencies by this pattern, over bytes: at the start of a line only, and
# any white space, a line break included, may stand before the name.
_MZFROM = re.compile(rb"^MZFROM(\s*)(\S+)", re.MULTILINE)


def mzfrom_names(content: bytes, path: str) -> tuple[str, ...]:
    """The names of the images that a Dockerfile builds on, sorted, each once.

    Raises `MzbuildError` for a name that is not UTF-8.
    """
    names = set()
    for match in _MZFROM.finditer(content):
        try:
            names.add(match[2].decode())
        except UnicodeDecodeError:
            line = mzfrom_line(content, match.start())
            raise MzbuildError(
                f"{path}:{line}: the image that `MZFROM` names is not UTF-8 text."
            ) from None
    return tuple(sorted(names))


def mzfrom_lines(content: bytes) -> Mapping[str, int]:
    """The line, counted from 1, on which each image is first named."""
    lines: dict[str, int] = {}
    for match in _MZFROM.finditer(content):
        lines.setdefault(match[2].decode(), mzfrom_line(content, match.start()))
    return lines


def all_mzfrom_lines(content: bytes) -> tuple[int, ...]:
    """Every line, counted from 1, on which an image is named."""
    return tuple(mzfrom_line(content, match.start()) for match in _MZFROM.finditer(content))


def mzfrom_line(content: bytes, offset: int) -> int:
    """The line, counted from 1, that a byte offset is on."""
    return content.count(b"\n", 0, offset) + 1


def rewrite_mzfrom(content: bytes, specs: Mapping[str, str]) -> bytes:
    """The Dockerfile with each `MZFROM name` as `FROM spec`, all else byte for byte as it was.

    `specs` has the spec of every image that the Dockerfile names.
    """

    def from_spec(match: re.Match[bytes]) -> bytes:
        return b"FROM" + (match[1] or b" ") + specs[match[2].decode()].encode()

    return _MZFROM.sub(from_spec, content)
