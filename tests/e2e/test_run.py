"""`pants run`: the image runs in the foreground, as if it were a command of this machine."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.e2e.images import building, image, probe_image, until
from tests.e2e.repo import PANTS, Content, Docker, Repo, Result, finish

FILES: Mapping[str, Content] = {
    # It asks for an environment; beside it, a BUILD file says what it runs with.
    **image("app", "MZFROM probe\nWORKDIR /srv\n"),
    "images/app/BUILD": (
        'mzbuild_image(run_env=["SAID=from the field", "PASSED_ON"], '
        'run_args=["--hostname=of-the-field", "--workdir=/"])\n'
    ),
}


class Runner(NamedTuple):
    repo: Repo
    docker: Docker

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> Result:
        """Runs the image `probe` with these arguments."""
        return self.repo.pants("run", "images/probe", "--", *args, env=env, check=False)

    def containers(self) -> str:
        """The containers of this module's images, whatever they are doing."""
        listed = self.docker("ps", "--all", "--format={{.Image}} {{.Status}}").stdout
        return "\n".join(line for line in listed.splitlines() if self.docker.prefix in line)


@pytest.fixture(scope="module")
def runner(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Runner]:
    files = {**probe_image(), **FILES}
    with building(tmp_path_factory.mktemp("run"), cold_caches, files) as (repo, docker):
        repo.pants("package", "::")
        yield Runner(repo, docker)
        # Checked at the end as well: no test has left one.
        assert Runner(repo, docker).containers() == ""


def test_the_exit_code_is_the_commands(runner: Runner) -> None:
    for code in (0, 1, 7, 125, 255):
        assert runner.run("say", "so", "exit", str(code)).returncode == code
    assert runner.containers() == ""


def test_an_image_that_is_not_there_is_built_first(runner: Runner) -> None:
    runner.docker("image", "rm", "--force", *runner.docker.images())
    result = runner.run("say", "built")
    assert (result.returncode, result.stdout) == (0, "built\n"), str(result)


def test_arguments_arrive_as_they_are(runner: Runner) -> None:
    args = ["a b", "", "it's", '"', "$HOME", "*", "--", "-x", "ü", "new\nline"]
    result = runner.run("args", *args)
    quoted = [
        *(
            '"a b"',
            '""',
            '"it\'s"',
            r'"\""',
            '"$HOME"',
            '"*"',
            '"--"',
            '"-x"',
            '"ü"',
            r'"new\nline"',
        )
    ]
    assert result.stdout.splitlines() == quoted


def test_both_outputs_are_the_commands_own(runner: Runner) -> None:
    result = runner.run("say", "out", "fail")
    assert result.stdout == "out\n"
    assert "a word after each verb" in result.stderr
    assert result.returncode == 101


def test_standard_input_is_handed_on(runner: Runner) -> None:
    sent = "".join(f"line {number}\n" for number in range(10_000))
    result = subprocess.run(
        [str(PANTS), "run", "images/probe", "--", "cat", "say", "the end"],
        cwd=runner.repo.root,
        env=runner.repo.env,
        input=sent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stdout) == (0, f"{sent}the end\n"), result.stderr


def test_fields_say_what_an_image_runs_with(runner: Runner) -> None:
    words = ["env", "SAID", "env", "PASSED_ON", "env", "HOSTNAME", "env", "OTHER"]
    # Nor does the environment get between what Pants runs and Docker.
    env = {"PASSED_ON": "two words", "OTHER": "not passed on", "tty": "--no-option"}
    result = runner.repo.pants("run", "images/app", "--", *words, env=env)
    assert result.stdout.splitlines() == [
        "SAID=from the field",
        "PASSED_ON=two words",
        "HOSTNAME=of-the-field",
        "OTHER=(unset)",
    ]
    other = runner.repo.pants("run", "images/app", "--", *words, env={"PASSED_ON": "new"})
    assert "PASSED_ON=new" in other.stdout.splitlines()


def test_options_say_what_all_images_run_with_and_the_field_has_the_last_word(
    runner: Runner,
) -> None:
    result = runner.repo.pants(
        "--mzbuild-docker-run-args=--env=BY_OPTION='a b' --hostname=of-the-option",
        "run",
        "images/app",
        "--",
        *("env", "BY_OPTION", "env", "HOSTNAME"),
    )
    assert result.stdout.splitlines() == ["BY_OPTION=a b", "HOSTNAME=of-the-field"]


def test_what_is_running_can_be_interrupted(runner: Runner) -> None:
    process = runner.repo.start_pants("run", "images/probe", "--", "say", "up", "sleep", "600")
    until(lambda: "Up" in runner.containers(), "a container that runs")
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process, check=False, timeout=60).returncode != 0
    until(lambda: not runner.containers(), "no container", 20)


def in_terminal(runner: Runner, *args: str, typed: bytes = b"") -> tuple[int, str]:
    """Runs the image `probe` in a terminal; its exit code, and what is to be seen there.

    What is to be typed is typed once the program says that it is `ready`.
    """
    master, slave = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", str(PANTS), "run", "images/probe", "--", *args],
        cwd=runner.repo.root,
        env=runner.repo.env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    # Reading fails once nobody has the terminal open any more.
    with contextlib.suppress(OSError):
        while select.select([master], [], [], 60)[0]:
            shown += os.read(master, 4096)
            if typed and b"ready" in shown:
                os.write(master, typed)
                typed = b""
    os.close(master)
    return process.wait(60), shown.decode()


def test_a_terminal_is_handed_on_where_there_is_one(runner: Runner) -> None:
    code, shown = in_terminal(runner, "fd", "0", "fd", "1", "exit", "3")
    assert code == 3, shown
    assert shown.count("/dev/pts/") + shown.count("/dev/console") == 2, shown
    assert "pipe:" in runner.run("fd", "1").stdout


def test_what_is_typed_reaches_the_image(runner: Runner) -> None:
    code, shown = in_terminal(runner, "say", "ready", "cat", "say", "done", typed=b"typed\n\x04")
    assert code == 0, shown
    # The terminal shows what is typed, and the program says it again.
    seen = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown)
    assert seen.splitlines()[-4:] == ["ready", "typed", "typed", "done"]
