from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.work_tree.listing import Listing, is_under, less_nested, nesting

from tests.core.conftest import listing

# The characters around "/" are where a search by sorted prefix goes wrong.
NAMES = st.text("ab-./0é\udce9", max_size=6)


@given(st.sets(NAMES), NAMES)
def test_the_files_under_a_directory_are_those_whose_paths_begin_with_it(
    paths: set[str], directory: str
) -> None:
    files = listing(*paths)
    naive = tuple(path for path in files.paths if not directory or path.startswith(f"{directory}/"))
    assert files.under(directory) == naive


@given(st.sets(NAMES), NAMES)
def test_membership_is_by_the_whole_path(paths: set[str], path: str) -> None:
    assert (path in listing(*paths)) == (path in paths)


def test_a_name_is_found_in_every_directory() -> None:
    files = listing("mzbuild.yml", "a/mzbuild.yml", "a/b/mzbuild.yml", "c/xmzbuild.yml", "d")
    assert files.named("mzbuild.yml") == ("a/b/mzbuild.yml", "a/mzbuild.yml", "mzbuild.yml")


def test_equal_listings_are_one_key() -> None:
    assert {listing("a"): 1}[Listing(("a",))] == 1
    assert listing("a") != listing("b")


@given(st.sets(NAMES.filter(lambda name: not name.startswith("/") and "//" not in name)))
def test_a_directory_nests_those_whose_paths_begin_with_it(directories: set[str]) -> None:
    nested = nesting(directories)
    assert set(nested) == directories
    for outer, inner in nested.items():
        prefix = f"{outer}/" if outer else ""
        assert set(inner) == {
            other for other in directories if other != outer and other.startswith(prefix)
        }


def test_nested_directories_take_their_files_with_them() -> None:
    paths = ("a/b/c", "a/bc", "a/x")
    assert less_nested(paths, ("a/b",)) == ("a/bc", "a/x")
    assert less_nested(paths, ()) == paths


def test_everything_is_under_the_root() -> None:
    assert is_under("a", "")
    assert is_under("a/b", "a")
    assert is_under("a", "a")
    assert not is_under("ab", "a")
