"""What is told of Cargo while it builds."""

from __future__ import annotations

import pytest
from mzbuild.core.cargo.steps import CargoSteps

UPDATING = "\x1b[1m\x1b[92m    Updating\x1b[0m crates.io index\n"
DOWNLOADING = " Downloading crates ...\n  Downloaded far v0.1.0\n"
COMPILING = "\x1b[1m\x1b[92m   Compiling\x1b[0m ore v0.1.0 (/somewhere/src/ore)\n"


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        (UPDATING, ["Cargo fetches packages: Updating crates.io index"]),
        (DOWNLOADING, ["Cargo fetches packages: Downloading crates ..."]),
        (COMPILING, ["Compiling ore v0.1.0"]),
        (
            UPDATING + DOWNLOADING + COMPILING + "   Compiling app v2.0.0\n",
            [
                "Cargo fetches packages: Updating crates.io index",
                "Compiling ore v0.1.0, app v2.0.0",
            ],
        ),
        (
            "".join(f"   Compiling {name} v1.0.0\n" for name in "abcde"),
            ["Compiling a v1.0.0, b v1.0.0, c v1.0.0 and 2 more"],
        ),
        ("warning: unused\n    Finished dev\n", []),
        ("", []),
    ],
)
def test_what_is_fetched_and_which_crates_are_compiled(written: str, steps: list[str]) -> None:
    assert CargoSteps().begun(written) == steps
