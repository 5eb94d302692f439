from __future__ import annotations

from mzbuild.core.text.table import table, wrapped

HEADER = ("image", "inputs", "")


def test_columns_are_in_line() -> None:
    rows = [("base", "22", ""), ("environmentd", "1892", "The\ndaemon")]
    assert table(HEADER, rows) == [
        "image         inputs",
        "base          22",
        "environmentd  1892    The daemon",
    ]


def test_without_rows_there_is_no_header() -> None:
    assert table(HEADER, []) == []


def test_colour_does_not_move_a_column() -> None:
    lines = table(HEADER, [("a", "1", "x"), ("bc", "2", "")], {0: lambda cell: f"<{cell}>"})
    assert lines == ["image  inputs", "<a    >  1       x", "<bc   >  2"]


ROWS = [
    ("environmentd", "misc/images/environmentd", "The daemon that all others are there for."),
    ("base, with more", "misc/images/base", ""),
]
WIDE = ("image", "address", "description")


def test_the_last_column_of_a_table_that_is_too_wide_is_cut() -> None:
    assert table(WIDE, ROWS, {0: lambda cell: f"<{cell}>"}, width=80, cut=True) == [
        "image            address                   description",
        "<environmentd   >  misc/images/environmentd  The daemon that all others are there…",
        "<base, with more>  misc/images/base",
    ]
    assert table(WIDE, ROWS, width=200, cut=True) == table(WIDE, ROWS)


def test_then_others_are_wrapped_between_words_and_then_the_last_one_is_cut_shorter() -> None:
    assert table(WIDE, ROWS, width=65, cut=True) == [
        "image         address                   description",
        "environmentd  misc/images/environmentd  The daemon that all oth…",
        "base, with    misc/images/base",
        "more",
    ]
    assert table(WIDE, ROWS, width=45, cut=True) == [
        "image         address                   desc…",
        "environmentd  misc/images/environmentd  The…",
        "base, with    misc/images/base",
        "more",
    ]


def test_what_is_wider_without_its_last_column_stays_wider() -> None:
    assert table(WIDE, ROWS, width=10, cut=True)[:2] == [
        "image         address                   …",
        "environmentd  misc/images/environmentd  …",
    ]


def test_the_last_column_is_wrapped_where_nothing_may_be_lost() -> None:
    assert table(WIDE, ROWS, width=65) == [
        "image         address                   description",
        "environmentd  misc/images/environmentd  The daemon that all",
        "                                        others are there for.",
        "base, with    misc/images/base",
        "more",
    ]


def test_no_word_is_broken() -> None:
    assert wrapped("one two-three four", 9) == ["one", "two-three", "four"]
