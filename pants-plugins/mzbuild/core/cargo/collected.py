"""Which results of Cargo the cache on this machine may have. This module reads and writes a file.

To ask the cache for something means to start a process, which then finds out that it is not there.
After an edit that would be one for each action, and all for nothing: what was never put in cannot
come out. So it is written down what was, and together with what else: each line has the keys of
the results that one process has fetched. The file lies in the cache's own directory, to share its
fate: it is there wherever the results are, and goes with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

_FILE = "mzbuild_cargo_results"


def collected_together(store: str) -> Mapping[str, tuple[str, ...]]:
    """The keys of all results that were ever put into the cache in a directory, each with those
    that were put into it together when that was done last."""
    try:
        with open(os.path.join(store, _FILE)) as file:
            batches = [tuple(line.split()) for line in file]
    except FileNotFoundError:
        return {}
    return {key: batch for batch in batches for key in batch}


def add_collected(store: str, batches: Iterable[Iterable[str]]) -> None:
    """Writes down that results were put into the cache in a directory, by their keys."""
    os.makedirs(store, exist_ok=True)
    # One write, at the end: others may do the same at this moment.
    with open(os.path.join(store, _FILE), "a") as file:
        file.write("".join(f"{' '.join(batch)}\n" for batch in batches))
