"""What is known of files, kept for the next process. This module reads and writes files.

A new process would have to read every file to learn what the last one knew. Git is in the same
place at each call, and keeps it in its index (https://git-scm.com/docs/index-format): what a file
has in it counts as known as long as the file's status is the same, and was not too fresh when it
was taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable
from typing import Callable, TypeVar

from mzbuild.core.work_tree.files import FileCache, WorkTree, is_fresh

T = TypeVar("T")

# Writing down a file takes a tenth of what reading it does, and all are written together. So the
# next process may have to read one in this many, and no more time goes into writing than reading.
_MOST_UNKNOWN = 8


class KeptFileCache(FileCache[T]):
    """A `FileCache` that can be written to a file, and read back from there.

    Such a file has a checksum in its first line, of what follows and of the code that the values
    come from. What follows is a JSON object with a list for each path: the file's status, and what
    the value is made of.
    """

    def __init__(
        self,
        compute: Callable[[str, str], T],
        encode: Callable[[T], Iterable[object]],
        decode: Callable[..., T],
        code: str,
    ):
        """`compute` is that of a `FileCache`; `encode` gives what JSON has of a value in parts,
        `decode` takes these. Nothing is taken from a file that another `code` has written.
        """
        super().__init__(self._computed)
        self._uncounted, self._encode, self._decode, self._code = compute, encode, decode, code
        # How many values were computed since the last time that they were written down, and how
        # many were written down then.
        self._new, self._kept = 0, 0
        self._loaded: set[str] = set()
        self._lock = threading.Lock()

    def _computed(self, absolute: str, path: str) -> T:
        self._new += 1
        return self._uncounted(absolute, path)

    def load(self, file: str, root: str) -> None:
        """Takes what a file says of the files in a work tree, the first time that this is asked.

        A file that is not there, is damaged or of another code says nothing.
        """
        with self._lock:
            if root in self._loaded:
                return
            self._loaded.add(root)
            with contextlib.suppress(OSError), open(file, "rb") as opened:
                checksum, content = opened.readline().strip(), opened.read()
                if checksum == self._checksum(content):
                    kept = json.loads(content)
                    for path, (status, *parts) in kept.items():
                        known = (bytes.fromhex(status), self._decode(*parts))
                        self._known.setdefault((root, path), known)
                    self._kept = len(kept)

    def save(self, file: str, work_tree: WorkTree) -> None:
        """Writes down what is known of the files of a work tree, if enough of it is new.

        All is written or nothing is; of several who do so at once, the last one counts. Raises
        `OSError` where it cannot be written.
        """
        with self._lock:
            if self._new * _MOST_UNKNOWN <= self._kept:
                return
            statuses = work_tree.statuses
            kept = {
                path: (status.hex(), *self._encode(value))
                for (root, path), (status, value) in self._known.copy().items()
                if root == work_tree.root and statuses.get(path) == status and not is_fresh(status)
            }
            self._new, self._kept = 0, len(kept)
            content = json.dumps(kept, separators=(",", ":")).encode()
            _replace(file, self._checksum(content) + b"\n" + content)

    def _checksum(self, content: bytes) -> bytes:
        return hashlib.sha1(self._code.encode() + content).hexdigest().encode()


def _replace(file: str, content: bytes) -> None:
    directory = os.path.dirname(file)
    os.makedirs(directory, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(prefix=f"{os.path.basename(file)}.", dir=directory)
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
        os.replace(unfinished, file)
    except BaseException:
        os.unlink(unfinished)
        raise
