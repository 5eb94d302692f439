"""Where a build failed and why, by what Cargo and the compiler said."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Sequence

from mzbuild.core.cargo.arguments import MESSAGES
from mzbuild.core.cargo.command import toolchain_args
from mzbuild.core.cargo.settings import CargoSettings

# What the compiler says of sources has the place below it.
_ERROR = re.compile(r"^(error(?:\[\w+\])?: [^\n]+)(?:\n *--> ([^\n]+?):(\d+:\d+)$)?", re.MULTILINE)
# What only follows from other errors.
_FOLLOWS = re.compile(r"error: (?:could not compile|aborting due to)")
# What stands in the log before anything of Cargo's; see staging.py.
_STAGED = re.compile(r"^Staged \d+ files in [\d.]+ s\.$", re.MULTILINE)


def cargo_cause(output: str, where: str, workspace_root: str, files: Collection[str]) -> str:
    """What was said first of a failed build, after its place: that in the sources, or else `where`.

    `output` is without colours. `files` are those of the action: what is built with it at the same
    time may have failed for others. What Cargo has said nothing of stands in the last line.
    """
    for said, path, line in _ERROR.findall(output):
        file = posixpath.normpath(posixpath.join(workspace_root, path)) if path else ""
        if not _FOLLOWS.match(said) and (not file or file in files):
            return f"{file}:{line}: {said}" if file else f"{where}: {said}"
    last = _STAGED.sub("", output).strip().rpartition("\n")[2].strip()
    return f"{where}: {last or 'Cargo failed, and said nothing.'}"


def cargo_by_hand(args: Sequence[str], settings: CargoSettings, workspace_root: str) -> str:
    """A command that has Cargo build the same from the repository's root, for people to read.

    `args` are those of `cargo`.
    """
    target = f"CARGO_TARGET_{settings.target.upper().replace('-', '_')}"
    flags = settings.flags
    variables = {
        **dict(flags.env),
        **({f"{target}_LINKER": settings.linker} if settings.linker else {}),
        **({f"{target}_RUSTFLAGS": " ".join(flags.rustflags)} if flags.rustflags else {}),
    }
    changes = [f"--chdir={workspace_root}"] if workspace_root else []
    changes += [f"{name}={value}" for name, value in variables.items()]
    command = (
        *settings.command_prefix,
        *(("env", *changes) if changes else ()),
        "cargo",
        *toolchain_args(settings.toolchain),
        *(arg for arg in args if arg != MESSAGES),
    )
    return shlex.join(command)
