"""What takes long to find out about files, and so is kept for the next process."""

from __future__ import annotations

import inspect

from mzbuild.core.cargo import includes
from mzbuild.core.cargo.includes import Reference, rust_references
from mzbuild.core.work_tree import files
from mzbuild.core.work_tree.files import ContentDigests, digest_content, read_content
from mzbuild.core.work_tree.kept import KeptFileCache


def content_cache() -> KeptFileCache[ContentDigests]:
    """A cache of the digests of files."""
    return KeptFileCache(
        lambda absolute, _: digest_content(absolute),
        lambda digests: (digests.sha1.hex(), digests.sha256, digests.size),
        lambda sha1, sha256, size: ContentDigests(bytes.fromhex(sha1), sha256, size),
        code=inspect.getsource(files),
    )


def reference_cache() -> KeptFileCache[tuple[Reference, ...]]:
    """A cache of what Rust sources name."""
    return KeptFileCache(
        lambda absolute, _: rust_references(read_content(absolute)),
        lambda references: [(reference.path, reference.to_package) for reference in references],
        lambda *references: tuple(Reference(*reference) for reference in references),
        code=inspect.getsource(files) + inspect.getsource(includes),
    )
