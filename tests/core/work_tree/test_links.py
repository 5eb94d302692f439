"""What is reached through symlinks to directories."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from mzbuild.core.work_tree.links import (
    LinkedListing,
    link_texts,
    linked_listing,
    outward_links,
)

from tests.core.conftest import Repository

_FILES = (
    *("app/Cargo.toml", "app/src/lib.rs", "assets/x", "assets/deep/y"),
    *("dep-1.0/Cargo.toml", "dep-1.0/src/lib.rs", "top"),
)


def _linked(texts: Mapping[str, str]) -> LinkedListing:
    return linked_listing(sorted([*_FILES, *texts]), texts)


def test_without_symlinks_nothing_is_another() -> None:
    listing = _linked({})
    assert listing.followed(["top"]) == ("top",)
    assert listing.under("assets") == ("assets/deep/y", "assets/x")
    assert "assets/x" in listing
    assert "gone" not in listing


@pytest.mark.parametrize(
    ("texts", "path", "reached"),
    [
        ({"app/a": "../assets"}, "app/a", "app/a assets/deep/y assets/x"),
        ({"app/a": "../assets/"}, "app/a/x", "app/a assets/x"),
        ({"app/a": "../assets/deep"}, "app/a", "app/a assets/deep/y"),
        # What lies on the way is reached as well.
        ({"app/a": "../b", "b": "assets"}, "app/a/x", "app/a assets/x b"),
        ({"app/a": "../b/deep/..", "b": "assets"}, "app/a/x", "app/a assets/x b"),
        (
            {"app/a": "../assets/deep", "assets/deep/d": "../../dep-1.0/src"},
            "app/a",
            "app/a assets/deep/d assets/deep/y dep-1.0/src/lib.rs",
        ),
    ],
)
def test_what_is_reached(texts: Mapping[str, str], path: str, reached: str) -> None:
    assert " ".join(_linked(texts).followed([path])) == reached


def test_a_symlink_to_what_it_lies_in_has_all_of_it() -> None:
    listing = _linked({"app/all": ".."})
    assert listing.followed(["app/all"]) == listing.paths


@pytest.mark.parametrize("text", ["../nowhere", "../../outside", "/assets", "/src", "a", "../top"])
def test_a_symlink_that_leads_to_no_directory_is_itself(text: str) -> None:
    assert _linked({"app/a": text}).followed(["app/a"]) == ("app/a",)


def test_symlinks_to_one_another_do_not_take_long() -> None:
    texts = {f"d{i}/{name}": f"../d{i + 1}" for i in range(30) for name in "abc"}
    listing = linked_listing(sorted([*texts, "d30/x"]), texts)
    assert len(listing.followed(["d0/a"])) == 3 * 29 + 2
    assert "/".join(["d0", *"abc" * 10, "x"]) in listing
    assert "/".join(["d0", *"abc" * 20]) not in listing


def test_a_directory_is_found_by_what_it_is_called() -> None:
    listing = _linked({"dep": "dep-1.0"})
    assert "dep/Cargo.toml" in listing
    assert listing.under("dep") == ("dep/Cargo.toml", "dep/src/lib.rs")
    assert listing.under("dep/src") == ("dep/src/lib.rs",)
    assert listing.followed(["dep/Cargo.toml"]) == ("dep", "dep-1.0/Cargo.toml")
    assert listing.real("dep/Cargo.toml") == "dep-1.0/Cargo.toml"
    assert listing.directories("dep") == {"dep", "dep/src"}
    assert {"dep", "dep/src", "dep-1.0"} < listing.directories("")
    assert listing.under("") == listing.paths


def test_what_leads_upwards_has_an_end() -> None:
    listing = _linked({"app/all": "..", "app/out": "../.."})
    assert {"app", "app/all", "app/all/app", "assets"} < listing.directories("")
    assert listing.real("app/all/app/all/top") == "top"
    assert listing.real("app/out/x") == "app/out/x"
    assert listing.followed(["app/all/app/all/top"]) == ("app/all", "top")


def test_the_texts_of_symlinks_lead_there_from_a_copy_too(repository: Repository) -> None:
    repository.commit({"assets/x": "", "app/y": ""})
    root = repository.root
    texts = {
        "app/a": ("../assets", "../assets"),
        "app/b": (f"{root}/assets", "../assets"),
        "app/c": ("/usr", "/usr"),
        "app/d": ("y", "y"),
        "app/e": ("../../z", f"{root}/app/../../z"),
    }
    for path, (text, _) in texts.items():
        (root / path).symlink_to(text)
    work_tree = repository.read()
    assert outward_links(work_tree) == {"app/c"}
    expected = {path: portable for path, (_, portable) in texts.items()}
    assert link_texts(work_tree) == expected
    assert linked_listing(work_tree.statuses, expected).texts.keys() == {"app/a", "app/b"}
