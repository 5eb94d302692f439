"""Environment variables that a build is lent by its user, without their being an input.

Pants keeps all that it hands to a process, and a credential is not to be kept. So the values go
another way: through a file in memory, which nobody else can read, and which is gone when whoever
lends them is, however that comes to its end.

This is part of the program in `cargo.program`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def lent(variables: Mapping[str, object]) -> Iterator[str]:
    """Lends variables, as long as this lasts, to a process that gets to know the path returned."""
    with open(os.memfd_create("mzbuild-lent"), "w") as file:
        json.dump(dict(variables), file)
        file.flush()
        yield f"/proc/{os.getpid()}/fd/{file.fileno()}"


def borrowed(path: str) -> Mapping[str, str]:
    """What is lent at a path."""
    with open(path) as file:
        return dict(json.load(file))
