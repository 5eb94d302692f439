"""What binutils tell of a binary."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def sections(program: Path) -> set[str]:
    """The names of a binary's sections."""
    return set(re.findall(r"\] (\.\S+)", _readelf("--section-headers", "--wide", program)))


def debug_link(program: Path) -> tuple[str, int]:
    """The name and the checksum of the file that has a binary's debug information."""
    said = _readelf("--debug-dump=links,no-follow-links", program)
    name = re.search(r"Separate debug info file: (\S+)", said)
    crc = re.search(r"CRC value: (0x[0-9a-f]+)", said)
    assert name, said
    assert crc, said
    return name[1], int(crc[1], 16)


def _readelf(*args: str | Path) -> str:
    return subprocess.run(["readelf", *args], check=True, capture_output=True, text=True).stdout
