"""Builds an image once, however many processes want it at the same time.

This file runs by itself, as a process in a sandbox:

    python -I -S once.py LOCK BUILT SINCE DOCKER SPEC IDFILE LOG KEPT COMMAND...

Under a lock on the file LOCK, it runs the command, which builds the image SPEC and writes its ID
to IDFILE. What the command says goes to the file LOG as it comes, and to the standard output in the
end. The file BUILT is touched then: it is for all images of SPEC's name. Where it was touched since
SINCE, when the engine was found not to have the image, somebody else may have built it meanwhile;
if so, only the ID is written. The exit code is the command's; but it is 0, too, where the
image is there and just could not be pushed: who wants to know asks the registry. An empty SPEC
builds in any case. When the command fails, what Docker read (`context` and `Dockerfile*`) is moved
to the directory KEPT, for whoever runs the command again; when it succeeds, that is removed.

The lock goes with the process that holds it, however that ends. As a machine with few cores feels
each of many such processes, it is quick to start: it needs hardly any modules.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time


def main(
    lock: str,
    built: str,
    since: str,
    docker: str,
    spec: str,
    id_file: str,
    log: str,
    kept: str,
    *command: str,
) -> int:
    """Does what the module says and returns the exit code."""
    _lock(lock)
    try:
        found = _image_id(docker, spec) if spec and _touched(built) >= float(since) else None
        if not found:
            code = _run(command, log)
            if code and spec:
                found = _image_id(docker, spec)
            _keep(kept, failed=code != 0 and not found)
            _touch(built)
    finally:
        os.unlink(lock)
    if found:
        with open(id_file, "w") as file:
            file.write(found)
        return 0
    return code


def _lock(path: str) -> None:
    """Gets the lock on a file that is there only while somebody holds it or waits for it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(file, fcntl.LOCK_EX)
        # Who had it before has removed the file, and somebody may have made a new one since.
        try:
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return
        except FileNotFoundError:
            pass
        os.close(file)


def _touched(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _touch(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))
    # The file system's own clock is coarser than the one of SINCE.
    now = time.time()
    os.utime(path, (now, now))


def _image_id(docker: str, spec: str) -> str | None:
    """The ID of an image that the engine has, if its label says that it was built here as this."""
    import subprocess  # It takes as long to load as all else.

    label = '--format={{.Id}} {{index .Config.Labels "mzbuild.fingerprint"}}'
    command = [docker, "image", "inspect", label, spec]
    found = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    image_id, _, fingerprint = found.stdout.decode().strip().partition(" ")
    return image_id if spec.endswith(f":mzbuild-{fingerprint}") else None


def _run(command: tuple[str, ...], log: str) -> int:
    new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    process = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, log, new, 0o666), (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsigdef=[signal.SIGPIPE],  # Python ignores it.
    )
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with open(log, "rb") as said:
        sys.stdout.buffer.write(said.read())
    return code


def _keep(directory: str, *, failed: bool) -> None:
    if not failed and not os.path.isdir(directory):
        return
    import shutil  # It takes long to load.

    shutil.rmtree(directory, ignore_errors=True)
    if failed:
        os.makedirs(directory)
        for name in os.listdir("."):
            if name.startswith(("context", "Dockerfile")):
                shutil.move(name, directory)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
