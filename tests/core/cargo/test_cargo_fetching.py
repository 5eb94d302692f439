"""What is told while Cargo fetches packages."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from mzbuild.core.cargo.fetching import telling_of_fetches

FETCHING = "Staged.\n\x1b[1m\x1b[92m    Updating\x1b[0m crates.io index\n Downloading crates ...\n"


def test_it_is_told_while_it_lasts_and_once(tmp_path: Path) -> None:
    log, told, said = tmp_path / "build.log", Event(), []
    log.write_text("    Updating an earlier index\n")

    def say(words: str) -> None:
        said.append(words)
        told.set()

    with telling_of_fetches(str(log), say):
        log.write_text(FETCHING)
        assert told.wait(60)
        log.write_text(f"{FETCHING}   Compiling far v0.1.0\n Downloading more\n")
    assert said == ["Updating crates.io index"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (FETCHING, ["Updating crates.io index"]),
        (" Downloading crates ...\n  Downloaded far v0.1.0\n", ["Downloading crates ..."]),
        ("   Compiling app v0.1.0\n", []),
        (None, []),
    ],
)
def test_what_is_over_soon_is_told_as_well(
    tmp_path: Path, written: str | None, said: list[str]
) -> None:
    told: list[str] = []
    with telling_of_fetches(str(tmp_path / "build.log"), told.append):
        if written is not None:
            (tmp_path / "build.log").write_text(written)
    assert told == said
