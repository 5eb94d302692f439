from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.actions.action import Action, InputGroup, InputKind, Repository
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.configuration import Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import (
    all_inputs,
    context_paths,
    image_inputs,
    input_paths,
    is_build_file,
    uncovered_inputs,
)
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import build_graph
from mzbuild.core.work_tree.listing import Listing

from tests.core.conftest import CONFIGURATION, VECTORS, describe, listing

EXPECTED = json.loads((VECTORS / "expected.json").read_text())["images"]
STRICT = replace(CONFIGURATION, scheme=Scheme.STRICT)

FILES = listing(
    *("a/Dockerfile", "a/BUILD", "a/BUILD.more", "a/BUILDING", "a/sub/BUILD", "a/file"),
    *("a/inner/Dockerfile", "a/inner/file", "ab/file", "doc/x.md", "doc/y.txt"),
)


def groups(
    *pre_image: Action, origin: str = "a/mzbuild.yml", files: Listing = FILES
) -> tuple[InputGroup, ...]:
    image = Image("a", "a", origin, pre_image=pre_image)
    inner = Image("inner", "a/inner", "a/inner/mzbuild.yml")
    graph = build_graph([image, inner], files, lambda _: b"FROM scratch\n")
    return image_inputs(image, graph, Repository(files))


def test_inputs_are_those_of_the_vectors(vectors_repository: Path) -> None:
    description = describe(vectors_repository)
    assert {name: list(paths) for name, paths in description.inputs.items()} == {
        name: image["inputs"] for name, image in EXPECTED.items()
    }
    assert {name: list(names) for name, names in description.graph.dependencies.items()} == {
        name: image["dependencies"] for name, image in EXPECTED.items()
    }


def test_the_strict_scheme_adds_just_what_the_other_is_known_to_miss(
    vectors_repository: Path,
) -> None:
    toolchain = {".cargo/config.toml", "rust-toolchain.toml"}
    # A dependency of `environmentd`, for certain platforms only.
    alloc = {"src/alloc/Cargo.toml", "src/alloc/src/lib.rs"}
    added = {"environmentd": toolchain | alloc, "jobs": toolchain, "loadgen": toolchain | alloc}
    strict = describe(vectors_repository, STRICT).inputs
    assert {name: set(strict[name]) - set(EXPECTED[name]["inputs"]) for name in strict} == {
        name: added.get(name, set()) for name in strict
    }
    assert all(set(EXPECTED[name]["inputs"]) <= set(strict[name]) for name in strict)


def test_a_context_has_all_of_its_files_but_those_of_an_inner_image() -> None:
    assert groups() == (
        InputGroup(
            InputKind.CONTEXT,
            "a",
            (
                *("a/BUILD", "a/BUILD.more", "a/BUILDING", "a/Dockerfile", "a/file"),
                "a/sub/BUILD",
            ),
        ),
    )


def test_the_declaration_in_a_build_file_stands_in_the_place_of_a_file() -> None:
    assert groups(origin="a:image")[0].paths == (
        *("a/BUILDING", "a/Dockerfile", "a/file", "a/mzbuild.yml", "a/sub/BUILD"),
    )


def test_a_copy_s_files_count_under_their_own_paths() -> None:
    copy = groups(CopyAction("./doc", "out", "*.md"))
    assert copy[1:] == (InputGroup(InputKind.COPY, "./doc", ("doc/x.md",)),)
    assert context_paths(copy) == copy[0].paths


def test_a_file_that_comes_in_twice_counts_once() -> None:
    twice = groups(CopyAction("a", "out"), CopyAction("doc", "more"), CopyAction("doc", "again"))
    paths = input_paths(twice)
    assert paths == tuple(sorted(set(paths)))
    assert {"a/file", "a/inner/file", "doc/x.md"} <= set(paths)


def test_a_binary_that_no_crate_has_is_an_error_that_names_the_image() -> None:
    with pytest.raises(MzbuildError, match=r"^a/mzbuild.yml: no crate .* has the binary `x`\.$"):
        groups(CargoBuildAction(bins=("x",)))


@pytest.mark.parametrize("destination", ["../x", "/x", "d/../../x"])
def test_an_extracted_file_stays_in_the_context(destination: str) -> None:
    with pytest.raises(MzbuildError) as error:
        groups(CargoBuildAction(bins=("x",), extract=(("p", (("f", destination),)),)))
    assert str(error.value).startswith(
        f"a/mzbuild.yml: `extract.p: {destination}` leads out of the context."
    )


def test_build_files_are_those_that_pants_would_read() -> None:
    assert [path for path in FILES.paths if is_build_file(path, "a")] == ["a/BUILD", "a/BUILD.more"]
    assert is_build_file("BUILD", "")
    assert not is_build_file("a/BUILD", "")


def test_what_no_scheme_covers_is_told_of_images_that_cargo_builds_for() -> None:
    built = Image("built", "built", "built/mzbuild.yml")
    plain = Image("plain", "plain", "plain/mzbuild.yml")
    kinds = {"built": (InputKind.CONTEXT, InputKind.SHARED), "plain": (InputKind.CONTEXT,)}
    inputs = all_inputs(
        [built, plain],
        lambda image: tuple(
            InputGroup(kind, image.name, ("build.rs", "link", "other"))
            for kind in kinds[image.name]
        ),
    )
    assert uncovered_inputs([built, plain], inputs, {"build.rs", "x.rs"}, {"link"}) == {
        "built": (".git (read by build.rs)", "link (leads out of the repository)")
    }
