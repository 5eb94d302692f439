"""Symlinks to directories: what is reached through them, as the kernel goes through them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mzbuild.core.work_tree.files import MOST_LINKS, WorkTree, real_path, symlinks
from mzbuild.core.work_tree.listing import Listing, is_under


@dataclass(frozen=True)
class LinkedListing(Listing):
    """A listing that has files also by the paths that lead to them through symlinks.

    Git lists such a symlink alone. `texts` are those of the symlinks that lead to directories, as
    `link_text` has them.
    """

    texts: Mapping[str, str] = field(default_factory=dict, hash=False)

    __hash__ = Listing.__hash__

    def __contains__(self, path: str) -> bool:
        return path in self._set or (bool(self.texts) and self.real(path) in self._set)

    def under(self, directory: str) -> tuple[str, ...]:
        """The paths of all files in a directory, as it is called; of symlinks in there, no more."""
        real = self.real(directory)
        found = super().under(real)
        return found if real == directory else tuple(_moved(found, real, directory))

    def directories(self, directory: str) -> set[str]:
        """The directories in a directory, at any depth, and those in what symlinks lead to."""
        found = super().directories(directory)
        for link in self.texts:
            if is_under(link, directory):
                real = self.real(link)
                found.add(link)
                found.update(_moved(super().directories(real) - {real}, real, link))
        return found

    def real(self, path: str) -> str:
        """The path without symlinks on the way; the same for what is not in the repository."""
        if not self.texts:
            return path
        found, _ = self._resolve(path)
        return path if found is None else found

    def followed(self, paths: Iterable[str]) -> tuple[str, ...]:
        """What Git lists of some paths, sorted: they themselves, the symlinks on the way, and where
        these lead to; of a directory, all."""
        if not self.texts:
            return tuple(paths)
        found: set[str] = set()
        seen: set[str] = set()
        pending = list(paths)
        while pending:
            path = pending.pop()
            if path in seen:
                continue
            seen.add(path)
            if path in self._set:
                found.add(path)
                if path not in self.texts:
                    continue
            real, passed = self._resolve(path)
            found.update(passed)
            if real in self._set:
                found.add(real)
            elif real is not None:
                pending += super().under(real)
        return tuple(sorted(found))

    def _resolve(self, path: str) -> tuple[str | None, tuple[str, ...]]:
        """Where a path leads, and the symlinks on the way; None for what is not below the root."""
        left = path.split("/")[::-1]
        where: list[str] = []
        passed: list[str] = []
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not where:
                    return None, tuple(passed)
                where.pop()
                continue
            where.append(part)
            text = self.texts.get("/".join(where))
            if text is not None:
                if len(passed) == MOST_LINKS:
                    return None, ()
                passed.append("/".join(where))
                if posixpath.isabs(text):
                    return None, tuple(passed)
                where.pop()
                left += text.split("/")[::-1]
        return "/".join(where), tuple(passed)


def linked_listing(paths: Iterable[str], texts: Mapping[str, str]) -> LinkedListing:
    """The listing of these paths, where symlinks that lead to directories in it are gone through.

    `texts` has those of all symlinks.
    """
    every = LinkedListing(tuple(paths), texts)

    def leads_to_directory(link: str) -> bool:
        real, _ = every._resolve(link)
        return real is not None and real not in every._set and bool(Listing.under(every, real))

    return LinkedListing(
        every.paths, {link: text for link, text in texts.items() if leads_to_directory(link)}
    )


def link_texts(work_tree: WorkTree) -> Mapping[str, str]:
    """The texts of a work tree's symlinks, as `link_text` has them. This looks at files."""
    links = symlinks(work_tree)
    work_tree.left_out.bring(links)
    return {
        path: link_text(work_tree, path) for path in links if not work_tree.left_out.lacks(path)
    }


def link_text(work_tree: WorkTree, path: str) -> str:
    """The text of a symlink, to go on leading there from a copy of the work tree: see
    `portable_text`."""
    return portable_text(work_tree.link_text(path), work_tree.root, path)


def portable_text(text: str, root: str, path: str) -> str:
    """A symlink's text: relative where it leads to something below `root`, absolute elsewhere.

    `path` is that of the symlink in there.
    """
    root = posixpath.normpath(root)
    directory = posixpath.dirname(posixpath.join(root, path))
    target = posixpath.join(directory, text)
    if not is_under(posixpath.normpath(target), root):
        return target
    return posixpath.relpath(target, directory) if posixpath.isabs(text) else text


def outward_links(work_tree: WorkTree) -> frozenset[str]:
    """The symlinks that lead to directories out of the work tree: Git sees nothing of these."""
    return frozenset(path for path in symlinks(work_tree) if leads_out(work_tree, path))


def leads_out(work_tree: WorkTree, path: str) -> bool:
    """Whether a symlink leads to a directory out of the work tree, be it by way of others."""
    real = real_path(work_tree.root, path)
    return f"{real}/".startswith("../") and os.path.isdir(work_tree.absolute(path))


def _moved(paths: Iterable[str], directory: str, to: str) -> Iterable[str]:
    start = len(directory) + 1 if directory else 0
    return (f"{to}/{path[start:]}" for path in paths)
