"""`MZFROM`: which images a Dockerfile builds on, and what stands there when Docker reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mzbuild.core.errors import MzbuildError

# The scheme defines dependencies by this pattern, over bytes: at the start of a line only, and
# any white space, a line break included, may stand before the name. Docker skips a byte order mark,
# so what stands behind one is at the start of its line, too.
_MZFROM = re.compile(rb"(?:^|(?<=\A\xef\xbb\xbf))MZFROM(\s*)(\S+)", re.MULTILINE)


def mzfrom_names(content: bytes, path: str) -> tuple[str, ...]:
    """The names of the images that a Dockerfile builds on, sorted, each once.

    Raises `MzbuildError` for a name that is not UTF-8.
    """
    names = set()
    for name, line in _named(content):
        try:
            names.add(name.decode())
        except UnicodeDecodeError:
            raise MzbuildError(
                f"{path}:{line}: the image that `MZFROM` names is not UTF-8 text."
            ) from None
    return tuple(sorted(names))


def mzfrom_lines(content: bytes) -> Mapping[str, int]:
    """The line, counted from 1, on which each image is first named."""
    lines: dict[str, int] = {}
    for name, line in _named(content):
        lines.setdefault(name.decode(), line)
    return lines


def all_mzfrom_lines(content: bytes) -> tuple[int, ...]:
    """Every line, counted from 1, on which an image is named."""
    return tuple(line for _, line in _named(content))


def _named(content: bytes) -> Iterator[tuple[bytes, int]]:
    """The names of images, each with its line, counted from 1."""
    line, end = 1, 0
    for match in _MZFROM.finditer(content):
        line += content.count(b"\n", end, match.start())
        end = match.start()
        yield match[2], line


def rewrite_mzfrom(content: bytes, specs: Mapping[str, str]) -> bytes:
    """The Dockerfile with each `MZFROM name` as `FROM spec`, all else byte for byte as it was.

    `specs` has the spec of every image that the Dockerfile names.
    """

    def from_spec(match: re.Match[bytes]) -> bytes:
        return b"FROM" + (match[1] or b" ") + specs[match[2].decode()].encode()

    return _MZFROM.sub(from_spec, content)
