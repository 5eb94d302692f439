"""The launcher: how it sets Pants up, hands over to it, and shows what went wrong.

Everything here runs the real script, in throw-away repositories that know nothing of the plugin.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple

import pytest
from pants.pantsd.process_manager import ProcessManager

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "3rdparty/python"
PYTHON39 = os.path.realpath(f"{sys.base_prefix}/bin/python3.9")

PANTS_TOML = """
[GLOBAL]
pants_version = "2.17.1"
pythonpath = ["%(buildroot)s/plugins"]
backend_packages = [{backends}]
"""

PROBE = """
from pants.engine.console import Console
from pants.engine.goal import Goal, GoalSubsystem
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, collect_rules, goal_rule
from pants.option.option_types import IntOption, StrOption

class ProbeSubsystem(GoalSubsystem):
    name = "probe"
    help = "Says and does what it is told."
    text = StrOption(default="", help="What to print.")
    status = IntOption(default=0, help="What to exit with.")
    nap = IntOption(default=0, help="How many seconds to sleep.")

class Probe(Goal):
    subsystem_cls = ProbeSubsystem
    environment_behavior = Goal.EnvironmentBehavior.LOCAL_ONLY

@goal_rule
async def probe(options: ProbeSubsystem, console: Console) -> Probe:
    argv = ("/bin/sleep", str(options.nap))
    await Get(FallibleProcessResult, Process(argv, description="nap"))
    console.print_stdout(options.text)
    return Probe(options.status)

def rules():
    return collect_rules()
"""


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether `condition` comes to hold within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Repo(NamedTuple):
    """A repository of somebody else, and a launcher that is called by its path from there."""

    path: Path
    env: dict[str, str]
    launcher: Path = ROOT / "pants"

    def start(self, *args: str, cwd: str = ".", **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.launcher, *args],
            cwd=self.path / cwd,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str, cwd: str = ".", **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*args, cwd=cwd, **env)
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(args, process.returncode, stdout, stderr)

    def add_backend(self, name: str, **modules: str) -> None:
        package = self.path / "plugins" / name
        package.mkdir(parents=True, exist_ok=True)
        for module, source in {"__init__": "", **modules}.items():
            (package / f"{module}.py").write_text(source)

    def pantsd(self) -> int | None:
        """Its process, or None once it has said that it is on its way out."""
        for file in self.path.glob(".pids/*/pantsd/pid"):
            with contextlib.suppress(FileNotFoundError):
                return int(file.read_text())
        return None

    def stop(self) -> None:
        pid = self.pantsd()
        if pid:
            os.kill(pid, signal.SIGTERM)


@pytest.fixture(scope="session")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user at the first run, but for what pip has downloaded already."""
    ours = re.compile("PYTHON.*|PYENV_.*|UV_.*|_?PANTS.*|MZBUILD.*|XDG_CACHE_HOME|NO_SCIE_WARNING")
    theirs = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    downloads = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")) + "/pip"
    cache = tmp_path_factory.mktemp("cache")
    yield {
        "PIP_CACHE_DIR": downloads,
        **theirs,
        "PYTHON": PYTHON39,
        "XDG_CACHE_HOME": str(cache),
    }
    # pytest would keep it, and it is large. A pantsd that has been stopped may still be at it.
    shutil.rmtree(cache, ignore_errors=True)


@pytest.fixture
def repo(tmp_path: Path, env: dict[str, str]) -> Iterator[Repo]:
    repo = Repo(tmp_path / "repo", env)
    repo.path.mkdir()
    (repo.path / "pants.toml").write_text(PANTS_TOML.format(backends=""))
    yield repo
    repo.stop()


class FirstRuns(NamedTuple):
    """A repository where Pants is up, and how the two runs ended that set it up at once."""

    repo: Repo
    runs: list[subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def first_runs(
    tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]
) -> Iterator[FirstRuns]:
    repo = Repo(tmp_path_factory.mktemp("warm"), env)
    (repo.path / "pants.toml").write_text(PANTS_TOML.format(backends="'probe'"))
    (repo.path / "below").mkdir()
    repo.add_backend("probe", register=PROBE)
    processes = [repo.start("probe", f"--probe-text=run {number}") for number in range(2)]
    try:
        runs = []
        for process in processes:
            stdout, stderr = process.communicate(timeout=300)
            runs.append(subprocess.CompletedProcess("", process.returncode, stdout, stderr))
        yield FirstRuns(repo, runs)
    finally:
        repo.stop()


@pytest.fixture
def warm(first_runs: FirstRuns) -> Repo:
    return first_runs.repo


def test_two_first_runs_at_once(first_runs: FirstRuns) -> None:
    assert [(run.returncode, run.stdout) for run in first_runs.runs] == [
        (0, "run 0\n"),
        (0, "run 1\n"),
    ]
    said = "".join(run.stderr for run in first_runs.runs)
    assert said.count("Installing pants.lock into ") == 1
    assert said.count("Waiting for another run ") == 1
    assert "DEPRECATED" not in said


@pytest.mark.parametrize("status", [0, 42])
def test_arguments_and_status_are_passed_on(warm: Repo, status: int) -> None:
    text = "two words, a 'quote', $HOME, *"
    run = warm.run("probe", f"--probe-text={text}", f"--probe-status={status}", cwd="below")
    assert (run.returncode, run.stdout, run.stderr) == (status, f"{text}\n", "")


def test_options_in_the_environment_are_passed_on(warm: Repo) -> None:
    assert warm.run("probe", PANTS_PROBE_TEXT="as a variable").stdout == "as a variable\n"


