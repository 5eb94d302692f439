from __future__ import annotations

import pytest
from mzbuild.core.image.declaration import Image
from mzbuild.core.text.report import no_image

IMAGES = [
    Image(name, context, f"{context}/mzbuild.yml")
    for name, context in (
        ("environmentd", "misc/images/environmentd"),
        ("ci-builder", "ci/builder"),
    )
]


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("misc/images/enviromentd", "misc/images/environmentd"),
        ("misc/images/environmentd:daemon", "misc/images/environmentd"),
        ("//misc/image/environmentd::", "misc/images/environmentd"),
        ("ci/build::", "ci/builder"),
        # By its name, wherever it is.
        ("elsewhere/ci-builder", "ci/builder"),
        (":ci-builder", "ci/builder"),
    ],
)
def test_the_nearest_image_is_offered(spec: str, near: str) -> None:
    assert no_image([spec], IMAGES) == f"`{spec}` matches no image. Did you mean `{near}`?"


def test_where_none_is_near_all_images_are_offered() -> None:
    told = no_image(["doc/", "src/ore::"], IMAGES)
    assert told == "`doc/` and `src/ore::`: that matches no image. `::` stands for all images."


def test_who_names_nothing_is_told_how_to() -> None:
    assert no_image([], IMAGES) == (
        "No image is named. Name directories or addresses; `::` stands for all images."
    )
