"""What the inputs of images add to their fingerprints, remembered while the files are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mzbuild.core.fingerprint.scheme import input_record
from mzbuild.core.work_tree.files import ContentDigests, FileCache, WorkTree

Run = tuple[str, ...]


class InputRecords:
    """Gives the `input_record`s of runs of files; what the last call gave makes the next one fast.

    After a change to one file, only the records of its run are put together anew.
    """

    def __init__(self, contents: FileCache[ContentDigests]):
        self._contents = contents
        self._root = ""
        self._known: dict[Run, tuple[tuple[bytes | None, ...], bytes]] = {}

    def of(
        self, work_tree: WorkTree, runs: Sequence[Run], declared: Mapping[str, bytes]
    ) -> list[bytes]:
        """For each run of paths the records of its files, joined.

        `declared` has the records of what is not a file of the work tree. Raises `MzbuildError`
        where a file cannot be read or its name is not UTF-8.
        """
        known = self._known if self._root == work_tree.root else {}
        records = {}
        for run in runs:
            statuses = tuple(map(work_tree.statuses.get, run))
            before = known.get(run)
            if before is not None and before[0] == statuses and None not in statuses:
                records[run] = before
            else:
                joined = b"".join(
                    declared[path] if path in declared else self._record(work_tree, path)
                    for path in run
                )
                records[run] = (statuses, joined)
        self._root, self._known = work_tree.root, records
        return [records[run][1] for run in runs]

    def _record(self, work_tree: WorkTree, path: str) -> bytes:
        sha1 = self._contents.get(work_tree, path).sha1
        return input_record(path, work_tree.mode(path), sha1)
