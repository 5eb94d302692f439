"""What Pants' own goals tell of the targets of the vectors' repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.queries import check_change, described, listed
from tests.e2e.repo import Repo
from tests.e2e.steps import Step, append, restore
from tests.e2e.vectors import fingerprints, plain, vectors_repository


@pytest.fixture(scope="module")
def vectors(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    env = {**cold_caches, "PANTS_MZBUILD_ARCH": "x86_64"}
    repo = vectors_repository(tmp_path_factory.mktemp("vectors") / "repo", env)
    repo.commit("all")
    yield repo
    repo.stop_pantsd()


@pytest.fixture
def changed_vectors(vectors: Repo) -> Iterator[Repo]:
    yield vectors
    restore(vectors)


@pytest.mark.parametrize(
    ("step", "names"),
    [
        (append("src/ore/src/lib.rs", "//"), {"environmentd", "jobs", "loadgen"}),
        (append("src/testkit/src/lib.rs", "//"), {"loadgen"}),
        (append("src/alloc/src/lib.rs", "//"), set()),
        (append("src/environmentd/mzcompose.py", "#"), set()),
        # In the context of one image and in the crate of both.
        (append("src/environmentd/ci/entrypoint.sh", "#"), {"environmentd", "loadgen"}),
        (append("misc/images/mcp/vendored.lock", "#"), {"mcp"}),
        (append("README.md", "x"), {"modes"}),
        (append("test/outer/inner/there", "x"), {"inner", "outer"}),
        (append("test/outer/innermost", "x"), {"outer"}),
    ],
)
def test_what_is_affected_in_the_fixture(
    changed_vectors: Repo, step: Step, names: set[str]
) -> None:
    check_change(changed_vectors, step, names)
    assert fingerprints(changed_vectors) == plain(changed_vectors)


def test_list(vectors: Repo) -> None:
    assert listed(vectors, "list", "::") == {
        "//:cargo-workspace",
        "//:linked-by-modes",
        *(f"misc/images/{name}:{name}" for name in ("debian-base", "jobs", "loadgen", "mcp")),
        *(f"misc/images/{name}:{name}" for name in ("modes", "openssh-static", "prod-base")),
        *(f"misc/images/{name}:cargo-build" for name in ("jobs", "loadgen")),
        *(f"src/{name}:{name}" for name in ("alloc", "build-info", "environmentd", "ore")),
        *(f"src/{name}:{name}" for name in ("storage", "testkit", "tools")),
        *("src/environmentd/ci:ci", "src/environmentd/ci:cargo-build"),
        *("test/outer:outer", "test/outer/inner:inner"),
    }


def test_filter(vectors: Repo) -> None:
    images = {image["address"] for image in described(vectors).values()}
    assert len(images) == 10
    assert listed(vectors, "filter", "--target-type=mzbuild_image", "::") == images
    assert listed(vectors, "--filter-target-type=cargo_crate", "list", "src/ore::") == {
        "src/ore:ore"
    }


def test_dependencies(vectors: Repo) -> None:
    environmentd = "src/environmentd/ci:ci"
    assert listed(vectors, "dependencies", environmentd) == {
        "src/environmentd/ci:cargo-build",
        "misc/images/openssh-static:openssh-static",
        "misc/images/prod-base:prod-base",
    }
    assert listed(vectors, "dependencies", "--transitive", environmentd) == {
        "src/environmentd/ci:cargo-build",
        "misc/images/openssh-static:openssh-static",
        "misc/images/prod-base:prod-base",
        "misc/images/debian-base:debian-base",
        "//:cargo-workspace",
        *(f"src/{name}:{name}" for name in ("environmentd", "ore", "storage", "build-info")),
    }


def test_dependents(vectors: Repo) -> None:
    assert listed(vectors, "dependents", "--transitive", "src/ore:ore") == {
        *(f"src/{name}:{name}" for name in ("environmentd", "storage", "testkit", "tools")),
        *(f"misc/images/{name}:{name}" for name in ("jobs", "loadgen")),
        *(f"misc/images/{name}:cargo-build" for name in ("jobs", "loadgen")),
        *("src/environmentd/ci:ci", "src/environmentd/ci:cargo-build"),
    }
    assert listed(vectors, "dependents", "src/testkit:testkit") == {
        "misc/images/loadgen:cargo-build"
    }
    assert listed(vectors, "dependents", "test/outer/inner") == {"test/outer:outer"}


def test_paths(vectors: Repo) -> None:
    result = vectors.pants("paths", "--from=src/environmentd/ci:ci", "--to=src/ore:ore")
    start = ["src/environmentd/ci:ci", "src/environmentd/ci:cargo-build"]
    assert sorted(json.loads(result.stdout)) == [
        [*start, "src/environmentd:environmentd", "src/ore:ore"],
        [*start, "src/environmentd:environmentd", "src/storage:storage", "src/ore:ore"],
    ]


def test_peek(vectors: Repo) -> None:
    result = vectors.pants("peek", "misc/images/jobs::", "test/outer:")
    targets = {target["address"]: target for target in json.loads(result.stdout)}
    jobs = targets["misc/images/jobs:jobs"]
    assert jobs["target_type"] == "mzbuild_image"
    assert (jobs["image_name"], jobs["publish"], jobs["mainline"]) == ("jobs", True, True)
    assert jobs["pre_image"] == [":cargo-build"]
    assert jobs["dependencies"] == [
        "misc/images/jobs:cargo-build",
        "misc/images/prod-base:prod-base",
    ]
    build = targets["misc/images/jobs:cargo-build"]
    assert build["target_type"] == "mzbuild_cargo_build"
    assert (build["bin"], build["strip"]) == (["persistcli", "catalog-debug"], False)
    assert targets["test/outer:outer"]["sources"] == [
        f"test/outer/{name}" for name in ("Dockerfile", "here", "innermost", "mzbuild.yml")
    ]


@pytest.mark.parametrize(
    ("target_type", "said"),
    [
        ("mzbuild_image", ("A Docker image, named by a fingerprint", "mzbuild_image(\n")),
        ("mzbuild_cargo_build", ("A pre-image action: Cargo builds", 'bin=["persistcli"')),
        ("mzbuild_copy", ("A pre-image action: files", 'matching="*.md")')),
        ("mzbuild_files", ("Files that images have as inputs", 'sources=["**/*.md"])')),
        ("cargo_crate", ("A package of the Cargo workspace", 'cargo_crate(name="ore"')),
        ("cargo_workspace", ("What all Cargo builds have as inputs", "pants dependents")),
    ],
)
def test_help_has_an_example(vectors: Repo, target_type: str, said: tuple[str, str]) -> None:
    text = vectors.pants("help", target_type).stdout
    assert text.lstrip().startswith(f"`{target_type}` target")
    assert "For example" in text or "To declare" in text
    assert all(words in text for words in said)


def test_every_field_has_an_example(vectors: Repo) -> None:
    for target_type in ("mzbuild_image", "mzbuild_cargo_build", "mzbuild_copy"):
        _, _, fields = vectors.pants("help", target_type).stdout.partition("Valid fields:\n\n")
        names = re.findall(r"^(\w+)\n    type: ", fields, re.MULTILINE)
        texts = re.split(r"^\w+\n    type: ", fields, flags=re.MULTILINE)[1:]
        # Pants itself explains the others.
        own = {*names} - {"dependencies", "description", "tags", "output_path"}
        assert len(own) >= 3
        unexplained = [name for name, text in zip(names, texts) if name in own and "`" not in text]
        assert unexplained == []
