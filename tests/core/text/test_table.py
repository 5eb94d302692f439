from __future__ import annotations

from mzbuild.core.text.table import table

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
