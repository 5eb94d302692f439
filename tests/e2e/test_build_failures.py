"""What cannot be built, and what is broken off: a clear message, and nothing half done."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from mzbuild.core.configuration import Arch

from tests.e2e.images import (
    COPY_ALL,
    assert_refused,
    building,
    changed,
    contents,
    described,
    image,
    is_anybody_running,
    is_locked,
    log_file,
    own_mounts,
    path_without,
    probe_image,
    run_step,
    shadow,
    text,
    until,
    without_buildx,
)
from tests.e2e.repo import PANTS, WORKDIR, Content, Docker, Repo, Result, finish, start

# What nothing else on this machine has on its command line.
MARK = f"napping-{os.getpid()}"

LINES = [f"line {number}" for number in range(100)]
FAILING = run_step("sleep", "1", *(word for line in LINES for word in ("say", line)), "exit", "3")
NAPPING = run_step("say", MARK, "sleep", "600")

# A build script that takes as long as the file `nap` says.
BUILD_RS = """\
fn main() {
    println!("cargo:rerun-if-changed=nap");
    let seconds = include_str!("nap").trim().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(seconds));
}
"""

FILES: Mapping[str, Content] = {
    **image("good", "MZFROM probe\n" + run_step("stamp", "/built")),
    **image("failing", f"MZFROM good\n{FAILING}"),
    **image("napping", f"MZFROM good\n{NAPPING}"),
    **image("waiting", "MZFROM probe\n" + run_step("say", MARK, "sleep", "3")),
    **image("late", "MZFROM waiting\nCOPY file /srv/\n"),
    "images/late/file": "before",
    **image("compiled", COPY_ALL, "pre-image: [{type: cargo-build, bin: sleeper, strip: false}]\n"),
    "Cargo.toml": '[workspace]\nmembers = ["sleeper"]\nresolver = "2"\n',
    "sleeper/Cargo.toml": '[package]\nname = "sleeper"\nversion = "0.1.0"\nedition = "2021"\n',
    "sleeper/src/main.rs": "fn main() {}\n",
    "sleeper/build.rs": BUILD_RS,
    "sleeper/nap": "600\n",
}


class Workshop(NamedTuple):
    repo: Repo
    docker: Docker

    def package(self, *targets: str, env: Mapping[str, str] | None = None) -> Result:
        args = ("--mzbuild-profile=dev", "package", *targets)
        return self.repo.pants(*args, env=env, check=False)

    def has(self, name: str) -> bool:
        """Whether the engine has any image of this name."""
        return any(f"{self.docker.prefix}{name}:" in spec for spec in self.docker.images())

    def forget(self, name: str) -> None:
        """Removes the images of this name from the engine."""
        for spec in self.docker.images():
            if f"{self.docker.prefix}{name}:" in spec:
                self.docker("image", "rm", "--force", spec)

    def builders(self) -> str:
        """The containers, running or not, in which `RUN` instructions are carried out."""
        listed = self.docker("ps", "--all", "--no-trunc", "--format={{.Command}}").stdout
        return "\n".join(line for line in listed.splitlines() if MARK in line)


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    directory = tmp_path_factory.mktemp("failures")
    with building(directory, cold_caches, {**probe_image(), **FILES}) as (repo, docker):
        repo.pants("--mzbuild-profile=dev", "package", "images/good")
        yield Workshop(repo, docker)


@pytest.fixture(autouse=True)
def _empty_dist(workshop: Workshop) -> None:
    for path in workshop.repo.root.glob("dist/*/*.json"):
        path.unlink()


def test_docker_is_not_installed(workshop: Workshop, tmp_path: Path) -> None:
    result = workshop.package("images/good", env=path_without(tmp_path / "bin", "docker"))
    said = "There is no `docker` on the PATH. Install Docker: https://docs.docker.com/"
    assert_refused(workshop.repo, result, said)


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
def test_the_engine_is_not_running(workshop: Workshop, host: str) -> None:
    result = workshop.package("images/good", env={"DOCKER_HOST": host})
    said = ("The Docker engine is not running: ", host, "set `DOCKER_HOST` to one that is")
    assert_refused(workshop.repo, result, *said)


def test_the_user_may_not_use_the_engine(workshop: Workshop) -> None:
    # Root may use any socket, so Docker's client is somebody else here.
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(short_directory()))
        listener = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
        listener.bind(str(directory / "docker.sock"))
        (directory / "docker.sock").chmod(0)
        listener.listen()
        other = "setpriv --reuid=65534 --regid=65534 --clear-groups --" if os.geteuid() == 0 else ""
        env = {
            **shadow(directory / "bin", "docker", f'exec {other} "$real" "$@"'),
            "DOCKER_HOST": f"unix://{directory}/docker.sock",
            "DOCKER_CONFIG": str(directory),
        }
        result = workshop.package("images/good", env=env)
    said = ("You have no permission to use the Docker engine: ", "usermod -aG docker $USER")
    assert_refused(workshop.repo, result, *said)


@contextlib.contextmanager
def short_directory() -> Iterator[str]:
    """A directory that everybody may enter, with a path that is short enough for a socket's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        yield directory


