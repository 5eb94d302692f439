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


def error(dockerfiles: Mapping[str, str]) -> str:
    with pytest.raises(MzbuildError) as raised:
        graph(dockerfiles)
    return str(raised.value)


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


def test_two_images_of_one_name_are_an_error_that_has_both_places() -> None:
    images = [image("base", "y"), image("base", "x")]
    with pytest.raises(MzbuildError) as raised:
        build_graph(images, listing("x/Dockerfile", "y/Dockerfile"), lambda _: b"")
    assert str(raised.value) == (
        "x/mzbuild.yml and y/mzbuild.yml both declare the image `base`. Rename one of them: a name "
        "stands for one image in the whole repository."
    )


def test_an_image_without_a_dockerfile_is_an_error() -> None:
    with pytest.raises(MzbuildError) as raised:
        build_graph([image("base", "misc/base")], listing("misc/base/x"), lambda _: b"")
    assert str(raised.value) == (
        "misc/base/mzbuild.yml: the image `base` has no Dockerfile. Add `misc/base/Dockerfile`; if "
        "it is there, see that Git does not ignore it."
    )


def test_an_mzfrom_of_no_image_is_an_error_with_line_and_nearest_name() -> None:
    assert error({"a": "FROM x\nMZFROM bsae\n", "base": "FROM scratch\n"}) == (
        "a/Dockerfile:2: `MZFROM bsae`: there is no image of that name. Did you mean `base`?"
    )
    assert error({"a": "MZFROM nothing-like-it\n"}) == (
        "a/Dockerfile:1: `MZFROM nothing-like-it`: there is no image of that name."
    )


@pytest.mark.parametrize(
    ("dockerfiles", "cycle"),
    [
        ({"a": "MZFROM b\n", "b": "MZFROM a\n"}, "a -> b -> a"),
        ({"a": "MZFROM a\n"}, "a -> a"),
        ({"a": "MZFROM b\n", "b": "MZFROM c\n", "c": "MZFROM b\n"}, "b -> c -> b"),
        (
            {"a": "MZFROM b\nMZFROM c\n", "b": "FROM x\n", "c": "MZFROM d\n", "d": "MZFROM a\n"},
            "a -> c -> d -> a",
        ),
    ],
)
def test_a_cycle_is_an_error_that_shows_it(dockerfiles: dict[str, str], cycle: str) -> None:
    assert error(dockerfiles) == (
        f"These images build on one another in a cycle: {cycle}. Remove one of the `MZFROM` lines."
    )
