"""Files of this package that are not modules of the running program: scripts, pages."""

from __future__ import annotations

from importlib import resources


def resource(package: str, name: str) -> bytes:
    """The content of a file that lies in a package."""
    return resources.files(package).joinpath(name).read_bytes()
