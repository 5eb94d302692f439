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
    ("base", "misc/images/base", ""),
]


def test_a_table_that_is_too_wide_is_wrapped_at_its_widest_column() -> None:
    header = ("image", "address", "description")
    assert table(header, ROWS, {0: lambda cell: f"<{cell}>"}, width=60) == [
        "image         address                   description",
        "<environmentd>  misc/images/environmentd  The daemon that all",
        "<            >                            others are there",
        "<            >                            for.",
        "<base        >  misc/images/base",
    ]
    assert table(header, ROWS, width=200) == table(header, ROWS)


def test_no_word_is_broken() -> None:
    lines = table(("image", "address", "what"), ROWS, width=10)
    assert lines[1:4] == [
        "environmentd  misc/images/environmentd  The",
        "                                        daemon",
        "                                        that",
    ]
    assert wrapped("one two-three four", 9) == ["one", "two-three", "four"]
