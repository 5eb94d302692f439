"""The globs in `workspace.members`."""

from __future__ import annotations

import pytest
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.members import matches
from mzbuild.core.errors import MzbuildError


@pytest.mark.parametrize(
    ("pattern", "directory", "is_match"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a", False),
        ("a/*", "a/b/c", False),
        ("**", "", True),
        ("**", "a/b", True),
        ("a/**", "a", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("**/**/a?", "x/ab", True),
        ("[ab]/c", "b/c", True),
        ("", "a", False),
    ],
)
def test_a_glob_selects_directories(pattern: str, directory: str, is_match: bool) -> None:
    assert matches(pattern, directory) == is_match


def test_many_wildcards_take_no_more_time_than_few() -> None:
    assert not matches("**/a/" * 100 + "b", "a/" * 400 + "c")
    assert matches("**/*a/" * 100 + "**", "a/" * 400 + "c")


def test_only_so_many_globs_are_compared_with_each_directory() -> None:
    names = ", ".join(f"'a{number}'" for number in range(1000))
    globs = ", ".join(f"'b{number}*'" for number in range(201))
    parse_cargo_toml(f"[workspace]\nmembers = [{names}]".encode(), "Cargo.toml")
    with pytest.raises(MzbuildError) as raised:
        parse_cargo_toml(f"[workspace]\nmembers = [{globs}]".encode(), "Cargo.toml")
    assert str(raised.value) == (
        "Cargo.toml: `workspace.members` has more than 200 patterns. Name directories."
    )
