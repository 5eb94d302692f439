"""Files that are written below Pants' own directories. This module makes directories."""

from __future__ import annotations

import os

from mzbuild.core.errors import MzbuildError


def own_file(directory: str, *parts: str) -> str:
    """The path of a file to write, whose directories are there afterwards.

    Pants' working directory and `dist/` lie in the repository, which may have committed a symlink
    below them: what is written would go to wherever that leads. Raises `MzbuildError` for one, and
    where a directory cannot be made.
    """
    path = directory
    for part in parts:
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise MzbuildError(
                f"{path} cannot be made a directory: {error.strerror}. Remove what is there, or "
                "mend its permissions."
            ) from None
        path = os.path.join(path, part)
        if os.path.islink(path):
            raise MzbuildError(
                f"{path} is a symlink, and nothing is written through one there. Remove it, and "
                "from Git too if it is tracked."
            )
    return path
