"""Files of the work tree, brought into Pants' store exactly as they were fingerprinted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import (
    CreateDigest,
    Digest,
    FileContent,
    FileDigest,
    FileEntry,
    PathGlobs,
    SymlinkEntry,
)
from pants.engine.rules import Rule

from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.glob import escape_glob
from mzbuild.core.work_tree.files import (
    EXECUTABLE,
    SYMLINK,
    WorkTree,
    followed_mode,
    read_content,
)
from mzbuild.pants_api import (
    collect_rules,
    create_digest,
    get_digest_entries,
    implicitly,
    path_globs_to_digest,
    rule,
)
from mzbuild.rules.pre_image import Entry
from mzbuild.rules.repository import CONTENTS


@dataclass(frozen=True)
class FileToCapture:
    """A file by its path, and what it must hold: equal requests are for equal contents."""

    path: str
    mode: int
    # The SHA-256 and the size in bytes; of a symlink that stays one, its text instead.
    content: tuple[str, int] | str
    # Where its content is, in the file system.
    place: str


@dataclass(frozen=True)
class CaptureFiles:
    """A request for files of the work tree in Pants' store."""

    files: tuple[FileToCapture, ...]


@dataclass(frozen=True)
class CapturedFiles:
    """The files in Pants' store, under their paths in the repository."""

    entries: tuple[Entry, ...]
    digest: Digest


def files_to_capture(
    work_tree: WorkTree, paths: Iterable[str], *, follow_links: bool
) -> CaptureFiles:
    """A request for files as they are in the work tree.

    With `follow_links`, a symlink to a file is captured as that file.
    """
    files = []
    paths = tuple(paths)
    work_tree.left_out.bring(paths)
    for path in paths:
        mode = followed_mode(work_tree, path) if follow_links else work_tree.mode(path)
        if mode == SYMLINK:
            files.append(FileToCapture(path, mode, work_tree.link_text(path), ""))
        else:
            content = CONTENTS.get(work_tree, path)
            place = work_tree.absolute(path)
            files.append(FileToCapture(path, mode, (content.sha256, content.size), place))
    return CaptureFiles(tuple(files))


@rule
async def capture_files(request: CaptureFiles, /) -> CapturedFiles:
    entries: list[Entry] = [
        SymlinkEntry(file.path, file.content)
        if isinstance(file.content, str)
        else FileEntry(file.path, FileDigest(*file.content), file.mode == EXECUTABLE)
        for file in request.files
    ]
    wanted = [entry for entry in entries if isinstance(entry, FileEntry)]
    places = {file.path: file.place for file in request.files}
    # Pants reads most of the files itself, which keeps their contents out of Python. It does not
    # see those that its ignore rules match, and it may not know yet of a change just made.
    globs = PathGlobs(escape_glob(entry.path) for entry in wanted)
    seen = await get_digest_entries(
        await path_globs_to_digest(globs, **implicitly()), **implicitly()
    )
    stored = {entry.path: entry.file_digest for entry in seen if isinstance(entry, FileEntry)}
    missing = [entry for entry in wanted if stored.get(entry.path) != entry.file_digest]
    if missing:
        await create_digest(
            CreateDigest(_read(places[entry.path], entry) for entry in missing), **implicitly()
        )
    return CapturedFiles(tuple(entries), await create_digest(CreateDigest(entries), **implicitly()))


def _read(place: str, entry: FileEntry) -> FileContent:
    try:
        content = read_content(place)
    except OSError:
        content = None
    if content is None or hashlib.sha256(content).hexdigest() != entry.file_digest.fingerprint:
        raise MzbuildError(
            f"{entry.path} changed while an image with it was being built, so the image would not "
            "have held what its name says. Run the command again."
        )
    return FileContent(entry.path, content)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
