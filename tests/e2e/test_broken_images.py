"""What becomes of sound images where others are broken, goal by goal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.bare import error, logged
from tests.e2e.images import COPY_ALL, building, described, image
from tests.e2e.repo import Content, Docker, Repo, Result

BUILT_BY_CARGO = "pre-image: [{type: cargo-build, bin: gone}]\n"
FILES: Mapping[str, Content] = {
    **image("sound", COPY_ALL),
    **image("top", "MZFROM sound\n"),
    "images/yaml/mzbuild.yml": "name: yaml\nbuild-args: {\n",
    "images/yaml/Dockerfile": "FROM scratch\n",
    "images/bare/mzbuild.yml": "name: bare\n",
    **image("unknown", "FROM scratch\nMZFROM soundd\n"),
    **image("circle-a", "MZFROM circle-b\n"),
    **image("circle-b", "MZFROM circle-a\n"),
    **image("cargo", "FROM scratch\n", BUILT_BY_CARGO),
    "images/one/mzbuild.yml": "name: twice\n",
    "images/one/Dockerfile": "FROM scratch\n",
    "images/two/mzbuild.yml": "name: twice\n",
    "images/two/Dockerfile": "FROM scratch\n",
    **image("above", "MZFROM cargo\n"),
    "Cargo.toml": "[workspace]\nmembers = []\n",
    "doc/BUILD": 'mzbuild_files(name="doc", sources=["*.md"])\n',
    "doc/index.md": "",
    "images/nowhere/BUILD": 'mzbuild_image(pre_image=[":gone"])\n',
    "images/nowhere/Dockerfile": "FROM scratch\n",
}

# What is wrong, each a part of a message of its own; what builds on it comes last.
WRONG = (
    "images/yaml/mzbuild.yml:3: this is not valid YAML",
    "images/bare/mzbuild.yml: the image `bare` has no Dockerfile",
    "images/unknown/Dockerfile:2: `MZFROM soundd`: there is no image of that name. Did you mean",
    "cycle: circle-a -> circle-b -> circle-a.",
    "images/cargo/mzbuild.yml: no crate of the Cargo workspace has the binary `gone`",
    "The address images/nowhere:gone from the `pre_image` from the target",
    "images/one/mzbuild.yml and images/two/mzbuild.yml both declare the image `twice`",
)
SOUND = {"sound", "top"}

REGISTRY = '--mzbuild-registries={"r": {"address": "localhost:1"}}'
TRY_ONCE = "--mzbuild-registry-timeout=1"

Workshop = tuple[Repo, Docker]


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Workshop]:
    with building(tmp_path_factory.mktemp("broken"), cold_caches, FILES) as made:
        yield made


@pytest.fixture
def repo(workshop: Workshop) -> Repo:
    return workshop[0]


def told(result: Result) -> list[str]:
    """The errors that are printed, after a look at whether all of them are, once each."""
    assert result.returncode == 1, str(result)
    assert "traceback" not in result.stderr.lower(), str(result)
    assert {level for level, _ in logged(result)} == {"ERROR"}
    messages = [message for _, message in logged(result)]
    for words in WRONG:
        assert len([message for message in messages if words in message]) == 1, str(result)
    assert "`above` has no fingerprint: built on `cargo`, which has no fingerprint." in messages
    assert len(messages) == len(WRONG) + 1
    return messages


def test_sound_images_have_fingerprints(repo: Repo) -> None:
    result = repo.pants("mzbuild-fingerprint", "::", check=False)
    told(result)
    assert {line.partition(":")[0] for line in result.stdout.splitlines()} == SOUND
    alone = repo.pants("mzbuild-fingerprint", "images/sound", "images/top")
    assert (alone.stdout, logged(alone)) == (result.stdout, [])


@pytest.mark.parametrize("goal", ["list", "describe", "graph"])
def test_all_images_are_told_of(repo: Repo, goal: str) -> None:
    result = repo.pants(f"mzbuild-{goal}", "::", check=False)
    told(result)
    names = {*SOUND, "bare", "unknown", "circle-a", "circle-b", "cargo", "above"}
    names |= {f"images/{directory}/mzbuild.yml" for directory in ("yaml", "one", "two")}
    assert all(name in result.stdout for name in names), str(result)


@pytest.mark.parametrize("goal", ["fingerprint", "list", "describe", "graph", "plan"])
def test_json_says_what_is_wrong_with_each(repo: Repo, goal: str) -> None:
    result = repo.pants(f"--mzbuild-{goal}-format=json", f"mzbuild-{goal}", "::", check=False)
    told(result)
    images = {image["name"]: image for image in json.loads(result.stdout)}
    assert len(images) == 12
    key = "reason" if goal == "plan" else "error"
    for words in WRONG:
        assert [name for name in images if words in (images[name][key] or "")]
    assert images["above"][key] == "built on `cargo`, which has no fingerprint."
    if goal == "plan":
        assert {name for name in images if not images[name]["blocked"]} == SOUND
    else:
        assert {name for name in images if images[name]["error"] is None} == SOUND


def test_a_plan_blocks_what_is_broken(repo: Repo) -> None:
    result = repo.pants("mzbuild-plan", "::", check=False)
    told(result)
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert {row[2] for row in rows if row[3:4] == ["build"]} == SOUND
    assert len([row for row in rows if row[-4:] == ["it", "has", "no", "fingerprint"]]) == 10


@pytest.mark.parametrize("plan_format", ["buildkite", "github-matrix"])
def test_no_pipeline_is_printed_where_a_registry_does_not_say(repo: Repo, plan_format: str) -> None:
    # A pipeline would look as if there were no more to do.
    for_ci = repo.pants(
        REGISTRY, TRY_ONCE, "mzbuild-plan", f"--format={plan_format}", "::", check=False
    )
    assert (for_ci.returncode, for_ci.stdout) == (1, "")
    assert all(words in for_ci.stderr for words in WRONG)
    assert "No pipeline is printed, as these images are blocked:\n  sound (" in for_ci.stderr
    assert "r does not say whether it has it: " in for_ci.stderr


def test_changes_of_sound_images_are_explained(repo: Repo) -> None:
    repo.write({"images/sound/new": ""})
    try:
        result = repo.pants("mzbuild-explain", "::", check=False)
    finally:
        (repo.root / "images/sound/new").unlink()
    assert result.returncode == 1
    assert "  added  images/sound/new  context" in result.stdout
    assert "top: " in result.stdout
    assert all(words in result.stderr for words in WRONG)


def test_lint_finds_what_is_wrong_at_its_place(repo: Repo) -> None:
    result = repo.pants("lint", "--only=mzbuild", "::", check=False)
    assert result.returncode == 1
    for place in (
        *("images/yaml/mzbuild.yml:3", "images/bare/mzbuild.yml:1", "images/unknown/Dockerfile:2"),
        *("images/circle-a/Dockerfile:1", "images/circle-b/Dockerfile:1"),
        "images/nowhere/BUILD:1",
        *("images/cargo/mzbuild.yml:2", "images/one/mzbuild.yml:1", "images/two/mzbuild.yml:1"),
    ):
        lines = [line for line in result.stderr.splitlines() if line.startswith(f"{place}: ")]
        assert any(line.endswith("[no-fingerprint]") for line in lines), str(result)
    assert "images/above" not in result.stderr


def test_what_is_not_broken_is_packaged(workshop: Workshop) -> None:
    repo, docker = workshop
    refused = repo.pants("--mzbuild-fail-fast", "package", "::", check=False)
    assert refused.returncode == 1
    assert all(words in refused.stderr for words in WRONG)
    assert docker.images() == set()
    result = repo.pants("package", "::", check=False)
    assert result.returncode == 1
    assert all(words in result.stderr for words in WRONG)
    assert "10 failed, 2 built" in result.stderr or "2 built, 10 failed" in result.stderr
    assert "10 of 12 images failed: " in result.stderr
    assert "Traceback (most recent call last)" not in result.stderr
    assert set(described(repo)) == SOUND
    assert len(docker.images()) == 2


def test_what_is_not_broken_is_exported(repo: Repo) -> None:
    told_of = repo.pants("mzbuild-bake", "::", check=False)
    assert told_of.returncode == 1
    assert all(words in told_of.stderr for words in WRONG)
    assert {path.name for path in (repo.root / "dist/mzbuild-bake").iterdir()} == {
        *(".gitignore", "docker-bake.json"),
        *SOUND,
    }


def test_a_compose_file_is_not_printed_without_an_image(workshop: Workshop) -> None:
    repo, docker = workshop
    services = "services:\n  a: {mzbuild: top}\n  b: {mzbuild: above}\n"
    repo.write({"compose.yml": services})
    result = repo.pants("mzbuild-compose", "compose.yml", check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert "  above: built on `cargo`, which has no fingerprint." in result.stderr
    assert any("top:" in image for image in docker.images())


@pytest.mark.parametrize(("goal", "code"), [("ensure", 1), ("check", 2), ("tag", 1), ("bake", 1)])
def test_to_fail_fast_is_to_do_nothing(repo: Repo, goal: str, code: int) -> None:
    options = (REGISTRY, "--mzbuild-tag-tags=v1", "--mzbuild-fail-fast")
    message = error(repo.pants(*options, f"mzbuild-{goal}", "::", check=False), code)
    assert all(words in message for words in WRONG)
    assert "localhost:1" not in message


def test_pants_own_goals_answer(repo: Repo) -> None:
    assert repo.pants("list", "doc::").stdout == "doc:doc\n"
    assert "images/yaml:yaml" in repo.pants("list", "::").stdout.splitlines()
    assert repo.pants("dependencies", "images/top").stdout == "images/sound:sound\n"
    assert repo.pants("dependencies", "images/above").stdout == "images/cargo:cargo\n"


def test_what_was_broken_is_mended_at_once(repo: Repo) -> None:
    repo.write({"images/yaml/mzbuild.yml": "name: yaml\n"})
    try:
        result = repo.pants("mzbuild-fingerprint", "images/yaml")
    finally:
        repo.write({"images/yaml/mzbuild.yml": FILES["images/yaml/mzbuild.yml"]})
    assert result.stdout.startswith("yaml: ")
    assert logged(result) == []
    broken = repo.pants("mzbuild-fingerprint", "images/yaml", check=False)
    ((level, message),) = logged(broken)
    assert (broken.stdout, level) == ("", "ERROR")
    assert message.startswith("images/yaml/mzbuild.yml:3: ")
