"""Which results of Cargo the cache on this machine may have. This module reads and writes a file.

To ask the cache for something means to start a process, which then finds out that it is not there.
After an edit that would be one for each action, and all for nothing: what was never put in cannot
come out. So it is written down what was. The file lies in the cache's own directory, to share its
fate: it is there wherever the results are, and goes with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_FILE = "mzbuild_cargo_results"


def collected_keys(store: str) -> frozenset[str]:
    """The keys of all results that were ever put into the cache in a directory."""
    try:
        with open(os.path.join(store, _FILE)) as file:
            return frozenset(file.read().split())
    except FileNotFoundError:
        return frozenset()


def add_collected_keys(store: str, keys: Iterable[str]) -> None:
    """Writes down that results were put into the cache in a directory."""
    os.makedirs(store, exist_ok=True)
    # One write, at the end: others may do the same at this moment.
    with open(os.path.join(store, _FILE), "a") as file:
        file.write("".join(f"{key}\n" for key in keys))