def test_a_dockerfile_fails(workshop: Workshop) -> None:
    workshop.forget("good")
    result = workshop.package("images/failing", "images/good")
    assert (result.returncode, set(described(workshop.repo))) == (1, {"good"})
    for said in ("line 99", "1 of 2 images failed: `failing`."):
        assert said in result.stderr
    assert "line 10\n" not in result.stderr, "this is not the end of the output"
    log = log_file(workshop.repo, "failing").read_text()
    assert all(line in log for line in LINES)
    assert not workshop.has("failing")
    # What was finished before is kept.
    assert workshop.has("good")


@pytest.mark.parametrize(
    ("buildx", "command", "sentence"),
    [
        # By the engine's version.
        (True, "docker buildx build --builder=default --progress=plain --load", "exit code: 3"),
        (False, "docker build", "returned a non-zero code: 3"),
    ],
)
def test_where_it_failed_comes_first_then_a_command_to_run_again(
    workshop: Workshop, tmp_path: Path, buildx: bool, command: str, sentence: str
) -> None:
    repo = workshop.repo
    env = {} if buildx else without_buildx(tmp_path)
    dockerfile = f"MZFROM good\nCOPY file /\n{FAILING}"
    files = {"images/failing/Dockerfile": dockerfile, "images/failing/file": "a"}
    with changed(repo, files):
        result = workshop.package("images/failing", env=env)
    assert result.returncode == 1
    assert "Completed: Build the image failing" not in result.stderr
    where, what, _, again, log = result.stderr.partition("[ERROR] images/")[2].splitlines()[:5]
    assert re.fullmatch(rf"failing/Dockerfile:3: .*{sentence}", where), str(result)
    assert what == "images/failing:failing: Docker could not build the image failing."
    assert log.startswith(f"All of its output is in {log_file(repo, 'failing')}")
    assert again.strip().startswith(command), str(result)

    # It needs neither the sandbox that is gone, nor the files as they were; and what it makes has
    # not the name of what was to be made.
    run = ["sh", "-c", again]
    rerun = finish(start(run, cwd=repo.root, env={**repo.env, **env}), check=False)
    assert rerun.returncode != 0
    assert sentence in rerun.text, str(rerun)
    kept = repo.root / again.split()[-1]
    assert (kept / "file").read_text() == "a"
    (kept.parent / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    finish(start(run, cwd=repo.root, env={**repo.env, **env}), check=True)
    assert not workshop.has("failing")


def test_what_a_failed_build_has_kept_goes_when_it_succeeds(workshop: Workshop) -> None:
    kept = workshop.repo.root / f"{WORKDIR}/mzbuild/failed/{Arch.host().value}/failing"
    workshop.package("images/failing")
    assert kept.exists()
    with changed(workshop.repo, {"images/failing/Dockerfile": "MZFROM good\n"}):
        assert workshop.package("images/failing", "images/good").returncode == 0
        assert described(workshop.repo)["good"]["origin"] == "reused"
        assert described(workshop.repo)["failing"]["origin"] == "built"
    assert not kept.exists()


def test_to_fail_fast_ends_what_is_still_being_built(workshop: Workshop) -> None:
    result = workshop.package("--mzbuild-fail-fast", "images/napping", "images/failing")
    assert_refused(workshop.repo, result, "Docker could not build the image failing.")
    until(lambda: not is_anybody_running(MARK), "the other build is ended", 20)
    assert not workshop.has("napping")


def test_a_dockerfile_is_missing(workshop: Workshop) -> None:
    with changed(workshop.repo, {"images/late/Dockerfile": None}):
        result = workshop.package("images/late")
    assert_refused(workshop.repo, result, "images/late", "Dockerfile")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("source: ../other, destination: a", "`source: ../other` leads out of the repository"),
        ("source: sleeper, destination: ../a", "`destination: ../a` leads out of the context"),
        ("source: sleeper, destination: /a", "`destination: /a` leads out of the context"),
        ("source: sleeper, destination: link/a", "`destination: link/a` goes through"),
    ],
)
def test_a_copy_leads_out(workshop: Workshop, fields: str, said: str) -> None:
    declared = f"name: late\npre-image: [{{type: copy, {fields}}}]\n"
    link = workshop.repo.root / "images/late/link"
    with changed(workshop.repo, {"images/late/mzbuild.yml": declared}):
        link.symlink_to("../good")
        result = workshop.package("images/late")
    assert_refused(workshop.repo, result, "images/late/mzbuild.yml: ", said)


