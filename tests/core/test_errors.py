from __future__ import annotations

import pytest
from mzbuild.core.errors import MzbuildError, listed, nearest


@pytest.mark.parametrize(
    ("name", "known", "clause"),
    [
        ("environmentdd", ["environmentd", "clusterd"], " Did you mean `environmentd`?"),
        ("ENVIRONMENTD", ["environmentd"], " Did you mean `environmentd`?"),
        ("pre_image", ["pre-image", "publish"], " Did you mean `pre-image`?"),
        ("xyz", ["environmentd"], ""),
        ("environmentd", [], ""),
    ],
)
def test_the_nearest_word_is_offered_if_one_is_near(
    name: str, known: list[str], clause: str
) -> None:
    assert nearest(name, known) == clause


def test_what_is_nearest_does_not_depend_on_the_order_of_the_words() -> None:
    words = ["abcd", "abce", "abcf"]
    assert nearest("abc", words) == nearest("abc", reversed(words))


@pytest.mark.parametrize(
    ("words", "prose"),
    [([], ""), (["a"], "`a`"), (["a", "b"], "`a` and `b`"), (["a", "b", "c"], "`a`, `b` and `c`")],
)
def test_words_are_listed_as_prose(words: list[str], prose: str) -> None:
    assert listed(words) == prose


def test_of_a_line_that_fills_a_screen_the_middle_is_cut() -> None:
    assert str(MzbuildError(f"a: `{'b' * 3990}`.")) == f"a: `{'b' * 3990}`."
    first, second = str(MzbuildError(f"a: `{'b' * 100_000}` is long.", "Cut it.")).split("\n")
    assert first == f"a: `{'b' * 1996} … {'b' * 1990}` is long."
    assert second == "Cut it."
