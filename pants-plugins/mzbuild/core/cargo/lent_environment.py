"""Environment variables that a build is lent by its user, without their being an input.

Pants keeps all that it hands to a process, and a credential is not to be kept. So the values go
another way: through a file that only its user can read, and that is gone when the build is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256


@contextmanager
def lent(directory: str, plan: bytes, variables: Mapping[str, str]) -> Iterator[None]:
    """Lends variables to the build of a plan, which works in `directory`, as long as this lasts."""
    if not variables:
        yield
        return
    path = _path(directory, plan)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(dict(variables), file)
    try:
        yield
    finally:
        # Another Pants may have lent the same to a build of the same plan.
        with suppress(FileNotFoundError):
            os.remove(path)


def borrowed(directory: str, plan: bytes) -> Mapping[str, str]:
    """What has been lent to the build of a plan."""
    try:
        with open(_path(directory, plan)) as file:
            return dict(json.load(file))
    except FileNotFoundError:
        return {}


def _path(directory: str, plan: bytes) -> str:
    return f"{directory}.{sha256(plan).hexdigest()[:16]}.json"