def test_a_file_changes_while_an_image_with_it_is_being_built(workshop: Workshop) -> None:
    repo, docker = workshop
    log = log_file(repo, "waiting")
    with changed(repo, {}):
        process = repo.start_pants("package", "images/late")
        until(lambda: log.exists() and MARK in log.read_text(), "the base is being built")
        repo.write({"images/late/file": "meanwhile"})
        result = finish(process, check=False)
        assert_refused(workshop.repo, result, "images/late/file changed while an image with it was")
        assert not workshop.has("late")
        repo.pants("package", "images/late")
        assert text(contents(docker, described(repo)["late"]["spec"])["file"]) == "meanwhile"
    repo.pants("package", "images/late")
    assert text(contents(docker, described(repo)["late"]["spec"])["file"]) == "before"


@pytest.mark.parametrize("buildx", [True, False])
def test_ctrl_c_ends_a_docker_build(workshop: Workshop, tmp_path: Path, buildx: bool) -> None:
    repo = workshop.repo
    env = {} if buildx else without_buildx(tmp_path)
    workshop.forget("napping")
    process = repo.start_pants("--mzbuild-profile=dev", "package", "images/napping", env=env)
    until(lambda: is_anybody_running(f"/probe say {MARK}"), "a build to break off")
    # Only without buildx is a step's container one that Docker tells of.
    assert bool(workshop.builders()) != buildx
    os.killpg(process.pid, signal.SIGINT)
    result = finish(process, check=False, timeout=60)
    assert result.returncode != 0
    assert "Traceback (most recent call last)" not in result.text
    until(lambda: not is_anybody_running(MARK), "nobody works on it any more", 20)
    until(lambda: not workshop.builders(), "no container is left", 20)
    until(lambda: not sandboxes(repo), "no sandbox is left", 20)
    assert not workshop.has("napping")
    assert described(repo) == {}

    with changed(repo, {"images/napping/Dockerfile": "MZFROM good\n"}):
        assert workshop.package("images/napping", env=env).returncode == 0
        assert described(repo)["napping"]["origin"] == "built"


def sandboxes(repo: Repo) -> list[Path]:
    """The directories in which processes work that Pants has started."""
    return list(Path(repo.env["PANTS_LOCAL_EXECUTION_ROOT_DIR"]).glob("pants-sandbox-*"))


def cargo_directories(repo: Repo) -> list[Path]:
    """Where Cargo builds for this repository."""
    caches = Path(repo.env["PANTS_NAMED_CACHES_DIR"])
    return [path.parent for path in caches.glob("mzbuild_cargo_*/*/lock")]


def test_ctrl_c_ends_a_cargo_build(workshop: Workshop) -> None:
    repo = workshop.repo
    known = cargo_directories(repo)
    process = repo.start_pants("--mzbuild-profile=dev", "package", "images/compiled")
    until(lambda: len(cargo_directories(repo)) > len(known), "a directory to build in")
    (directory,) = set(cargo_directories(repo)) - set(known)
    script = f"{directory}/target/debug/build/sleeper-"
    until(lambda: is_anybody_running(script), "a build to break off")
    assert is_locked(directory / "lock")
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process, check=False, timeout=60).returncode != 0
    until(lambda: not is_anybody_running(str(directory)), "nobody works in there any more", 20)
    until(lambda: not is_locked(directory / "lock"), "whoever had the lock is gone, too", 20)
    assert not list(directory.rglob("*.unfinished"))
    until(lambda: not sandboxes(repo), "no sandbox is left", 20)
    assert described(repo) == {}

    with changed(repo, {"sleeper/nap": "0\n"}):
        result = workshop.package("images/compiled")
        assert result.returncode == 0, str(result)
        assert set(described(repo)) == {"compiled"}


def test_the_disk_is_full_while_staging(workshop: Workshop, tmp_path: Path) -> None:
    repo = workshop.repo
    caches = tmp_path / "caches"
    caches.mkdir()
    script = f'mount -t tmpfs -o size=256k none "{caches}" && exec "$@"'
    args = ("--no-pantsd", "--mzbuild-profile=dev", "package", "images/compiled")
    env = {**repo.env, "PANTS_NAMED_CACHES_DIR": str(caches)}
    files = {"sleeper/nap": "0\n", "sleeper/large.txt": "0123456789abcdef" * 32 * 1024}
    with changed(repo, files):
        command = [*own_mounts(script), str(PANTS), *args]
        result = finish(start(command, cwd=repo.root, env=env), check=False)
    assert_refused(workshop.repo, result, "images/compiled/mzbuild.yml: ", "The disk is full: ")
    assert str(caches) in result.stderr
