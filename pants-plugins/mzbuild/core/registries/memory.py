"""What registries have been seen to have, remembered on disk. This module reads and writes a file.

Only tags that never change their meaning are remembered, and only that they are there: what is
absent now may be pushed by anybody a moment later.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from mzbuild.core.registries.manifests import is_digest
from mzbuild.core.text.json_reader import read_json

_VERSION = 1
_IMMUTABLE = re.compile(r".+:mzbuild-[A-Z2-7]{32}")


class RegistryMemory:
    """The digests of tags that were seen in registries, by their full names, in one file.

    The file may go away or be damaged at any time: then nothing is remembered. Processes may share
    it: of two that write at once, what one of them has seen may be forgotten.
    """

    def __init__(self, path: str):
        self._path = Path(path)

    def recall(self, max_age: float, now: float) -> Mapping[str, str]:
        """The digests of the tags seen in the last `max_age` seconds; `now` is the time of day."""
        return {
            tag: digest
            for tag, (digest, seen) in self._load().items()
            # What was seen in the future was seen by a clock that was wrong.
            if 0 <= now - seen <= max_age
        }

    def remember(self, digests: Mapping[str, str], max_age: float, now: float) -> None:
        """Adds tags that were just seen; those older than `max_age` seconds are dropped.

        A tag that may change its meaning is passed over. Where the file cannot be written, nothing
        is remembered.
        """
        kept = {tag: entry for tag, entry in self._load().items() if 0 <= now - entry[1] <= max_age}
        seen = {tag: (digest, now) for tag, digest in digests.items() if _IMMUTABLE.fullmatch(tag)}
        self._store({**kept, **seen})

    def forget(self, tags: Iterable[str]) -> None:
        """Drops tags that turned out not to be there any more."""
        gone = set(tags)
        known = self._load()
        if not gone.isdisjoint(known):
            self._store({tag: entry for tag, entry in known.items() if tag not in gone})

    def _load(self) -> dict[str, tuple[str, float]]:
        try:
            file = read_json(self._path.read_bytes())
            if file["version"] != _VERSION:
                return {}
            entries = {tag: (str(digest), float(seen)) for tag, (digest, seen) in file["present"]}
        except (OSError, ValueError, LookupError, TypeError):
            return {}
        return {
            tag: entry
            for tag, entry in entries.items()
            if isinstance(tag, str) and _IMMUTABLE.fullmatch(tag) and is_digest(entry[0])
        }

    def _store(self, entries: Mapping[str, tuple[str, float]]) -> None:
        present = [(tag, entry) for tag, entry in sorted(entries.items())]
        content = json.dumps({"version": _VERSION, "present": present}, indent=0)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(content)
                os.replace(temporary, self._path)
            except BaseException:
                os.unlink(temporary)
                raise
