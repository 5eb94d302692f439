"""What is said of something that takes long, by what it writes and by the clock."""

from __future__ import annotations

import pytest
from mzbuild.core.text.progress import AllLines, Progress, shortened


class Written:
    """Each line is a step."""

    def __init__(self, detail: str = "") -> None:
        self.doing = "working"
        self.detail = detail

    def begun(self, written: str) -> list[str]:
        lines = written.splitlines()
        self.doing = [self.doing, *lines][-1]
        return lines


def begun(detail: str = "", grace: float = 2.0, at: float = 100.0) -> Progress:
    """That of an image whose log has just been written anew."""
    progress = Progress("web", Written(detail), grace=grace)
    assert progress.said("", at) == []
    return progress


def test_what_is_over_soon_says_nothing() -> None:
    progress = begun()
    assert progress.said("one\ntwo\n", 100.5) == []
    assert progress.said("three\n", 101.9) == []


def test_each_step_has_a_line_as_it_begins_in_lots_at_intervals() -> None:
    progress = begun()
    progress.said("one\n", 101.0)
    assert progress.said("two\n", 102.0) == ["web: one", "web: two"]
    assert progress.said("three\n", 103.9) == []
    assert progress.said("four\n", 104.0) == ["web: three", "web: four"]
    assert progress.said("", 106.0) == []


def test_without_grace_the_first_step_is_said_at_once() -> None:
    progress = begun(grace=0)
    assert progress.said("one\n", 100.0) == ["web: one"]
    assert progress.said("two\n", 101.0) == []
    assert progress.said("", 102.0) == ["web: two"]


def test_a_line_is_said_when_it_is_whole() -> None:
    progress = begun()
    assert progress.said("one\ntw", 102.0) == ["web: one"]
    assert progress.said("o\n", 104.0) == ["web: two"]


def test_a_line_of_a_terminal_may_be_drawn_over() -> None:
    progress = begun()
    assert progress.said("one\rtw", 102.0) == ["web: one"]
    assert progress.said("o\r", 104.0) == ["web: two"]


def test_every_thirty_seconds_of_silence_what_goes_on_is_told_again() -> None:
    progress = begun()
    assert progress.said("one\ntwo\n", 110.0) == ["web: one", "web: two"]
    assert progress.said("", 139.9) == []
    assert progress.said("", 140.0) == ["web: two (still running, 40 s in all)"]
    assert progress.said("", 169.9) == []
    assert progress.said("", 170.5) == ["web: two (still running, 70 s in all)"]
    assert progress.said("three\n", 173.0) == ["web: three"]
    assert progress.said("", 203.0) == ["web: three (still running, 103 s in all)"]


def test_what_has_no_step_yet_is_told_to_be_running() -> None:
    assert begun().said("", 130.0) == ["web: working (still running, 30 s in all)"]


def test_how_far_a_step_is_gets_told_more_often() -> None:
    progress = begun("1 of 9 MB")
    assert progress.said("pushing\n", 102.0) == ["web: pushing"]
    assert progress.said("", 106.9) == []
    assert progress.said("", 107.0) == ["web: pushing (1 of 9 MB, 7 s in all)"]


def test_everything_is_said_as_it_comes() -> None:
    progress = Progress("web", AllLines(), grace=0, pause=0)
    assert progress.said("one\n\n  two\nthr", 100.1) == ["web: one", "web:   two"]
    assert progress.said("ee\r\n", 100.2) == ["web: three"]
    assert progress.said("10%\r99%\r100%\n", 100.3) == ["web: 100%"]
    assert progress.said("\x1b[1m\x1b[32mred\x1b[0m\n", 100.4) == ["web: red"]
    assert progress.said("", 130.3) == []
    assert progress.said("", 130.4) == ["web: nothing is written (still running, 30 s in all)"]


@pytest.mark.parametrize(("line", "short"), [("a" * 110, "a" * 110), ("a" * 111, "a" * 109 + "…")])
def test_a_line_fits_a_terminal(line: str, short: str) -> None:
    assert shortened(line) == short
