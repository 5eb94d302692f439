"""What the inputs of images add to their fingerprints, remembered while the files are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mzbuild.core.errors import MzbuildError
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
        self._known: dict[Run, tuple[tuple[bytes | None, ...], bytes | MzbuildError]] = {}

    def of(
        self, work_tree: WorkTree, runs: Sequence[Run], declared: Mapping[str, bytes]
    ) -> Sequence[bytes | MzbuildError]:
        """For each run of paths the records of its files, joined.

        `declared` has the records of what is not a file of the work tree. A run has an
        `MzbuildError` instead where a file cannot be read or its name is not UTF-8.
        """
        known = self._known if self._root == work_tree.root else {}
        records: dict[Run, tuple[tuple[bytes | None, ...], bytes | MzbuildError]] = {}
        if work_tree.left_out:
            work_tree.left_out.bring(path for run in runs for path in run)
        for run in runs:
            statuses = tuple(map(work_tree.statuses.get, run))
            before = known.get(run)
            same = before is not None and before[0] == statuses and None not in statuses
            if before is not None and same and not isinstance(before[1], MzbuildError):
                records[run] = before
            else:
                records[run] = (statuses, self._joined(work_tree, run, declared))
        self._root, self._known = work_tree.root, records
        return [records[run][1] for run in runs]

    def _joined(
        self, work_tree: WorkTree, run: Run, declared: Mapping[str, bytes]
    ) -> bytes | MzbuildError:
        try:
            return b"".join(
                declared[path] if path in declared else self._record(work_tree, path)
                for path in run
            )
        except MzbuildError as error:
            return error

    def _record(self, work_tree: WorkTree, path: str) -> bytes:
        sha1 = self._contents.get(work_tree, path).sha1
        return input_record(path, work_tree.mode(path), sha1)
