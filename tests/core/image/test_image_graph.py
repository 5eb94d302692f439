from __future__ import annotations

from collections.abc import Mapping

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph, build_graph

from tests.core.conftest import listing


def image(name: str, context: str | None = None) -> Image:
    context = name if context is None else context
    return Image(name, context, origin=f"{context}/mzbuild.yml")


def graph(dockerfiles: Mapping[str, str]) -> ImageGraph:
    """The graph of images whose contexts are directories of their names."""
    contents = {f"{name}/Dockerfile": text.encode() for name, text in dockerfiles.items()}
    return build_graph(map(image, dockerfiles), listing(*contents), contents.__getitem__)


DIAMOND = {
    "top": "MZFROM right AS r\nMZFROM left\nMZFROM left AS again\n",
    "left": "MZFROM base\n",
    "right": "MZFROM base\n",
    "base": "FROM scratch\n",
    "alone": "FROM scratch\n",
}


def test_images_and_what_each_builds_on_are_sorted_by_name() -> None:
    built = graph(DIAMOND)
    assert [image.name for image in built.images] == ["alone", "base", "left", "right", "top"]
    assert built.dependencies["top"] == ("left", "right")
    assert built.by_context["left"] is built.by_name["left"]


def test_an_image_comes_after_what_it_builds_on() -> None:
    built = graph(DIAMOND)
    for order in (built.order, built.closure(["top"]), built.closure(["alone", "top", "left"])):
        for name in order:
            position = order.index(name)
            assert set(built.dependencies[name]) <= set(order[:position])
    assert set(built.order) == set(DIAMOND)
    assert set(built.closure(["top"])) == {"base", "left", "right", "top"}
    assert len(built.closure(["top", "top"])) == 4


def test_dependents_are_those_that_build_on_an_image() -> None:
    built = graph(DIAMOND)
    assert built.dependents == {
        "alone": (),
        "base": ("left", "right"),
        "left": ("top",),
        "right": ("top",),
        "top": (),
    }
    assert built.dependents_closure("base") == ("left", "right", "top")
    assert built.dependents_closure("top") == ()


def test_a_chain_may_be_longer_than_python_s_stack() -> None:
    chain = {f"i{number}": f"MZFROM i{number - 1}\n" for number in range(1, 3000)}
    built = graph({"i0": "FROM scratch\n", **chain})
    assert built.order[-1] == "i2999"


def test_contexts_in_an_image_s_own_are_named() -> None:
    images = [image("outer", "a"), image("inner", "a/b"), image("deep", "a/b/c"), image("x", "ab")]
    dockerfiles = {each.dockerfile: b"FROM scratch\n" for each in images}
    built = build_graph(images, listing(*dockerfiles), dockerfiles.__getitem__)
    assert set(built.nested_contexts["a"]) == {"a/b", "a/b/c"}
    assert set(built.nested_contexts["ab"]) == set()


def test_two_images_of_one_name_go_by_the_places_where_they_are_declared() -> None:
    images = [image("base", "x"), image("base", "y"), image("top"), image("other")]
    dockerfiles = {"x/Dockerfile": b"", "y/Dockerfile": b"", "top/Dockerfile": b"MZFROM base\n"}
    dockerfiles["other/Dockerfile"] = b"MZFROM unheard-of\n"
    built = build_graph(images, listing(*dockerfiles), dockerfiles.__getitem__)
    assert list(built.by_name) == ["other", "top", "x/mzbuild.yml", "y/mzbuild.yml"]
    assert built.by_context["y"].name == "y/mzbuild.yml"
    alike = (
        "x/mzbuild.yml and y/mzbuild.yml both declare the image `base`. Rename one of them: a name "
        "stands for one image in the whole repository."
    )
    assert built.errors == {
        "x/mzbuild.yml": alike,
        "y/mzbuild.yml": alike,
        "top": "top/Dockerfile:1: `MZFROM base`: there is no image of that name. What is wrong "
        "with `x/mzbuild.yml` and `y/mzbuild.yml` may be why.",
        "other": "other/Dockerfile:1: `MZFROM unheard-of`: there is no image of that name.",
    }


def test_an_image_without_a_dockerfile_hides_no_other() -> None:
    images = [image("base", "misc/base"), image("top")]
    built = build_graph(images, listing("misc/base/x", "top/Dockerfile"), lambda _: b"MZFROM base")
    assert built.errors == {
        "base": "misc/base/mzbuild.yml: the image `base` has no Dockerfile. Add "
        "`misc/base/Dockerfile`; if it is there, see that Git does not ignore it."
    }
    assert built.dependencies == {"base": (), "top": ("base",)}


