"""bin/with-docker, with real engines: what it starts works, and nothing of it stays."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.repo import CHECKOUT, Result, finish, start

WITH_DOCKER = str(CHECKOUT / "bin/with-docker")

PROGRAM = """\
fn main() {
    let greeting = std::fs::read_to_string("/greeting").unwrap_or_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("greet") => std::fs::write("/greeting", "hello from RUN").unwrap(),
        Some("sleep") => std::thread::sleep(std::time::Duration::from_secs(300)),
        Some(code) => {
            println!("{greeting}");
            std::process::exit(code.parse().unwrap())
        }
        None => {}
    }
}
"""

DOCKERFILE = """\
FROM scratch
COPY program /program
RUN ["/program", "greet"]
ENTRYPOINT ["/program"]
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build context that needs nothing from outside."""
    directory = tmp_path_factory.mktemp("context")
    (directory / "Dockerfile").write_text(DOCKERFILE)
    (directory / "main.rs").write_text(PROGRAM)
    rustc = ["rustc", "-C", "target-feature=+crt-static", "-o", "program", "main.rs"]
    subprocess.run(rustc, cwd=directory, check=True)
    return directory


def with_docker(
    *args: str, cwd: Path = CHECKOUT, env: Mapping[str, str] = os.environ
) -> subprocess.Popen[str]:
    # A shell cannot trap what was ignored when it began, as SIGHUP is below `nohup`.
    default = ["env", "--default-signal=INT,TERM,HUP"]
    return start([*default, WITH_DOCKER, *args], cwd=cwd, env=env)


def run(*args: str, cwd: Path = CHECKOUT, check: bool = False) -> Result:
    return finish(with_docker(*args, cwd=cwd), check=check)


def wait_for(path: Path) -> str:
    """The line that a command writes there when it has come to the interesting point."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and (content := path.read_text()).endswith("\n"):
            return content.strip()
        time.sleep(0.02)
    raise AssertionError(f"nothing was written to {path}")


def left_of(docker_host: str) -> list[str]:
    """What there still is of the private engine that listened there."""
    directory = Path(docker_host.replace("unix://", "")).parent
    unique = directory.name.split(".")[-1]
    left = [str(directory)] if directory.exists() else []
    for mounts in ("/proc/self/mounts", *map(str, Path("/proc").glob("[0-9]*/mounts"))):
        try:
            left += [f"{mounts}: {m}" for m in Path(mounts).read_text().splitlines() if unique in m]
        except OSError:  # The process has ended.
            continue
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if unique in command:
            left.append(f"{process}: {command}")
    left += [str(link) for link in Path("/sys/class/net").iterdir() if unique in link.name]
    left += [str(group) for group in Path("/sys/fs/cgroup").rglob(f"*{unique}*")]
    return left


def assert_gone(docker_host: str, patience: float = 0) -> None:
    deadline = time.monotonic() + patience
    while left := left_of(docker_host):
        assert time.monotonic() < deadline, "\n".join(left)
        time.sleep(0.1)


def test_an_engine_that_answers_is_used_as_it_is() -> None:
    before = os.environ.get("DOCKER_HOST", "")
    result = run("sh", "-c", 'echo "<$DOCKER_HOST>"; exit 7')
    assert (result.returncode, result.stdout) == (7, f"<{before}>\n")
    assert "starting" not in result.stderr


def test_an_engine_asked_for_by_name_is_not_replaced_by_another() -> None:
    env = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    result = finish(with_docker("true", env=env), check=False)
    assert result.returncode == 125
    assert "the engine at DOCKER_HOST=unix:///nowhere/docker.sock does not answer" in result.stderr


def test_a_private_engine_builds_and_runs(context: Path) -> None:
    script = """
        docker buildx build --quiet --load --tag sample . >&2
        docker run --rm --init sample 3
        code=$?
        docker image ls --format '{{.Repository}}'
        echo $DOCKER_HOST
        exit $code
    """
    result = run("--private", "sh", "-c", script, cwd=context)
    assert result.returncode == 3, str(result)
    greeting, *images, docker_host = result.stdout.splitlines()
    assert greeting == "hello from RUN"
    # The images of other engines are not seen.
    assert images == ["sample"]
    assert docker_host != os.environ.get("DOCKER_HOST")
    assert_gone(docker_host)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_passed_on_and_leaves_nothing(context: Path, tmp_path: Path, name: str) -> None:
    ready = tmp_path / "ready"
    script = f"""
        docker buildx build --quiet --load --tag sample . >/dev/null || exit 99
        docker run --detach sample sleep >/dev/null || exit 99
        trap 'exit 42' {name[3:]}
        echo $DOCKER_HOST >{ready}
        while :; do sleep 0.1; done
    """
    process = with_docker("--private", "sh", "-c", script, cwd=context)
    docker_host = wait_for(ready)
    assert left_of(docker_host)
    process.send_signal(signal.Signals[name])
    # Less than the ten seconds that an engine gives a container that does not end.
    assert finish(process, check=False, timeout=9).returncode == 42
    assert_gone(docker_host)


