from __future__ import annotations

import pytest
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.report import near_misses, no_image
from mzbuild.core.work_tree.listing import Listing

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
        # Its exact name goes before a similar directory, as where Pants has put another before it.
        ("misc/images/ci-builder", "ci/builder"),
        ("misc/images/environmentd:ci-builder", "misc/images/environmentd"),
    ],
)
def test_the_nearest_image_is_offered(spec: str, near: str) -> None:
    assert no_image([spec], IMAGES) == f"`{spec}` matches no image. Did you mean `{near}`?"


def test_an_image_at_the_root_is_offered_as_pants_takes_it() -> None:
    assert no_image(["elsewhere/all"], [Image("all", "", "mzbuild.yml")]) == (
        "`elsewhere/all` matches no image. Did you mean `//:`?"
    )


@pytest.mark.parametrize("spec", ["ci/builder", "ci/builder::", "ci-builder"])
def test_an_image_that_pants_does_not_see_is_not_offered_to_whom_has_typed_it(spec: str) -> None:
    assert no_image([spec], IMAGES) == (
        f"`{spec}` matches no image. Pants does not see `ci/builder/mzbuild.yml`: a warning tells "
        "why."
    )


def test_where_none_is_near_all_images_are_offered() -> None:
    told = no_image(["doc/", "src/ore::"], IMAGES)
    assert told == "`doc/` and `src/ore::`: that matches no image. `::` stands for all images."


def test_who_names_nothing_is_told_how_to() -> None:
    assert no_image([], IMAGES) == (
        "No image is named. Give names, directories or addresses; `::` stands for all images."
    )


FILES = Listing(
    tuple(
        sorted(
            [
                *("services/web/mzbuild.yml", "services/web/Dockerfile", "services/web/wbe/x"),
                *("services/api/Dockerfile", "services/db/mzbuild.yaml", "services/db/Dockerfile"),
                *("services/mq/MZBUILD.YML", "lib/x/y/Dockerfile", "docs/a.md"),
            ]
        )
    )
)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            "services/api",
            "`services/api` matches no image. `services/api` has a `Dockerfile`, but no "
            "`mzbuild.yml`, which makes an image of it. Write one with `name: api`.",
        ),
        (
            "services/db:",
            "`services/db:` matches no image. `services/db/mzbuild.yaml` has to be called "
            "`mzbuild.yml`.",
        ),
        (
            "services/mq/",
            "`services/mq/` matches no image. `services/mq/MZBUILD.YML` has to be called "
            "`mzbuild.yml`.",
        ),
        (
            "lib::",
            "`lib::` matches no image. `lib/x/y` has a `Dockerfile`, but no `mzbuild.yml`, which "
            "makes an image of it. Write one with `name: y`.",
        ),
        (
            "services/api/Dockerfile",
            "`services/api/Dockerfile` matches no image. `services/api` has a `Dockerfile`, but "
            "no `mzbuild.yml`, which makes an image of it. Write one with `name: api`.",
        ),
        ("services/web/wbe", "`services/web/wbe` matches no image. Did you mean `services/web`?"),
        ("services", "`services` matches no image. `services::` stands for those below it."),
        ("", "`.` matches no image. `::` stands for those below it."),
        ("docs", "`docs`: that matches no image. `::` stands for all images."),
    ],
)
def test_what_is_nearly_an_image_is_named(spec: str, told: str) -> None:
    assert no_image([spec], [Image("web", "services/web", "services/web/mzbuild.yml")], FILES) == (
        told
    )


def test_an_image_of_a_build_file_needs_no_mzbuild_yml() -> None:
    api = Image("api", "services/api", "services/api/BUILD:1")
    assert near_misses(["services/api:x"], [api], FILES) == {}
    assert no_image(["services/api:x"], [api], FILES) == (
        "`services/api:x` matches no image. Did you mean `services/api`?"
    )


def test_each_specification_is_told_of_by_itself() -> None:
    assert no_image(["doc", "ci/buildr", "ci-bulder", "src::"], IMAGES) == (
        "`ci/buildr` matches no image. Did you mean `ci/builder`?\n"
        "`ci-bulder` matches no image. Did you mean `ci/builder`?\n"
        "`doc` and `src::`: that matches no image. `::` stands for all images."
    )
