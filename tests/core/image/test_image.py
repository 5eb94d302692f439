from __future__ import annotations

import pytest
from mzbuild.core.image.declaration import Image
from mzbuild.core.paths import under


def test_an_image_s_files_are_in_its_context() -> None:
    image = Image("i", "misc/images/i", origin="misc/images/i/mzbuild.yml")
    assert image.mzbuild_yml == "misc/images/i/mzbuild.yml"
    assert image.dockerfile == "misc/images/i/Dockerfile"
    assert image.declared_in_file


def test_an_image_at_the_root_has_its_files_there() -> None:
    image = Image("i", "", origin="//:i")
    assert (image.mzbuild_yml, image.dockerfile) == ("mzbuild.yml", "Dockerfile")
    assert not image.declared_in_file
    assert under("", "a") == "a"


@pytest.mark.parametrize(
    "name",
    [
        *("PASSWORD", "DB_PASSWD", "api_token", "GITHUB_TOKEN", "ClientSecret", "AWS_ACCESS_KEY"),
        *("apikey", "SSH_PRIVATE_KEY", "CREDENTIALS"),
    ],
)
def test_a_build_argument_that_sounds_like_a_secret_is_named(name: str) -> None:
    image = Image("i", "i", "i/mzbuild.yml", build_args=(("VERSION", "1"), (name, "x")))
    assert image.secret_build_args == (name,)


@pytest.mark.parametrize("name", ["VERSION", "KEYBOARD", "MONKEY", "PUBLIC_KEY_ID", "PASS_THROUGH"])
def test_a_harmless_build_argument_is_not(name: str) -> None:
    assert Image("i", "i", "i/mzbuild.yml", build_args=((name, "x"),)).secret_build_args == ()
