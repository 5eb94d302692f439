"""What is told of builds while they last: in logs, in a terminal, and to who wants everything."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.images import building, image, log_file, probe_image, run_step
from tests.e2e.repo import PANTS, Repo, finish, start

FILES = {
    **image("compiled", "FROM scratch\nCOPY app /\n", "pre-image: [{type: cargo-build, bin: app}]"),
    "Cargo.toml": '[workspace]\nmembers = ["app"]\nresolver = "2"\n',
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n',
}
STEPS = (r"\[2/3\] RUN .*say", r"\[3/3\] RUN .*4")


@pytest.fixture
def repo(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    directory = tmp_path_factory.mktemp("progress")
    # Neither Docker nor Cargo remembers what an earlier test has built.
    new = secrets.token_hex()
    steps = run_step("say", new) + run_step("sleep", "4")
    files = {
        **probe_image(),
        **FILES,
        **image("slow", f"MZFROM probe\n{steps}"),
        "app/src/main.rs": f"// {new}\nfn main() {{}}\n",
    }
    with building(directory, cold_caches, files, {"PANTS_MZBUILD_PROFILE": "dev"}) as (repo, _):
        yield repo


def test_a_long_build_tells_where_it_is(repo: Repo) -> None:
    said = repo.pants("package", "images/slow", "images/compiled").stderr
    follow = rf"Building \S+; follow it with: tail -F {log_file(repo, 'slow')}"
    for step in (follow, *STEPS):
        assert re.search(rf"^\S+ \[INFO\] slow: {step}", said, re.MULTILINE), said
    assert "[INFO] compiled: Compiling app v0.1.0\n" in said
    assert "#1" not in said, "this is not all"


def test_all_that_is_written_is_told_with_the_image_s_name(repo: Repo) -> None:
    args = ("--mzbuild-progress=plain", "package", "images/slow", "images/compiled")
    said = repo.pants(*args).stderr
    written = [line for line in log_file(repo, "slow").read_text().splitlines() if line]
    assert len(written) > 10
    assert re.findall(r"^\S+ \[INFO\] slow: (.*)", said, re.MULTILINE) == written
    assert "[INFO] compiled:    Compiling app v0.1.0 (" in said


def test_in_a_terminal_the_steps_stand_above_what_pants_shows(repo: Repo) -> None:
    package = f"{shlex.quote(str(PANTS))} package images/slow"
    command = ["script", "-qec", package, "/dev/null"]
    env = {**repo.env, "TERM": "xterm"}
    env.pop("CI", None)
    shown = finish(start(command, cwd=repo.root, env=env), check=True).stdout
    assert "Build the image slow" in shown
    for step in STEPS:
        assert re.search(rf"slow: {step}", shown), shown
