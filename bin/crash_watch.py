"""Runs a command of Pants', and says where it crashed what is known to make it do so.

    crash_watch.py COMMAND [ARGUMENT...]

A symlink that leads to itself is what is known: Pants follows it until its stack is full, and ends
without a word. The command counts as crashed if a segmentation fault ends it, and if its exit code
is the one that a shell has for that.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CRASHED = 128 + signal.SIGSEGV
# What ends a command, or has it do something, when it is sent to the process that was started.
PASSED_ON = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR2}

PR_SET_PDEATHSIG = 1  # From <sys/prctl.h>.
SI_USER = 0  # From <asm-generic/siginfo.h>.

# The files that mark the root of what Pants builds.
ROOT_MARKERS = ("pants.toml", "BUILDROOT", "BUILD_ROOT")


def run(command: list[str]) -> int:
    """Runs the command in the place of this process; returns its exit code as a shell has it."""
    own = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        # Who kills this process means the command, which must not go on by itself.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, own)
        if os.getppid() == parent:
            os.execv(command[0], command)
        os._exit(CRASHED)
    while True:
        received = signal.sigwaitinfo({*PASSED_ON, signal.SIGCHLD})
        if received.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        elif received.si_code <= SI_USER:
            # A terminal, which is no user, has sent it to the command as well.
            os.kill(child, received.si_signo)


def build_root() -> Path | None:
    """The root of what Pants builds, from the working directory."""
    here = Path.cwd()
    for directory in (here, *here.parents):
        if any((directory / marker).exists() for marker in ROOT_MARKERS):
            return directory
    return None


def endless_links(root: Path) -> list[str]:
    """The symlinks that lead to themselves, of those that Git lists and Pants may see."""
    # Of all files with ignore rules, Pants reads this one.
    rules = ["-X", ".gitignore"] if (root / ".gitignore").exists() else []
    listings = (["--cached", "--recurse-submodules"], ["--others", *rules])
    return sorted({path for args in listings for path in listed(root, args) if is_endless(path)})


def listed(root: Path, args: list[str]) -> Iterator[str]:
    os.chdir(root)
    try:
        git = subprocess.run(["git", "ls-files", "-z", *args], stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError):
        return
    yield from filter(None, os.fsdecode(git.stdout).split("\0"))


def is_endless(path: str) -> bool:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ELOOP and os.path.islink(path)
    return False


def explanation(links: list[str]) -> str:
    """What is known of a crash in a repository with these symlinks."""
    # The patterns are those of a .gitignore.
    patterns = [re.sub(r"([*?[\\]|\s$)", r"\\\1", f"/{link}") for link in links]
    ignored = json.dumps(patterns, ensure_ascii=False)
    return "\n".join(
        [
            "",
            "Pants crashed. A symlink that leads to itself is known to cause that, and there is:",
            *(f"  {json.dumps(link, ensure_ascii=False)[1:-1]}" for link in links),
            "Delete it, or have Pants leave it out by this line under [GLOBAL] in pants.toml:",
            f"  pants_ignore.add = {ignored}",
        ]
    )


def main() -> int:
    if not sys.platform.startswith("linux"):
        os.execv(sys.argv[1], sys.argv[1:])
    code = run(sys.argv[1:])
    root = build_root() if code == CRASHED else None
    links = endless_links(root) if root else []
    if links:
        print(explanation(links).encode("utf-8", "replace").decode(), file=sys.stderr)
    elif code == CRASHED:
        print("Pants crashed: see .pants.d/pants.log for what it did last.", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
