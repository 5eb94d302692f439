from __future__ import annotations

import pytest
from mzbuild.core.image.mzbuild_yml import check_image_name
from mzbuild.core.image.tailoring import image_names


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("web", "web"),
        ("misc/images/web", "web"),
        ("misc/My_App.v2", "my-app-v2"),
        ("misc/_x_", "x"),
        ("misc/__", "misc"),
        ("", "image"),
    ],
)
def test_an_image_is_called_like_its_directory(directory: str, name: str) -> None:
    assert image_names([directory], []) == {directory: name}
    check_image_name(name, "here")


def test_as_much_of_the_path_is_taken_as_makes_it_unique() -> None:
    assert image_names(["a/web", "b/web", "web"], ["b-web"]) == {
        "a/web": "web",
        "b/web": "b-web-2",
        "web": "web-2",
    }
    assert image_names(["x/a/web"], ["web", "other"]) == {"x/a/web": "a-web"}
