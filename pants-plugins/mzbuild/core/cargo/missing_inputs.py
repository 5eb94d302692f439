"""Files that a build could not read because they are not among its inputs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable
from typing import Callable

from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.paths import leads_outside
from mzbuild.core.work_tree.listing import Listing, is_under

# What `include_str!` and its like say; a `mod`; and Cargo, of a manifest, of configuration, of what
# is vendored and of programs that it is to run.
_UNREAD = re.compile(r"(?:couldn't|failed to) read (?:configuration file )?`([^`]+)`")
_NO_MODULE = re.compile(r'to create the module `[^`]+`, create file "([^"]+)"(?: or "([^"]+)")?')
_NO_PROGRAM = re.compile(r"(?:linker|could not execute process) `([^`\s]+)")
_NO_SOURCE = re.compile(r"failed to read root of directory source: (.+)")


def unread_files(output: str, sources: str, workspace_root: str) -> tuple[str, ...]:
    """The files that Cargo and the compiler say they cannot read, in the order of their complaints.

    `output` is without colors. `sources` is the absolute path of the directory that stood for the
    repository, and `workspace_root` is relative to it. So are the results, which may lead out.
    """
    found: dict[str, None] = {}
    for unread, *modules in (
        *((match[1],) for match in _UNREAD.finditer(output)),
        *(match.groups() for match in _NO_MODULE.finditer(output)),
        *(match.groups() for match in _NO_SOURCE.finditer(output)),
        *(match.groups() for match in _NO_PROGRAM.finditer(output)),
    ):
        for path in (unread, *modules):
            if path:
                # Of what is not in the workspace, Cargo tells the absolute path.
                full = posixpath.join(sources, workspace_root, path)
                found[posixpath.relpath(posixpath.normpath(full), sources)] = None
    return tuple(found)


def missing_inputs(
    unread: Iterable[str],
    staged: Collection[str],
    located: Callable[[str], str | None],
    listing: Listing,
    workspace: CargoWorkspace,
) -> tuple[str, ...]:
    """A sentence for each file that a build lacked though it is in the work tree: why, and what to
    do.

    `unread` are paths relative to the repository's root, `staged` those that the build had.
    `located` gives the path without symlinks of what is at a path; None where there is nothing.
    """
    found = []
    for path in dict.fromkeys(unread):
        real = located(path)
        if real is not None and not {path, real} & set(staged):
            named = f"`{path}`" if real == path else f"`{path}`, which is `{real}`,"
            reason = _reason(real, listing, workspace)
            found.append(f"{named} exists, but is not among the inputs of this build: {reason}")
    return tuple(found)


def _reason(path: str, listing: Listing, workspace: CargoWorkspace) -> str:
    if leads_outside(path):
        return "it lies outside of the repository. Copy it into the crate that reads it."
    owners = [crate for crate in workspace.crates if is_under(path, crate.directory)]
    if path not in listing:
        made = ", or make it in a build script" if owners else ""
        return (
            f"Git ignores it. Have Git see it (`git check-ignore -v {path}` names the rule that "
            f"matches it){made}."
        )
    if not owners:
        return "it is in no crate. Move it into the crate that reads it."
    owner = max(owners, key=lambda crate: len(crate.directory))
    return (
        f"it belongs to the crate `{owner.name}`. Depend on that by `path`, or move the file into "
        "the crate that reads it."
    )
