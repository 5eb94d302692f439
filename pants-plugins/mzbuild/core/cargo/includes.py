"""The files outside of a crate that its sources name: by `include_str!`, `#[path]` and the like.

What rustc would read is known for sure only when it has read it. But paths are written as literals
nearly always, so reading the sources finds them without compiling anything; what is found too many
(in a comment, say) makes a fingerprint change too often at worst.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mzbuild.core.cargo.workspace import CargoWorkspace, Crate
from mzbuild.core.work_tree.listing import Listing, is_under

_LITERAL = rb'(?:"(?P<plain>[^"\\\n]+)"|r(?P<hashes>#*)"(?P<raw>[^"\n]+)"(?P=hashes))'

# Each begins with a fixed word, which makes the search for it fast. None reads on from many places
# to the same end, nor parts a run of spaces in more ways than one: a source may be one long word.
_PATTERNS = (
    # include!, include_str!, include_bytes!, and macros of crates such as include_dir!; of a path
    # like concat!(env!("CARGO_MANIFEST_DIR"), "/../x") too.
    re.compile(
        rb"include\w{0,64}!\s*[(\[{]\s*"
        rb'(?P<package>concat!\s*\(\s*env!\s*\(\s*"CARGO_MANIFEST_DIR"\s*,?\s*\)\s*,\s*)?'
        + _LITERAL
    ),
    # #[path = "x"] and #[cfg_attr(…, path = "x")]
    re.compile(rb"path\s*=\s*" + _LITERAL + rb"\s*(?:\)+\s*)?\]"),
    # What other macros read, mostly by a path in the package: sqlx::migrate!("../migrations")
    re.compile(
        rb"(?<!include)(?<!include_str)(?<!include_bytes)(?<!include_dir)"
        rb'!\s*[(\[{]\s*(?P<package>r?)"(?P<plain>\.\./[^"\\{}\n]+)"'
    ),
    # What derived traits read, by a path in the package: #[folder = "../files"]
    re.compile(rb'[\[(,]\s*(?!path\b)\w{1,64}\s*=\s*(?P<package>r?)"(?P<plain>\.\./[^"\\{}\n]+)"'),
    # What build scripts read, they name on their output.
    re.compile(rb'cargo:(?P<package>:?)rerun-if-changed=(?P<plain>[^"\\{}\s]+)'),
)
# In a build script, any path out of the package is likely to be read.
_IN_SCRIPT = re.compile(rb'(?P<package>r?)"(?P<plain>\.\./[^"\\{}\n]+)"')
_PACKAGE = "$CARGO_MANIFEST_DIR"

# A build script tells Cargo something, or uses a crate that is made for build scripts.
_SCRIPT = (b"cargo:", b"_build::", b"_codegen::", b"bindgen::", b"cc::", b"cmake::")

# What asks Git for a program's revision: crates that are made for it; and, in build scripts and
# procedural macros, Git itself, or a library that reads what it keeps.
_GIT_CRATES = (
    b"vergen",
    b"shadow_rs",
    b"built::write_built_file",
    b"git_version",
    b"git_testament",
)
_RUN_BY_CARGO = (b"cargo:", b"proc_macro")
_GIT_CALLS = (b'"git"', b'"git ', b"git2::", b"gix::")
_GIT = ".git"


@dataclass(frozen=True)
class Reference:
    """A path in a source file, relative to that file's directory or to its package's."""

    path: str
    to_package: bool


# The sources that have any, by their paths.
References = Mapping[str, tuple[Reference, ...]]


def rust_references(content: bytes) -> tuple[Reference, ...]:
    """The paths of other files that a Rust source names; `.git` where it asks Git."""
    found = []
    is_script = b"fn main()" in content and _has(content, _SCRIPT)
    for pattern in (*_PATTERNS, _IN_SCRIPT) if is_script else _PATTERNS:
        for match in pattern.finditer(content):
            groups = match.groupdict()
            path = (groups["plain"] or groups["raw"]).decode(errors="surrogateescape")
            to_package = groups.get("package") is not None or path.startswith(_PACKAGE)
            if to_package:
                # After the package's directory, a path begins with "/".
                path = path[len(_PACKAGE) * path.startswith(_PACKAGE) :].lstrip("/")
            found.append(Reference(path, to_package))
    if _has(content, _GIT_CRATES) or (_has(content, _RUN_BY_CARGO) and _has(content, _GIT_CALLS)):
        found.append(Reference(_GIT, to_package=True))
    return tuple(dict.fromkeys(found))


def _has(content: bytes, words: Iterable[bytes]) -> bool:
    return any(word in content for word in words)


def git_readers(references: References) -> frozenset[str]:
    """The sources that read Git's own files, by their paths, or ask Git."""
    return frozenset(
        source
        for source, found in references.items()
        if any(_GIT in reference.path.split("/") for reference in found)
    )


def included_files(
    crate: Crate,
    files: Iterable[str],
    references: References,
    listing: Listing,
    outside: Iterable[str] = (),
) -> tuple[str, ...]:
    """The files, sorted, that a crate's sources name and that are not among its own `files`.

    Of a directory, as build scripts name them, all files; but not of one that the crate is in.
    `outside` are those that its manifest leads to.
    """
    own, package = frozenset(files), listing.real(crate.directory)
    found = set(outside)
    pending = [path for path in (*own, *found) if path in references]
    seen: set[str] = set()
    while pending:
        source = pending.pop()
        for reference in references.get(source, ()):
            base = package if reference.to_package else posixpath.dirname(source)
            path = posixpath.normpath(posixpath.join(base, reference.path))
            if path in seen:
                continue
            seen.add(path)
            inside = () if is_under(crate.directory, path) or path == "." else listing.under(path)
            new = {path, *inside}.difference(own, found)
            new = {each for each in new if each in listing}
            found |= new
            # What is included may include more.
            pending += new
    return tuple(sorted(found))


def crate_inputs(
    workspace: CargoWorkspace, listing: Listing, references: References | None = None
) -> Mapping[str, tuple[str, ...]]:
    """The files of each crate by its name; with `references`, also those that its sources name.

    In a `LinkedListing`, the files that symlinks lead to are among them.
    """
    files = {
        crate.name: listing.followed(workspace.files(crate, listing)) for crate in workspace.crates
    }
    if references is None:
        return files
    return {
        crate.name: listing.followed(
            sorted(
                {
                    *files[crate.name],
                    *included_files(
                        crate,
                        files[crate.name],
                        references,
                        listing,
                        workspace.outside_files(crate, listing),
                    ),
                }
            )
        )
        for crate in workspace.crates
    }
