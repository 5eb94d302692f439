"""Throw-away repositories, and what the end-to-end tests do in them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Union

CHECKOUT = Path(__file__).resolve().parents[2]

# The content of a file; a path is what a symlink leads to.
Content = Union[str, bytes, Path]

# Who has another Pants can have the tests run it.
ANOTHER_PANTS = os.environ.get("MZBUILD_TEST_PANTS")
PANTS = Path(ANOTHER_PANTS) if ANOTHER_PANTS else CHECKOUT / "pants"


def _version() -> str:
    if not ANOTHER_PANTS:
        return "2.17.1"
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "pants.toml").write_text("[GLOBAL]\n")
        command = [str(PANTS), "--no-pantsd", "--version"]
        done = subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


VERSION = _version()
# Where Pants works in a repository: since 2.25, beside other things that it keeps there.
WORKDIR = ".pants.d" if VERSION.startswith("2.17.") else ".pants.d/workdir"

PANTS_TOML = f"""\
[GLOBAL]
pants_version = "{VERSION}"
pythonpath = ["{CHECKOUT}/pants-plugins"]
backend_packages = ["mzbuild"]
"""

# What Pants writes into a repository. Git is told outside of the work tree, so that a test's own
# .gitignore is the only one there.
GIT_EXCLUDES = "/.pants.d/\n/.pids/\n/dist/\n/.pants.workdir.file_lock*\n"


@dataclass(frozen=True)
class Result:
    """What a command did. Its outputs are text; bytes that are not UTF-8 come as surrogates."""

    args: Sequence[str]
    returncode: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Both outputs: where a message went is often not the point."""
        return self.stdout + self.stderr

    def __str__(self) -> str:
        return (
            f"{' '.join(self.args)}\nexit code {self.returncode}\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"
        )


def own_files() -> Mapping[str, Content]:
    """The files of this checkout, as Git sees them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    paths = [CHECKOUT / path for path in listed.stdout.split("\0") if path]
    return {
        str(path.relative_to(CHECKOUT)): (
            Path(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        )
        for path in paths
        if path.exists()
    }


def start(args: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Starts a command in a session of its own, so that a signal to it and its children (its
    process group) reaches nobody else."""
    return subprocess.Popen(
        args,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], *, check: bool, timeout: float = 300) -> Result:
    """Waits for a command that `start` has started.

    Fails with all that it has written when it takes longer than `timeout` seconds (it is killed
    then), or when `check` is on and it fails.
    """
    late = False
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
    assert isinstance(process.args, list)
    result = Result(process.args, process.returncode, stdout, stderr)
    assert not late, f"took longer than {timeout} seconds: {result}"
    assert not check or result.returncode == 0, str(result)
    return result


class Repo:
    """A Git work tree with the plugin switched on, and this checkout's `./pants` to run in it."""

    def __init__(self, root: Path, files: Mapping[str, Content], env: Mapping[str, str]) -> None:
        """Makes the repository, with everything committed.

        `files` are by their path; a `pants.toml` among them replaces the one that just switches
        the plugin on. `env` is added to the environment of every command.
        """
        self.root = root
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PANTS_", "GIT_"))}
        self.env = {
            **inherited,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            # A Pants daemon that is stopped leaves its temporary files.
            "TMPDIR": str(root.parent / f"{root.name}-tmp"),
            # Whatever the repository says: the sample's has its own word.
            "PANTS_VERSION": VERSION,
            **env,
        }
        root.mkdir(parents=True)
        Path(self.env["TMPDIR"]).mkdir(exist_ok=True)
        self.write({"pants.toml": PANTS_TOML, **files})
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@example.com")
        (root / ".git/info/exclude").write_text(GIT_EXCLUDES)
        self.commit("first")

    def write(self, files: Mapping[str, Content]) -> None:
        """Writes files, and the directories above them; of an existing file the mode is kept."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content, encoding="utf-8")

    def git(self, *args: str, check: bool = True) -> Result:
        return finish(start(["git", *args], cwd=self.root, env=self.env), check=check)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def start_pants(
        self, *args: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Starts `./pants`, for a test that does something while it runs; `finish` waits for it."""
        command = [str(PANTS), *args]
        return start(command, cwd=self.root, env={**self.env, **(env or {})})

    def pants(self, *args: str, env: Mapping[str, str] | None = None, check: bool = True) -> Result:
        """Runs `./pants`. With `check`, the test fails where the command does."""
        return finish(self.start_pants(*args, env=env), check=check)

    def stop_pantsd(self) -> None:
        """Stops the daemon that serves this repository, if there is one."""
        for pid in self.pantsds():
            stop(pid)

    def pantsds(self) -> list[int]:
        """The daemon that serves this repository, if there is one."""
        # Where Pants keeps it, before 2.25 and since.
        files = (
            *self.root.glob(".pids/*/pantsd/pid"),
            *self.root.glob(".pants.d/pids/*/pantsd/pid"),
        )
        return [int(file.read_text()) for file in files]


class MakeRepo(Protocol):
    """Makes a repository for a test, by the name of a directory that is not there yet."""

    def __call__(
        self, files: Mapping[str, Content], env: Mapping[str, str] | None = None, name: str = "repo"
    ) -> Repo: ...


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # A system without /proc.
        return True
    # What has ended may stay listed until the system's first process takes note.
    return state != "Z"


def stop(pid: int, patience: float = 10) -> None:
    """Ends a process that need not be a child, the hard way after `patience` seconds."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not is_running(pid):
                return
            time.sleep(0.02)
    raise AssertionError(f"process {pid} does not end")


class Docker:
    """The engine, and the images that one test makes in it: those under a prefix of its own."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    @property
    def env(self) -> Mapping[str, str]:
        """The environment in which Pants builds images that are this test's own."""
        return {"PANTS_MZBUILD_IMAGE_PREFIX": self.prefix}

    def __call__(self, *args: str, check: bool = True) -> Result:
        process = start(["docker", *args], cwd=CHECKOUT, env=os.environ)
        return finish(process, check=check)

    def images(self) -> set[str]:
        """The test's images, as `repository:tag`."""
        listed = self("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        return {image for image in listed if image.split("/")[-1].startswith(self.prefix)}

    def clean_up(self) -> None:
        """Removes the test's images, and any container that still runs one."""
        for image in sorted(self.images()):
            containers = self("ps", "--all", "--quiet", "--filter", f"ancestor={image}").stdout
            if containers:
                self("rm", "--force", "--volumes", *containers.split())
            self("image", "rm", "--force", image)
