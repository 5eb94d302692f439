from __future__ import annotations

import pytest
from mzbuild.core.text.quantities import show_count, show_size


def test_a_count_of_files() -> None:
    assert [show_count(number) for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_950, "10 kB")),
        *((999_499, "999 kB"), (999_500, "1.0 MB"), (10**16, "10000 TB")),
    ],
)
def test_a_size_is_shown_with_a_unit(size: int, shown: str) -> None:
    assert show_size(size) == shown
