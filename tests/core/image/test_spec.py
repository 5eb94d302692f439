from __future__ import annotations

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.mzbuild_yml import is_image_name
from mzbuild.core.image.spec import fingerprint_of, image_spec, is_component


@pytest.mark.parametrize(
    ("registry", "prefix", "spec"),
    [
        ("acme", "", "acme/base:mzbuild-F"),
        ("localhost:5000/team/", "dev-", "localhost:5000/team/dev-base:mzbuild-F"),
        ("", "dev-", "dev-base:mzbuild-F"),
        ("", "", "base:mzbuild-F"),
    ],
)
def test_a_spec_is_registry_prefix_name_and_fingerprint(
    registry: str, prefix: str, spec: str
) -> None:
    assert image_spec(registry, prefix, "base", "F") == spec
    assert fingerprint_of(spec) == "F"


def test_a_tag_for_people_is_of_no_fingerprint() -> None:
    assert fingerprint_of("localhost:5000/mzbuild-x:v1") == ""


@pytest.mark.parametrize(
    ("registry", "prefix"),
    [
        ("Acme", ""),
        ("--rm", ""),
        ("-acme.example", ""),
        ("acme//team", ""),
        ("localhost:port", ""),
        ("", "-"),
        ("", "Dev-"),
        ("", "dev\x1b[31m"),
        ("acme", "x" * 250),
    ],
)
def test_what_docker_takes_for_no_name_is_refused(registry: str, prefix: str) -> None:
    with pytest.raises(MzbuildError, match="of the image `base`, which Docker does not allow"):
        image_spec(registry, prefix, "base", "F")


@pytest.mark.parametrize("name", ["base", "a", "0", "a-b", "a--b", "x" * 127])
def test_names_that_docker_allows(name: str) -> None:
    assert is_image_name(name)
    assert is_component(name)


@pytest.mark.parametrize(
    "name",
    ["", "Web", "--rm", "-f", "-", "a-", "a/b", "a:b", "a.b", "a b", "a\n", "ä", "x" * 128],
)
def test_names_that_images_cannot_have(name: str) -> None:
    assert not is_image_name(name)
