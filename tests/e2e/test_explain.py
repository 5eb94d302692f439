"""What `pants mzbuild-explain` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bare import error
from tests.e2e.repo import PANTS_TOML, Repo
from tests.e2e.steps import restore
from tests.e2e.vectors import differing, fingerprints, vectors_repository

FILES = {
    "base/mzbuild.yml": "name: base\n",
    "base/Dockerfile": "FROM scratch\n",
    "top/mzbuild.yml": "name: top\n",
    "top/Dockerfile": "MZFROM base\n",
    "alone/mzbuild.yml": "name: alone\n",
    "alone/Dockerfile": "FROM scratch\n",
}


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    repo = Repo(tmp_path_factory.mktemp("explain") / "repo", FILES, cold_caches)
    repo.write({"base/Dockerfile": "FROM scratch\n\n", "alone/new": ""})
    repo.commit("second")
    yield repo
    repo.stop_pantsd()


@pytest.fixture
def repo(shared: Repo) -> Iterator[Repo]:
    yield shared
    restore(shared)


def explained(repo: Repo, *args: str) -> dict[str, Any]:
    """The JSON of what differs, by image."""
    result = repo.pants("mzbuild-explain", "--format=json", *args)
    return {image["name"]: image for image in json.loads(result.stdout)["images"]}


def failure(repo: Repo, *args: str) -> str:
    return error(repo.pants("mzbuild-explain", *args, check=False))


def test_the_work_tree_against_a_revision(repo: Repo) -> None:
    now = fingerprints(repo)
    repo.write({"top/Dockerfile": "MZFROM base\n\n", "top/untracked": ""})
    after = fingerprints(repo)
    assert repo.pants("mzbuild-explain", "::").stdout == (
        f"top: {now['top']} -> {after['top']}\n"
        "  changed  top/Dockerfile  context\n"
        "  added    top/untracked   context\n"
    )
    repo.git("stash", "--quiet", "--include-untracked")
    repo.git("checkout", "--quiet", "HEAD~1")
    before = fingerprints(repo)
    repo.git("checkout", "--quiet", "main")
    repo.git("stash", "pop", "--quiet")
    printed = repo.pants("mzbuild-explain", "--since=HEAD~1", "alone", "top").stdout
    assert [line.split() for line in printed.splitlines()] == [
        ["alone:", before["alone"], "->", now["alone"]],
        ["added", "alone/new", "context"],
        ["top:", before["top"], "->", after["top"]],
        ["changed", "top/Dockerfile", "context"],
        ["added", "top/untracked", "context"],
        ["builds", "on", "base", "base/Dockerfile", "(changed)"],
    ]


def test_two_revisions(repo: Repo) -> None:
    repo.write({"top/Dockerfile": "MZFROM base\n# not in question\n"})
    assert explained(repo, "--since=HEAD~1", "--until=HEAD", "::").keys() == {
        "base",
        "top",
        "alone",
    }
    assert explained(repo, "--since=HEAD", "--until=main", "::") == {}
    assert repo.pants("mzbuild-explain", "--until=HEAD", "::").stdout == (
        "Nothing changed: the fingerprints in `HEAD` and `HEAD` are the same.\n"
    )


def test_an_image_that_is_gone_and_one_that_is_new(repo: Repo) -> None:
    (repo.root / "alone/mzbuild.yml").unlink()
    repo.write({"fresh/mzbuild.yml": "name: fresh\n", "fresh/Dockerfile": "FROM scratch\n"})
    found = explained(repo, "::")
    assert found.keys() == {"alone", "fresh"}
    assert found["alone"]["after"] is found["fresh"]["before"] is None
    assert explained(repo, "fresh").keys() == {"fresh"}


def test_options_that_files_set_otherwise_then(repo: Repo) -> None:
    repo.write({"pants.toml": f'{PANTS_TOML}[mzbuild]\nprofile = "dev"\n'})
    found = explained(repo, "top")
    assert found["top"]["configuration"] == {"profile": {"before": "optimized", "after": "dev"}}
    assert explained(repo, "--mzbuild-profile=release", "top") == {}


def test_what_a_branch_changed_is_what_a_checkout_shows(
    tmp_path: Path, cold_caches: Mapping[str, str]
) -> None:
    repo = vectors_repository(tmp_path / "vectors", cold_caches)
    try:
        repo.git("add", "pants.toml")
        repo.git("commit", "--quiet", "--message", "Pants")
        repo.commit("all states of the work tree")
        after = fingerprints(repo)
        repo.git("checkout", "--quiet", "HEAD~1")
        before = fingerprints(repo)
        found = explained(repo, "--since=main", "::")
        assert found.keys() == differing(before, after)
        for name, image in found.items():
            assert (image["before"], image["after"]) == (after.get(name), before.get(name))
            assert image["files"] or image["dependencies"]
    finally:
        repo.stop_pantsd()


def test_a_branch_that_is_behind_does_not_get_what_others_did_told(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "others")
    repo.write({"base/Dockerfile": "FROM scratch\n# Of others.\n"})
    repo.commit("of others")
    repo.git("checkout", "--quiet", "main")
    repo.write({"top/Dockerfile": "MZFROM base\n# Mine.\n"})
    assert set(explained(repo, "--since=others", "::")) == {"base", "top"}
    assert set(explained(repo, "--since=others...", "::")) == {"top"}
    assert explained(repo, "--since=others...", "--until=others", "::") == {}
    assert set(explained(repo, "--since=main...", "--until=others", "::")) == {"base", "top"}
    # Pants itself starts from the merge base.
    listed = repo.pants("--changed-since=others", "mzbuild-list").stdout.splitlines()[1:]
    assert [line.split()[0] for line in listed] == ["top"]


def test_a_revision_that_does_not_exist(repo: Repo) -> None:
    assert "There is no revision `mian`." in failure(repo, "--since=mian", "::")
    assert "There is no revision `mian`." in failure(repo, "--until=mian", "::")


def test_a_shallow_clone(repo: Repo, cold_caches: Mapping[str, str], tmp_path: Path) -> None:
    clone = Repo(tmp_path / "clone", {}, cold_caches)
    try:
        clone.git("fetch", "--quiet", "--depth=1", repo.root.as_uri(), "main")
        clone.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        assert "`git fetch --unshallow` gets the others." in failure(clone, "--since=HEAD~1", "::")
    finally:
        clone.stop_pantsd()


def test_a_revision_that_makes_no_sense(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "broken")
    repo.write({"top/Dockerfile": "MZFROM bas\n"})
    repo.commit("broken")
    repo.git("checkout", "--quiet", "main")
    args = ("mzbuild-explain", "--format=json", "--since=broken", "top")
    result = repo.pants(*args, check=False)
    assert result.returncode == 1
    wrong = "top/Dockerfile:1: `MZFROM bas`: there is no image of that name. Did you mean `base`?"
    assert f"In `broken`: `top` has no fingerprint: {wrong}" in result.stderr
    assert json.loads(result.stdout) == {
        "since": "broken",
        "until": None,
        "images": [],
        "errors": [{"name": "top", "revision": "broken", "error": wrong}],
    }


def test_an_image_without_a_fingerprint_then(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "half-broken")
    cargo = "pre-image: [{type: cargo-build, bin: no-such}]\n"
    repo.write({"top/mzbuild.yml": f"name: top\n{cargo}", "alone/new": "changed"})
    repo.commit("half broken")
    repo.git("checkout", "--quiet", "main")
    result = repo.pants("mzbuild-explain", "--since=half-broken", "::", check=False)
    assert result.returncode == 1
    assert "  changed  alone/new  context" in result.stdout
    assert "In `half-broken`: `top` has no fingerprint: top/mzbuild.yml" in result.stderr
    assert (
        repo.pants("mzbuild-explain", "--since=half-broken", "alone").stdout
        == (result.stdout[: result.stdout.index("context\n") + len("context\n")])
    )


def test_a_fingerprint_of_an_earlier_run(repo: Repo) -> None:
    then = fingerprints(repo, "--mzbuild-profile=dev")
    repo.write({"base/Dockerfile": "FROM scratch\n# once\n"})
    once = fingerprints(repo)["top"]
    repo.write({"base/Dockerfile": "FROM scratch\n# twice\n"})
    printed = repo.pants("mzbuild-explain", f"--fingerprint={once}").stdout
    assert [line.split() for line in printed.splitlines()] == [
        ["top:", once, "->", fingerprints(repo)["top"]],
        ["builds", "on", "base", "base/Dockerfile", "(changed)"],
    ]
    found = explained(repo, f"--fingerprint=acme/alone:mzbuild-{then['alone']}")
    assert found["alone"]["configuration"] == {"profile": {"before": "dev", "after": "optimized"}}
    now = fingerprints(repo)["base"]
    assert repo.pants("mzbuild-explain", f"--fingerprint={now[:8]}").stdout == (
        f"Nothing changed: the fingerprints in `{now[:8]}` and the work tree are the same.\n"
    )
    said = failure(repo, "--fingerprint=NOSUCH")
    assert "No fingerprint that begins with `NOSUCH` has been computed in this clone" in said


def test_images_that_build_files_declare(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "-b", "declared")
    copy = 'mzbuild_copy(name="docs", source="doc", destination="d")\n'
    build = f'{copy}mzbuild_image(pre_image=[":docs"])\n'
    repo.write({"BUILD": "__defaults__({mzbuild_image: dict(build_args={'A': 'b'})})\n"})
    repo.write({"built/BUILD": build, "built/Dockerfile": "FROM scratch\n", "doc/page": ""})
    # Beside an `mzbuild.yml`, a target declares nothing of its own.
    repo.write({"alone/BUILD": "mzbuild_image(build_args={})\n"})
    repo.commit("declared")
    then = fingerprints(repo)
    assert explained(repo, "::") == {}
    repo.write({"built/BUILD": f"# The same.\n{build}"})
    assert explained(repo, "::") == {}
    repo.write({"built/BUILD": f'{copy}mzbuild_image(description="More.", pre_image=[":docs"])\n'})
    (file,) = explained(repo, "::")["built"]["files"]
    assert (file["path"], file["change"]) == ("built/mzbuild.yml", "changed")
    repo.git("checkout", "--quiet", "--force", "main")
    assert explained(repo, "--since=declared", "::")["built"]["before"] == then["built"]
    repo.git("checkout", "--quiet", "-b", "broken-build")
    repo.write({"built/BUILD": "mzbuild_image(\n"})
    repo.commit("broken")
    repo.git("checkout", "--quiet", "main")
    assert "In `broken-build`: built/BUILD: " in failure(repo, "--since=broken-build", "::")
