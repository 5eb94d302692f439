"""The `copy` pre-image action: which files it copies, and where to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mzbuild.core.actions.action import (
    Action,
    Complaint,
    InputGroup,
    InputKind,
    Owner,
    Repository,
    Result,
    ResultKind,
    Taken,
)
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.core.git.glob import git_glob, pants_globs
from mzbuild.core.paths import inside, leads_outside, under
from mzbuild.core.text.fields import Fields
from mzbuild.core.text.limits import check_pattern
from mzbuild.core.work_tree.listing import Listing


@dataclass(frozen=True)
class CopyAction(Action):
    """Copies those files of a directory of the repository that a pattern of Git's matches."""

    type: ClassVar[str] = "copy"
    replaces: ClassVar[bool] = True

    source: str
    destination: str
    matching: str = "*"

    @classmethod
    def parse(cls, fields: Fields) -> CopyAction:
        matching = fields.string("matching") or "*"
        return cls(
            source=fields.required("source"),
            destination=fields.required("destination"),
            matching=check_pattern(matching, fields.place("matching")),
        )

    def fields(self) -> Mapping[str, str]:
        return {
            "source": self.source,
            "destination": self.destination,
            "matching": self.matching,
        }

    def inputs(self, owner: Owner, repository: Repository) -> Iterator[InputGroup]:
        copied = copied_files(owner, self, repository.listing)
        yield InputGroup(InputKind.COPY, self.source, tuple(sorted(copied.values())))

    def results(self, owner: Owner, repository: Repository) -> Mapping[str, Result]:
        copied = copied_files(owner, self, repository.listing)
        return {path: Result(ResultKind.COPIED, original) for path, original in copied.items()}

    @property
    def taken(self) -> tuple[Taken, ...]:
        directory = source_directory(self)
        # Whoever asks for the image's fingerprint is told where that leads out of the repository.
        return () if leads_outside(directory) else (Taken(directory, copy_globs(self)),)

    def select(self, listing: Listing) -> tuple[str, ...]:
        return matching_files(self, listing)

    def complaints(
        self, owner: Owner, repository: Repository, configuration: Configuration
    ) -> Iterator[Complaint]:
        if not matching_files(self, repository.listing):
            yield Complaint(
                "idle-copy",
                self.matching,
                f"{owner.origin}: `matching: {self.matching}` matches none of the files in "
                f"`{self.source}`, so nothing is copied. Paths begin there, and a `*` matches `/`, "
                "too.",
            )


def copied_files(owner: Owner, action: CopyAction, listing: Listing) -> Mapping[str, str]:
    """The files that an action copies: paths in the context, each with its path in the repository.

    Raises `MzbuildError` for a source or destination that leads out of the repository or the
    context, by `..`, as an absolute path or through a symlink, and for a source that is not there.
    """
    source = inside(owner.origin, "source", action.source, "the repository")
    destination = inside(owner.origin, "destination", action.destination, "the context")
    if action.matching.startswith(":"):
        raise MzbuildError(
            f"{owner.origin}: `matching: {action.matching}`: Git's `:` pathspecs are not "
            "supported here. Use a plain glob, such as `*.yml`."
        )
    inside(owner.origin, "matching", action.matching, "the source")
    _refuse_file_on_the_way(owner, "source", source, source, listing)
    if not listing.under(source):
        raise MzbuildError(
            f"{owner.origin}: `source: {action.source}`: Git sees no file in that directory. "
            "It is relative to the repository's root."
        )
    copied = {
        under(destination, _relative(path, source)): path
        for path in matching_files(action, listing)
    }
    directories = {posixpath.dirname(path) for path in copied} | {destination}
    for directory in sorted(directories):
        _refuse_file_on_the_way(
            owner, "destination", directory, under(owner.context, directory), listing
        )
    return copied


def source_directory(action: CopyAction) -> str:
    """The directory that an action copies from, relative to the root, which is `""`."""
    source = posixpath.normpath(action.source)
    return "" if source == "." else source


def matching_files(action: CopyAction, listing: Listing) -> tuple[str, ...]:
    """The paths of the files that an action selects."""
    source = source_directory(action)
    pattern = git_glob(action.matching)
    return tuple(
        path
        for path in listing.under(source)
        if pattern.fullmatch(_relative(path, source).encode("utf-8", "surrogateescape"))
    )


def copy_globs(action: CopyAction) -> tuple[str, ...]:
    """Pants globs, relative to the root, that select what the action copies."""
    return tuple(under(source_directory(action), glob) for glob in pants_globs(action.matching))


def _relative(path: str, directory: str) -> str:
    return path[len(directory) + 1 :] if directory else path


def _refuse_file_on_the_way(
    owner: Owner, field: str, path: str, full_path: str, listing: Listing
) -> None:
    # Git lists files and symlinks, never directories: what it lists cannot be walked through
    # without leaving the tree that the fingerprint describes.
    parts = full_path.split("/")
    # An image's own context is a directory; only what the action adds to it is in question.
    for end in range(1, len(parts) + 1):
        prefix = "/".join(parts[:end])
        if prefix in listing:
            raise MzbuildError(
                f"{owner.origin}: `{field}: {path}` goes through `{prefix}`, which is a file or a "
                "symlink. Give the path of a real directory."
            )
