"""What all goals that only look do alike, however little each of them was told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.bare import error, logged
from tests.e2e.repo import PANTS, Repo
from tests.e2e.steps import restore

FILES = {
    "images/base/mzbuild.yml": "name: base\n",
    "images/base/Dockerfile": "FROM scratch\n",
    "images/top/mzbuild.yml": "name: environmentd\n",
    "images/top/Dockerfile": "MZFROM base\n",
    "doc/index.md": "",
    "compose.yml": "services:\n  one:\n    image: debian\n",
}

GOALS = ("list", "describe", "plan", "explain", "graph", "bake", "fingerprint")


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    repo = Repo(tmp_path_factory.mktemp("reading") / "repo", FILES, cold_caches)
    repo.write({"doc/index.md": "# More\n"})
    repo.commit("second")
    yield repo
    repo.stop_pantsd()


@pytest.fixture
def repo(shared: Repo) -> Iterator[Repo]:
    yield shared
    restore(shared)


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (
            (),
            "No image is named. Give names, directories or addresses; `::` stands for all images.",
        ),
        (("images/topp/",), "`images/topp` matches no image. Did you mean `images/top`?"),
        (("images/environment::",), "matches no image. Did you mean `images/top`?"),
        (("images/top:base",), "`images/top:base` matches no image. Did you mean `images/top`?"),
        (("images/top", "images/tpo"), "`images/tpo` matches no image. Did you mean `images/top`?"),
        (("environmnt",), "`environmnt` matches no image."),
        (("images",), "`images` matches no image. `images::` stands for those below it."),
        (("doc::",), "`doc::`: that matches no image. `::` stands for all images."),
        (("doc/index.md",), "`doc/index.md`: that matches no image."),
        (
            ("images/top", "-images/top"),
            "`images/top`: no image is left of that, by what begins with `-` or by the options "
            "`--filter-…` and `--tag`. Leave one of them out.",
        ),
    ],
    ids=str,
)
def test_a_specification_of_no_image(
    repo: Repo, goal: str, specs: tuple[str, ...], message: str
) -> None:
    assert message in error(repo.pants(f"mzbuild-{goal}", *specs, check=False))


@pytest.mark.parametrize("goal", GOALS)
def test_an_image_that_is_named_like_a_goal_is_found_by_its_directory(
    repo: Repo, goal: str
) -> None:
    repo.write({"images/odd/mzbuild.yml": "name: roots\n", "images/odd/Dockerfile": ""})
    message = error(repo.pants(f"mzbuild-{goal}", "roots", check=False))
    assert message == (
        "No image is named: Pants has goals called `roots`. Name images of that name by their "
        "directories: `images/odd`."
    )
    repo.pants(f"mzbuild-{goal}", "images/odd")


@pytest.mark.parametrize("goal", GOALS)
def test_an_image_that_is_named_like_a_directory_is_found_from_any_directory(
    repo: Repo, goal: str
) -> None:
    repo.write({"images/odd/mzbuild.yml": "name: doc\n", "images/odd/Dockerfile": ""})
    args = (PANTS, f"mzbuild-{goal}", "doc")
    told = [
        subprocess.run(
            args, cwd=directory, env=repo.env, capture_output=True, check=True, text=True
        )
        for directory in (repo.root, repo.root / "images/base")
    ]
    assert told[0].stdout == told[1].stdout


@pytest.mark.parametrize("goal", GOALS)
def test_what_is_nearly_an_image_is_told_of_beside_one_in_every_run(repo: Repo, goal: str) -> None:
    repo.write({"images/new/Dockerfile": "FROM scratch\n"})
    for _ in range(2):
        result = repo.pants(f"mzbuild-{goal}", "images/top", "images/new", "doc")
        told = [said for _, said in logged(result) if "matches no image" in said]
        assert told == [
            "`images/new` matches no image. `images/new` has a `Dockerfile`, but no "
            "`mzbuild.yml`, which makes an image of it. Write one with `name: new`."
        ]
        assert result.stdout


@pytest.mark.parametrize("goal", GOALS)
def test_an_image_may_be_named_by_its_name(repo: Repo, goal: str) -> None:
    by_name, by_address = (
        repo.pants(f"mzbuild-{goal}", it) for it in ("environmentd", "images/top")
    )
    assert by_name.stdout == by_address.stdout
    assert logged(by_name) == logged(by_address)


def test_names_and_goals_go_together_in_the_order_in_which_they_are_typed(repo: Repo) -> None:
    both = repo.pants("mzbuild-describe", "mzbuild-list", "environmentd").stdout
    one, other = (
        repo.pants(goal, "environmentd").stdout for goal in ("mzbuild-describe", "mzbuild-list")
    )
    assert both == one + other


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ("mzbuild-list", "mzbuild-fingerprint", "::"),
            "`mzbuild-fingerprint` goes with no other goal: run it by itself.",
        ),
        (
            ("--changed-since=HEAD", "mzbuild-list", "top"),
            "The command is about what has changed, and so `top` cannot be named besides. Leave "
            "one of them out.",
        ),
    ],
)
def test_what_does_not_go_together_is_said(repo: Repo, args: tuple[str, ...], message: str) -> None:
    assert message in error(repo.pants(*args, check=False))


@pytest.mark.parametrize("goal", GOALS)
def test_a_change_of_no_image(repo: Repo, goal: str) -> None:
    result = repo.pants("--changed-since=HEAD~1", f"mzbuild-{goal}")
    assert logged(result) == []


@pytest.mark.parametrize("goal", GOALS)
def test_a_change_since_a_revision_that_does_not_exist(repo: Repo, goal: str) -> None:
    result = repo.pants("--changed-since=mian", f"mzbuild-{goal}", check=False)
    assert "bad revision 'mian...HEAD'" in error(result)


@pytest.mark.parametrize("goal", GOALS)
def test_a_shallow_clone_has_the_revisions_that_it_has(
    shared: Repo, shallow: Repo, goal: str
) -> None:
    assert logged(shallow.pants(f"mzbuild-{goal}", "::")) == []
    result = shallow.pants("--changed-since=HEAD~1", f"mzbuild-{goal}", check=False)
    assert "bad revision 'HEAD~1...HEAD'" in error(result)


@pytest.fixture(scope="module")
def shallow(shared: Repo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repo]:
    clone = Repo(tmp_path_factory.mktemp("shallow") / "repo", {}, shared.env)
    clone.git("fetch", "--quiet", "--depth=1", f"file://{shared.root}", "main")
    clone.git("checkout", "--quiet", "--force", "-B", "main", "FETCH_HEAD")
    yield clone
    clone.stop_pantsd()


@pytest.mark.parametrize(
    "args",
    [*((f"mzbuild-{goal}", "::") for goal in GOALS), ("mzbuild-compose", "compose.yml")],
    ids=" ".join,
)
def test_whoever_stops_reading_sees_no_traceback(repo: Repo, args: tuple[str, ...]) -> None:
    # What is at the other end of the pipe is gone before there is anything to read.
    done = subprocess.run(
        ["bash", "-c", f"'{PANTS}' {' '.join(args)} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=repo.root,
        env=repo.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "141\n"
    assert "traceback" not in done.stderr.lower()
    assert "error" not in done.stderr.lower()


def test_without_an_engine_a_plan_says_what_would_be_built(repo: Repo) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    for flags in ((), ("--exit-code",)):
        args = ("mzbuild-plan", "--format=json", *flags, "environmentd")
        result = repo.pants(*args, env=nowhere, check=False)
        assert result.returncode == (2 if flags else 0)
        assert {image["name"]: image["work"] for image in json.loads(result.stdout)} == {
            "base": ["build"],
            "environmentd": ["build"],
        }
        assert "No Docker engine says which images it has: " in result.stderr


def test_without_an_engine_it_is_unknown_whether_an_image_is_missing(repo: Repo) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    args = ("mzbuild-graph", "--status", "--format=json", "environmentd")
    told = json.loads(repo.pants(*args, env=nowhere).stdout)
    assert {image["status"] for image in told} == {"unknown"}


@pytest.mark.parametrize("goal", ["package", "publish", "run"])
@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("images/tpo", "`images/tpo` matches no image. Did you mean `images/top`?"),
        ("images/tpo:tpo", "`images/tpo:tpo` matches no image. Did you mean `images/top`?"),
        ("near", "`near` matches no image. `near` has a `Dockerfile`, but no `mzbuild.yml`"),
    ],
)
def test_goals_of_pants_name_the_nearest_image_too(
    repo: Repo, goal: str, spec: str, told: str
) -> None:
    repo.write({"near/Dockerfile": "FROM scratch\n"})
    for _ in range(2):  # Pants remembers of the run before what it asked for.
        assert repo.pants(goal, spec, check=False).stderr.count(told) == 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("near", "`near` matches no image. `near` has a `Dockerfile`, but no `mzbuild.yml`"),
        ("images", "`images` matches no image. `images::` stands for those below it."),
    ],
)
def test_what_pants_packages_nothing_of_is_a_warning(repo: Repo, spec: str, told: str) -> None:
    repo.write({"near/Dockerfile": "FROM scratch\n"})
    result = repo.pants("package", spec)
    ((level, message),) = logged(result)
    assert (level, message.startswith(told)) == ("WARN", True), str(result)


def test_goals_of_pants_are_left_alone_where_no_image_is_near(repo: Repo) -> None:
    assert "matches no image" not in repo.pants("package", "nowhere/at/all", check=False).stderr
    assert "matches no image" not in repo.pants("package", "doc", check=False).stderr