def test_a_signal_that_the_command_dies_of(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"echo $DOCKER_HOST >{ready}; exec sleep 300"
    process = with_docker("--private", "sh", "-c", script)
    docker_host = wait_for(ready)
    process.terminate()
    assert finish(process, check=False, timeout=30).returncode == 128 + signal.SIGTERM
    assert_gone(docker_host)


def test_killed_the_hard_way_the_engine_goes_too(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"echo $DOCKER_HOST >{ready}; exec sleep 300"
    process = with_docker("--private", "sh", "-c", script)
    docker_host = wait_for(ready)
    process.kill()
    process.wait()
    try:
        assert_gone(docker_host, patience=15)
    finally:
        # Nobody can stop the command for a process that is gone.
        os.killpg(process.pid, signal.SIGKILL)


def test_ctrl_c_reaches_the_command_once(tmp_path: Path) -> None:
    ready, seen = tmp_path / "ready", tmp_path / "seen"
    script = f"""
        trap 'echo interrupted >>{seen}' INT
        echo $DOCKER_HOST >{ready}
        sleep 300
        sleep 1
        exit 42
    """
    child, terminal = pty.fork()
    if child == 0:
        os.execv(WITH_DOCKER, [WITH_DOCKER, "--private", "sh", "-c", script])
    docker_host = wait_for(ready)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.WEXITSTATUS(status) == 42
    assert seen.read_text() == "interrupted\n"
    assert_gone(docker_host)


def test_kept_data_serves_the_next_run_and_no_two_at_once(context: Path, tmp_path: Path) -> None:
    kept = ["--private", "--keep", str(tmp_path / "kept")]
    build = "docker buildx build --quiet --load --tag sample . >&2 && "
    again = f"{WITH_DOCKER} {' '.join(kept)} true; echo $?; echo $DOCKER_HOST"
    first = run(*kept, "sh", "-c", build + again, cwd=context, check=True)
    second_code, docker_host = first.stdout.split()
    assert second_code == "125"
    assert "another engine is using" in first.stderr
    assert "the Docker engine did not start" in first.stderr
    assert_gone(docker_host)

    second = run(*kept, "docker", "run", "--rm", "sample", "0", check=True)
    assert second.stdout == "hello from RUN\n"
    clean = ["docker", "system", "prune", "--all", "--force"]
    run(*kept, *clean, check=True)


def test_a_command_that_is_not_there() -> None:
    result = run("--private", "no-such-command")
    assert result.returncode == 127
    assert "no-such-command" in result.stderr


@pytest.mark.parametrize("args", [[], ["--no-such-option", "true"], ["--keep"]])
def test_a_wrong_call_says_what_is_right(args: list[str]) -> None:
    result = run(*args)
    assert result.returncode == 125
    assert "--keep" in result.stderr


@pytest.fixture
def bare() -> Iterator[Path]:
    """A directory for the PATH with the basic tools alone, and with-docker, for every user."""
    directory = Path(tempfile.mkdtemp(prefix="bare-"))
    directory.chmod(0o755)
    shutil.copy(WITH_DOCKER, directory)
    for tool in ("bash", "env", "id", "mktemp", "rm", "sed", "tail", "true", "uname", "unshare"):
        (directory / tool).symlink_to(str(shutil.which(tool)))
    yield directory
    shutil.rmtree(directory)


def test_without_root_the_error_says_what_root_would_do(bare: Path) -> None:
    command = [str(bare / "with-docker"), "--private", "true"]
    nobody = 65534 if os.geteuid() == 0 else None
    result = subprocess.run(
        command, env={"PATH": str(bare)}, user=nobody, capture_output=True, text=True, cwd=bare
    )
    assert result.returncode == 125
    assert "there is no sudo" in result.stderr
    assert "apt-get install docker.io docker-buildx" in result.stderr


def test_without_apt_the_error_says_what_to_install(bare: Path) -> None:
    if os.geteuid() != 0:
        (bare / "sudo").symlink_to(str(shutil.which("sudo")))
    command = [str(bare / "with-docker"), "--private", "true"]
    result = subprocess.run(
        command, env={"PATH": str(bare)}, capture_output=True, text=True, cwd=bare
    )
    assert result.returncode == 125
    assert "without apt-get none can be installed here" in result.stderr
