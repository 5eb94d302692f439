"""How `pants package` deals with the engine: what it asks, what it builds, and when."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.images import (
    COPY_ALL,
    building,
    contents,
    described,
    image,
    log_file,
    probe_image,
    run_step,
    shadow,
    text,
    until,
    without_buildx,
)
from tests.e2e.repo import PANTS_TOML, WORKDIR, Content, Docker, Repo, finish

# Two images that take a while and say when, a third that needs both.
STAMPS = "WORKDIR /stamps\n" + run_step("stamp", "start", "sleep", "2", "stamp", "end")
SLOW = run_step("say", "the first line", "sleep", "4", "say", "the last line")

FILES: Mapping[str, Content] = {
    # Even a machine with one core is to build two images at once.
    "pants.toml": f"{PANTS_TOML}process_execution_local_parallelism = 2\n",
    **image("left", f"MZFROM probe\n{STAMPS}"),
    **image("right", f"MZFROM probe\n{STAMPS}"),
    **image("top", "MZFROM left AS left\nMZFROM right\nCOPY --from=left /stamps/end of-left\n"),
    **image("slow", f"MZFROM probe\n{SLOW}", where="slow"),
    **image("alone", COPY_ALL),
    "images/alone/Dockerfile.dockerignore": "mzbuild.yml\n",
    **image(
        "plain", "MZFROM alone\nARG BUILD_PROFILE\nLABEL profile=$BUILD_PROFILE\nCOPY . /srv/\n"
    ),
}

Workshop = tuple[Repo, Docker]


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    files = {**probe_image(), **FILES}
    with building(tmp_path_factory.mktemp("package"), cold_caches, files) as made:
        yield made


@pytest.fixture
def recorded(tmp_path: Path) -> Mapping[str, str]:
    """An environment in which each call of `docker` leaves a line in the file `calls`."""
    return shadow(tmp_path, "docker", f'echo "$*" >>{tmp_path}/calls; exec "$real" "$@"')


def calls(directory: Path) -> list[str]:
    return (directory / "calls").read_text().splitlines()


def test_independent_images_are_built_at_once(workshop: Workshop) -> None:
    repo, docker = workshop
    repo.pants("package", "images/top")
    assert set(described(repo)) == {"top"}
    left, right = (contents(docker, _spec(repo, name), "stamps") for name in ("left", "right"))
    start, end = (
        [float(text(files[stamp])) for files in (left, right)] for stamp in ("start", "end")
    )
    assert max(start) < min(end)
    assert contents(docker, _spec(repo, "top"), "stamps") == {**right, "of-left": left["end"]}


def _spec(repo: Repo, name: str) -> str:
    return repo.pants(
        "--mzbuild-fingerprint-format=spec", "mzbuild-fingerprint", f"images/{name}"
    ).stdout.strip()


def test_the_engine_is_asked_once_for_all_images(
    workshop: Workshop, recorded: Mapping[str, str], tmp_path: Path
) -> None:
    repo, docker = workshop
    # What is new to the daemon, it looks at once.
    for _ in range(2):
        repo.pants("package", "images::")
    # A client that was not there before may have another plugin.
    for more in (["buildx version"], []):
        docker("image", "rm", _spec(repo, "alone"), _spec(repo, "plain"))
        (tmp_path / "calls").write_text("")
        repo.pants("package", "images::", env=recorded)
        asked = [call.split(" --")[0] for call in calls(tmp_path)]
        assert sorted(asked) == ["buildx build"] * 2 + [*more, "image ls"]
    client = tmp_path / "docker"
    client.write_text(f"{client.read_text()}# Another one.\n")
    docker("image", "rm", _spec(repo, "plain"))
    repo.pants("package", "images::", env=recorded)
    assert calls(tmp_path).count("buildx version") == 1


def test_nothing_but_that_is_asked_when_all_is_there(
    workshop: Workshop, recorded: Mapping[str, str], tmp_path: Path
) -> None:
    repo, _ = workshop
    for _ in range(2):
        repo.pants("package", "images::")
    repo.pants("package", "images::", env=recorded)
    assert [call.split(" --")[0] for call in calls(tmp_path)] == ["image ls"]


def test_an_image_that_was_removed_is_built_again(workshop: Workshop) -> None:
    repo, docker = workshop
    for _ in range(2):
        repo.pants("package", "images::")
        before = described(repo)
        docker("image", "rm", "--force", before["alone"]["spec"])
        repo.pants("package", "images::")
        after = described(repo)
        assert {name for name in after if after[name]["origin"] == "built"} == {"alone"}
        assert after["alone"]["spec"] in docker.images()
        assert after["alone"]["seconds"] > 0


def test_what_an_image_builds_on_is_not_needed_once_it_is_there(workshop: Workshop) -> None:
    repo, docker = workshop
    repo.pants("package", "images/plain")
    docker("image", "rm", "--force", _spec(repo, "alone"))
    repo.pants("package", "images/plain")
    assert described(repo)["plain"]["origin"] == "reused"
    assert _spec(repo, "alone") not in docker.images()


def test_the_output_of_a_build_can_be_followed(workshop: Workshop) -> None:
    repo, docker = workshop
    log = log_file(repo, "slow")
    process = repo.start_pants("package", "slow")
    until(lambda: log.exists() and "the first line\n" in _said(log), f"a first line in {log}")
    assert process.poll() is None
    assert "the last line\n" not in _said(log)
    result = finish(process, check=True)
    assert "the last line\n" in _said(log)
    assert f"follow it with: tail -F {log}" in result.stderr
    assert described(repo)["slow"]["spec"] in docker.images()


def _said(log: Path) -> str:
    """What the build has printed: not the commands that Docker repeats as it starts them."""
    lines = log.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if "RUN" not in line)


@pytest.mark.parametrize("directory", [f"{WORKDIR}/mzbuild/logs", "dist/images.alone"])
def test_nothing_is_written_through_a_symlink(
    workshop: Workshop, tmp_path: Path, directory: str
) -> None:
    repo, _ = workshop
    build = ("--mzbuild-build=always", "package", "images/alone")
    repo.pants(*build)
    (link,) = (repo.root / directory).rglob("alone.[al]*")
    precious = tmp_path / "precious"
    precious.write_text("a")
    link.unlink()
    link.symlink_to(precious)
    try:
        result = repo.pants(*build, check=False)
    finally:
        link.unlink()
    assert result.returncode == 1
    assert f"{link} is a symlink, and nothing is written through one there." in result.stderr
    assert "Traceback" not in result.text
    assert precious.read_text() == "a"


def test_without_buildx_plain_docker_builds(workshop: Workshop, tmp_path: Path) -> None:
    repo, docker = workshop
    env = without_buildx(tmp_path)
    repo.pants("package", "images/plain")
    specs = [_spec(repo, name) for name in ("alone", "plain")]
    docker("image", "rm", "--force", *specs)
    shutil.rmtree(repo.root / "dist")

    result = repo.pants("package", "images/plain", env=env)
    (hint,) = (line for line in result.stderr.splitlines() if "[WARN]" in line)
    assert "Docker's buildx plugin is missing" in hint
    assert "apt-get install docker-buildx" in hint

    plain = described(repo)["plain"]
    assert plain["origin"] == "built"
    (found,) = json.loads(docker("image", "inspect", plain["spec"]).stdout)
    assert found["Id"] == plain["image_id"]
    assert found["Config"]["Labels"]["profile"] == "OPTIMIZED"
    assert found["Config"]["Labels"]["mzbuild.fingerprint"] == plain["fingerprint"]
    files = contents(docker, plain["spec"])
    assert text(files["mzbuild.yml"]) == "name: plain\n"
    assert "mzbuild.yml" not in contents(docker, specs[0])
    assert docker("ps", "--all", "--quiet", f"--filter=ancestor={plain['spec']}").stdout == ""

    again = repo.pants("package", "images/plain", env=env)
    assert "buildx" not in again.stderr, "nothing is built, so nothing is to be said of it"
