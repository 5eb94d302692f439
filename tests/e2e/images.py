"""Images to build in the tests, and what there is to see of them: contents, descriptions, logs."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import secrets
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable, NamedTuple

from mzbuild.core.configuration import Arch

from tests.e2e.repo import WORKDIR, Content, Docker, Repo, Result

# Puts all that Docker is handed into the image, where `contents` finds it.
COPY_ALL = "FROM scratch\nCOPY . /srv/\n"


class File(NamedTuple):
    """A file of an image, with the bits of its mode that `chmod` sets."""

    mode: int
    content: bytes


class Link(NamedTuple):
    """A symlink of an image."""

    text: str


def contents(docker: Docker, image: str, directory: str = "srv") -> dict[str, File | Link]:
    """All files and symlinks below a directory of an image, by their paths relative to it."""
    # A container is made to be looked into; what it would run need not exist.
    container = docker("create", image, "none").stdout.strip()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            exported = Path(scratch, "image.tar")
            docker("export", f"--output={exported}", container)
            with tarfile.open(exported, errors="surrogateescape") as archive:
                return dict(_entries(archive, f"{directory}/"))
    finally:
        docker("rm", container)


def _entries(archive: tarfile.TarFile, prefix: str) -> Iterator[tuple[str, File | Link]]:
    for member in archive:
        if member.name.startswith(prefix) and not member.isdir():
            file = archive.extractfile(member) if not member.issym() else None
            mode = member.mode & 0o7777
            entry: File | Link = Link(member.linkname) if file is None else File(mode, file.read())
            yield member.name[len(prefix) :], entry


def text(entry: File | Link) -> str:
    """The text of a file of an image."""
    assert isinstance(entry, File)
    return entry.content.decode()


def described(repo: Repo) -> dict[str, dict[str, Any]]:
    """What `dist/` tells of images and of how they were had, by the images' names."""
    files = (json.loads(path.read_text()) for path in repo.root.glob("dist/*/*.acquired.json"))
    return {file["name"]: file for file in files}


def log_file(repo: Repo, name: str) -> Path:
    """Where Docker's output goes while it builds an image."""
    return repo.root / f"{WORKDIR}/mzbuild/logs/{Arch.host().value}/{name}.log"


def image(name: str, dockerfile: str, more: str = "", where: str = "") -> dict[str, Content]:
    """The files of an image: its `mzbuild.yml`, with `more` in it, and its Dockerfile."""
    directory = where or f"images/{name}"
    return {
        f"{directory}/mzbuild.yml": f"name: {name}\n{more}",
        f"{directory}/Dockerfile": dockerfile,
    }


def run_step(*words: str) -> str:
    """A `RUN` instruction for an image on the image `probe`; see probe.rs for the words."""
    return f"RUN {json.dumps(['/probe', *words])}\n"


@functools.cache
def probe_image() -> Mapping[str, Content]:
    """The image `probe`, for others to build on: all that is in it is that program."""
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch, "probe")
        source = Path(__file__).with_name("probe.rs")
        static = "-Ctarget-feature=+crt-static"
        command = ["rustc", "--edition=2021", static, "-o", str(program), str(source)]
        subprocess.run(command, check=True)
        dockerfile = 'FROM scratch\nCOPY probe /\nENTRYPOINT ["/probe"]\n'
        return {**image("probe", dockerfile), "images/probe/probe": program.read_bytes()}


@contextlib.contextmanager
def building(
    directory: Path,
    cold_caches: Mapping[str, str],
    files: Mapping[str, Content],
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[Repo, Docker]]:
    """A repository for the tests of a module, and the engine with the images that it builds.

    The programs in it, which are those files that begin as one, can be executed.
    """
    docker = Docker(f"test-{secrets.token_hex(4)}-")
    sandboxes = directory / "sandboxes"
    sandboxes.mkdir()
    own = {**docker.env, "PANTS_LOCAL_EXECUTION_ROOT_DIR": str(sandboxes)}
    repo = Repo(directory / "repo", files, {**cold_caches, **own, **(env or {})})
    programs = [
        repo.root / name
        for name, content in files.items()
        if isinstance(content, bytes) and content.startswith((b"\x7fELF", b"#!"))
    ]
    for program in programs:
        program.chmod(0o755)
    if programs:
        repo.commit("modes")
    try:
        yield repo, docker
    finally:
        repo.stop_pantsd()
        docker.clean_up()


@contextlib.contextmanager
def changed(repo: Repo, files: Mapping[str, str | None]) -> Iterator[None]:
    """The work tree with other files, or without one, for as long as this lasts."""
    repo.write({path: content for path, content in files.items() if content is not None})
    for path in [path for path, content in files.items() if content is None]:
        (repo.root / path).unlink()
    try:
        yield
    finally:
        repo.git("clean", "--force", "-d", "--quiet")
        repo.git("checkout", "--", ".")


def assert_refused(repo: Repo, result: Result, *said: str) -> None:
    """The command failed for the reasons `said`, shortly, and told of no image."""
    assert result.returncode == 1, str(result)
    for words in said:
        assert words in result.stderr, str(result)
    assert "Traceback (most recent call last)" not in result.text
    assert result.stdout == ""
    assert described(repo) == {}


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Waits for a condition to hold; fails with `what` where it does not in so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} seconds, not yet: {what}"
        time.sleep(0.05)


def shadow(directory: Path, name: str, script: str) -> Mapping[str, str]:
    """An environment in which a command is a shell script, that may run the real one as `$real`."""
    real = shutil.which(name)
    assert real is not None
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


def path_without(directory: Path, *names: str) -> Mapping[str, str]:
    """An environment in which some commands are not there, and all others are."""
    directory.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in sorted(Path(place).glob("*")):
            link = directory / program.name
            if program.name not in names and not link.is_symlink():
                link.symlink_to(program)
    return {"PATH": str(directory)}


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock on a file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def is_anybody_running(words: str) -> bool:
    """Whether any process of this machine, in a container or not, has this in its command line."""
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words.encode() in command_line.read_bytes().replace(b"\0", b" "):
                return True
    return False


def without_buildx(directory: Path) -> Mapping[str, str]:
    """An environment in which Docker's client finds no plugin at all."""
    hide = (
        "for place in /usr/lib /usr/libexec /usr/local/lib /usr/local/libexec; do\n"
        "  plugins=$place/docker/cli-plugins\n"
        '  [ ! -d "$plugins" ] || mount -t tmpfs none "$plugins"\n'
        'done; exec "$@"'
    )
    script = f'exec {shlex.join(own_mounts(hide))} $real "$@"'
    return {**shadow(directory, "docker", script), "DOCKER_CONFIG": str(directory)}


def own_mounts(script: str) -> list[str]:
    """A command that runs a script where it may mount what nobody else will see."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *root, "sh", "-c", script, "sh"]