def test_a_dockerfile_that_cannot_be_read_hides_no_other() -> None:
    def read(path: str) -> bytes:
        if path == "a/Dockerfile":
            raise MzbuildError("a/Dockerfile cannot be read")
        return b"MZFROM \xff\n" if path == "b/Dockerfile" else b""

    paths = ("a/Dockerfile", "b/Dockerfile", "c/Dockerfile")
    built = build_graph(map(image, "abc"), listing(*paths), read)
    assert built.errors == {
        "a": "a/Dockerfile cannot be read",
        "b": "b/Dockerfile:1: the image that `MZFROM` names is not UTF-8 text.",
    }
    assert built.order == ("a", "b", "c")


def test_a_declaration_that_cannot_be_read_keeps_its_place() -> None:
    unreadable = Image.unreadable("a/b", "a/b/mzbuild.yml")
    dockerfiles = {"a/Dockerfile": b"MZFROM inner\n", "a/b/Dockerfile": b""}
    faults = {"a/b/mzbuild.yml": "a/b/mzbuild.yml:1: wrong"}
    built = build_graph(
        [image("a"), unreadable], listing(*dockerfiles), dockerfiles.__getitem__, faults
    )
    assert built.errors == {
        "a/b/mzbuild.yml": "a/b/mzbuild.yml:1: wrong",
        "a": "a/Dockerfile:1: `MZFROM inner`: there is no image of that name. What is wrong with "
        "`a/b/mzbuild.yml` may be why.",
    }
    assert built.nested_contexts["a"] == ("a/b",)


def test_an_mzfrom_of_no_image_is_told_with_line_and_nearest_name() -> None:
    built = graph({"a": "FROM x\nMZFROM bsae\nMZFROM base\n", "base": "FROM scratch\n"})
    assert built.errors == {
        "a": "a/Dockerfile:2: `MZFROM bsae`: there is no image of that name. Did you mean `base`?"
    }
    assert built.dependencies["a"] == ("base",)
    assert graph({"a": "MZFROM nothing-like-it\n"}).errors == {
        "a": "a/Dockerfile:1: `MZFROM nothing-like-it`: there is no image of that name."
    }


@pytest.mark.parametrize(
    ("name", "clue"),
    [
        (
            "base:latest",
            "An image of the repository has no tag but its fingerprint: write `MZFROM base`.",
        ),
        (
            "base@sha256:00",
            "An image of the repository has no tag but its fingerprint: write `MZFROM base`.",
        ),
        ("--platform=x", "It takes no flags: write `MZFROM`, then the name of an image."),
    ],
)
def test_an_mzfrom_with_more_than_a_name_is_told_what_is_meant(name: str, clue: str) -> None:
    built = graph({"a": f"FROM x\nMZFROM {name} base\n", "base": "FROM scratch\n"})
    assert built.errors == {
        "a": f"a/Dockerfile:2: `MZFROM {name}`: there is no image of that name. {clue}"
    }


def test_a_name_on_the_next_line_is_told_to_be_meant_otherwise() -> None:
    assert graph({"a": "FROM x\nMZFROM \nCOPY b c\n"}).errors == {
        "a": "a/Dockerfile:2: `MZFROM COPY`: there is no image of that name. The name has to stand "
        "on the line of `MZFROM`."
    }


@pytest.mark.parametrize(
    ("dockerfiles", "cycles"),
    [
        ({"a": "MZFROM b\n", "b": "MZFROM a\n"}, {"a": "a -> b -> a", "b": "a -> b -> a"}),
        ({"a": "MZFROM a\n"}, {"a": "a -> a"}),
        (
            {"a": "MZFROM b\n", "b": "MZFROM c\n", "c": "MZFROM b\n"},
            {"b": "b -> c -> b", "c": "b -> c -> b"},
        ),
        (
            {"a": "MZFROM b\nMZFROM c\n", "b": "FROM x\n", "c": "MZFROM d\n", "d": "MZFROM a\n"},
            dict.fromkeys("acd", "a -> c -> d -> a"),
        ),
        (
            {"a": "MZFROM b\n", "b": "MZFROM a\nMZFROM c\n", "c": "MZFROM b\n"},
            {"a": "a -> b -> a", "b": "a -> b -> a", "c": "b -> c -> b"},
        ),
    ],
)
def test_a_cycle_is_told_of_at_all_images_in_it(
    dockerfiles: dict[str, str], cycles: dict[str, str]
) -> None:
    built = graph(dockerfiles)
    assert built.errors == {
        name: f"These images build on one another in a cycle: {cycle}. Remove one of the `MZFROM` "
        "lines."
        for name, cycle in cycles.items()
    }
    # It has an order all the same.
    assert sorted(built.order) == sorted(dockerfiles)


def test_a_dockerfile_may_be_only_so_large() -> None:
    for text in ("RUN a \\\n" * 1_000_000, f"RUN <<A\n{'a' * 1_000_000}\nA\n"):
        content = f"MZFROM base\n{text}"
        built = graph({"base": "FROM scratch\n", "i": content})
        assert built.errors == {
            "i": f"i/Dockerfile: the file has {len(content):,} bytes, and no more than 65,536 are "
            "read. Make it smaller."
        }
