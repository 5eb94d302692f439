from __future__ import annotations

from dataclasses import replace

import pytest
from mzbuild.core.actions.action import InputGroup, InputKind
from mzbuild.core.describe.list import list_images, list_rows, list_summary
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import build_graph

from tests.core.conftest import listing

DOCKERFILES = {"base/Dockerfile": b"FROM scratch\n", "top/Dockerfile": b"MZFROM base\n"}
IMAGES = [Image("base", "base", "base/mzbuild.yml"), Image("top", "top", "top/mzbuild.yml")]
GRAPH = build_graph(IMAGES, listing(*DOCKERFILES), DOCKERFILES.__getitem__)


def test_an_image_is_listed_even_where_its_inputs_are_not_known() -> None:
    inputs = {"top": (InputGroup(InputKind.CONTEXT, "top", ("top/Dockerfile",)),)}
    survey = Survey(inputs, {}, {"base": "no inputs"})
    listed = list_images(GRAPH, survey, {"base": "base:base", "top": "top:t"})
    assert [(image.name, image.inputs, image.error) for image in listed] == [
        ("base", None, "no inputs"),
        ("top", 1, None),
    ]
    assert list_rows(listed) == [
        ["base", "base", "?", "yes", "yes", "-", ""],
        ["top", "top:t", "1", "yes", "yes", "base", ""],
    ]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("misc/base:base", "misc/base"),
        ("misc/base:image", "misc/base:image"),
        ("//:base", "//:base"),
    ],
)
def test_an_address_is_shown_as_one_types_it(address: str, shown: str) -> None:
    listed = list_images(GRAPH, Survey({}, {}, {}), {"base": address})
    assert listed[0].address == address
    assert list_rows(listed)[0][1] == shown


def test_a_long_list_is_summed_up() -> None:
    (image,) = list_images(GRAPH, Survey({}, {}, {}), {"base": "base:base"})
    assert list_summary([image]) == []
    many = [replace(image, publish=number > 9) for number in range(60)]
    assert list_summary(many) == ["60 images: 50 published, 60 of the main line"]