def test_called_through_links(warm: Repo, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/pants").symlink_to("../link")
    (tmp_path / "link").symlink_to(ROOT / "pants")
    linked = warm._replace(launcher=tmp_path / "bin/pants")
    assert linked.run("--version").stdout == "2.17.1\n"


def test_costs_no_more_than_20_ms(warm: Repo) -> None:
    venv = subprocess.run(
        [ROOT / "bin/venv", LOCKS / "pants.lock"], env=warm.env, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    client = Path(venv, "lib/python3.9/site-packages/pants/bin/native_client")
    seconds: dict[Path, list[float]] = {client: [], warm.launcher: []}
    for _ in range(15):
        for command in seconds:
            # The time of the clock says more of what else the machine is doing.
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = warm._replace(launcher=command).run("--version")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            seconds[command].append(spent)
            assert run.stdout == "2.17.1\n"
    assert min(seconds[warm.launcher]) - min(seconds[client]) < 0.020


def test_interrupt_reaches_pants(warm: Repo) -> None:
    log = warm.path / ".pants.d/pants.log"
    process = warm.start("probe", "--probe-nap=60")
    assert eventually(lambda: "--probe-nap=60" in log.read_text())
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode > 0
    assert "Interrupted by user" in stderr
    assert warm.run("probe", "--probe-text=again").stdout == "again\n"


def test_twenty_commands_at_once_are_answered(warm: Repo) -> None:
    # Each runs a process, for which pantsd needs a thread that none of the others waits in.
    processes = [warm.start("probe", f"--probe-text={number}") for number in range(20)]
    answers = [process.communicate(timeout=100)[0] for process in processes]
    assert answers == [f"{number}\n" for number in range(20)]


@pytest.mark.parametrize("args", [["--no-pantsd"], []])
def test_links_that_have_pants_crash_are_named_with_what_helps(
    repo: Repo, warm: Repo, args: list[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", repo.path], check=True)
    (repo.path / "a").symlink_to("b")
    (repo.path / "b").symlink_to("a")
    run = repo.run(*args, "list", "::")
    assert run.returncode == 139
    assert "A symlink that leads to itself" in run.stderr
    line = next(line for line in run.stderr.splitlines() if "pants_ignore" in line)
    assert line == '  pants_ignore.add = ["/a", "/b"]'
    with (repo.path / "pants.toml").open("a") as file:
        file.write(line.lstrip())
    run = repo.run(*args, "list", "::")
    assert (run.returncode, run.stdout) == (0, "")


def test_backend_that_exits_is_shown_and_ends_pantsd(repo: Repo, warm: Repo) -> None:
    repo.add_backend("broken", register="import sys\nsys.exit('out of tea')")
    run = repo.run("--version", PANTS_BACKEND_PACKAGES="['broken']")
    assert run.returncode == 1
    assert "out of tea" in run.stderr
    assert "broken/register.py" in run.stderr
    # Otherwise what it has loaded of the backend would outlive the repair.
    assert eventually(lambda: repo.pantsd() is None)


def test_what_is_broken_is_named_whether_pantsd_is_up_or_going_down(repo: Repo, warm: Repo) -> None:
    repo.add_backend("at_import", register="raise RuntimeError('out of tea')")
    repo.add_backend("in_rules", register="def rules(): raise RuntimeError('out of milk')")
    broken = {
        "out of tea": {"PANTS_BACKEND_PACKAGES": "['at_import']"},
        "out of milk": {"PANTS_BACKEND_PACKAGES": "['in_rules']"},
        "nosuch.register": {"PANTS_BACKEND_PACKAGES": "['nosuch']"},
        "loud": {"PANTS_LEVEL": "loud"},
    }
    for reason, variables in broken.items():
        run = repo.run("--version", **variables)
        assert run.returncode == 1, reason
        assert reason in run.stderr


def test_pantsd_that_cannot_come_up_says_why(repo: Repo, warm: Repo) -> None:
    pids = repo.path / ".pids"
    pids.mkdir()
    (pids / ProcessManager.host_fingerprint).write_text("in the way")
    process = repo.start("--version")
    assert process.stderr is not None
    # Not to the end of it: Pants waits for a minute before it gives up.
    said = next((line for line in process.stderr if "NotADirectoryError" in line), None)
    process.terminate()
    process.communicate(timeout=10)
    assert said is not None
    assert str(pids) in said


def test_user_errors_have_no_traceback(repo: Repo, warm: Repo, tmp_path: Path) -> None:
    (repo.path / "pants.toml").write_text("[GLOBAL")
    run = repo.run("--version")
    assert run.returncode == 1
    assert "pants.toml could not be parsed" in run.stderr
    assert "Traceback" not in run.stderr

    run = repo.run("--version", cwd=str(tmp_path))
    assert run.returncode == 1
    assert run.stderr.startswith("No build root detected.")


def test_pantsd_goes_when_the_lock_changes(repo: Repo, warm: Repo, tmp_path: Path) -> None:
    elsewhere = tmp_path / "launcher"
    shutil.copytree(ROOT / "bin", elsewhere / "bin")
    shutil.copytree(LOCKS, elsewhere / "3rdparty/python")
    shutil.copy(ROOT / "pants", elsewhere)
    run = repo._replace(launcher=elsewhere / "pants").run("--version")
    assert (run.returncode, run.stdout) == (0, "2.17.1\n")
    assert repo.pantsd() is not None

    with (elsewhere / "3rdparty/python/pants.lock").open("a") as lock:
        lock.write("# Nothing new.\n")
    assert eventually(lambda: repo.pantsd() is None)
