"""On which versions of Pants this plugin runs, and what it says on the others."""

from __future__ import annotations

import pytest
from mzbuild.pants_api import refusal


@pytest.mark.parametrize("release", [(2, 17, 1), (2, 27, 0), (2, 31, 0), (2, 34, 0)])
def test_supported_versions_are_not_refused(release: tuple[int, ...]) -> None:
    assert refusal(release) is None


@pytest.mark.parametrize("release", [(2, 16, 3), (2, 18, 0), (2, 26, 2)])
def test_other_versions_are_refused_with_what_to_do(release: tuple[int, ...]) -> None:
    version = ".".join(map(str, release))
    assert refusal(release) == (
        f"mzbuild runs on Pants 2.17 and on 2.27 to 2.34, and this is Pants {version}. Set "
        "`pants_version` in pants.toml to one of those."
    )


def test_on_newer_versions_a_newer_release_may_help() -> None:
    assert refusal((2, 35, 0)) == (
        "mzbuild runs on Pants 2.17 and on 2.27 to 2.34, and this is Pants 2.35.0. Set "
        "`pants_version` in pants.toml to one of those, or take a newer release of mzbuild."
    )
