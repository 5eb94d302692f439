"""Following logs that others write. The thread is left out: a test looks itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Callable

from mzbuild.core.text.follower import Follower
from mzbuild.core.text.progress import AllLines, Progress


def everything(name: str = "web", grace: float = 0) -> Progress:
    """What says each line."""
    return Progress(name, AllLines(), grace=grace, pause=0)


class Run:
    """A follower with a clock that a test sets, and what it has said."""

    def __init__(self) -> None:
        self.now = 100.0
        self.said: list[str] = []
        self.started: list[Callable[[], None]] = []
        self.follower = Follower(self.said.append, self.started.append, lambda: self.now)

    def look(self) -> list[str]:
        """What is said a second later."""
        self.now += 1
        self.follower.look()
        said, self.said[:] = self.said[:], []
        return said


def test_a_log_is_followed_from_when_it_is_written_anew(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    log.write_text("of an earlier build\n")
    with run.follower.following(str(log), everything()):
        assert run.look() == []
        log.write_text("one\n")
        assert run.look() == ["web: one"]
        with log.open("a") as file:
            file.write("two\n")
        assert run.look() == ["web: two"]
        assert run.look() == []


def test_time_counts_from_when_the_log_is_begun(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with run.follower.following(str(log), everything(grace=2)):
        run.now += 60
        assert run.look() == []
        log.write_text("one\n")
        assert run.look() == run.look() == []
        assert run.look() == ["web: one"]


def test_a_log_that_is_not_there_yet_or_any_more_is_waited_for(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with run.follower.following(str(log), everything()):
        assert run.look() == []
        log.write_text("one\n")
        assert run.look() == ["web: one"]
        log.unlink()
        assert run.look() == []


def test_what_is_tried_again_is_followed_from_its_beginning(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with run.follower.following(str(log), everything()):
        log.write_text("first try\n")
        assert run.look() == ["web: first try"]
        log.write_text("second\n")
        assert run.look() == ["web: second"]


def test_letters_may_come_in_parts(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with run.follower.following(str(log), everything()):
        log.write_bytes("ü\n".encode()[:1])
        assert run.look() == []
        log.write_bytes("ü\n".encode())
        assert run.look() == ["web: ü"]


def test_what_is_left_is_said_in_the_end(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with run.follower.following(str(log), everything()):
        log.write_text("one\n")
    assert run.said == ["web: one"]


def test_of_what_is_broken_off_nothing_more_is_said(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"

    def rule() -> Iterator[None]:
        with run.follower.following(str(log), everything()):
            yield

    broken_off = rule()
    next(broken_off)
    log.write_text("one\n")
    # As Python does when Pants lets go of a rule.
    del broken_off
    assert run.look() == []
    # The thread ends, and there is another one for what comes next.
    run.started[0]()
    with run.follower.following(str(log), everything()):
        assert len(run.started) == 2


def test_a_short_build_says_nothing_even_in_the_end(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with run.follower.following(str(log), everything(grace=2)):
        log.write_text("one\n")
        assert run.look() == []
    assert run.said == []


def test_all_logs_share_a_thread_which_ends_with_them(tmp_path: Path) -> None:
    run, logs = Run(), [str(tmp_path / name) for name in ("a", "b")]
    with run.follower.following(logs[0], everything("a")):
        with run.follower.following(logs[1], everything("b")):
            assert len(run.started) == 1
        thread = Thread(target=run.started[0])
        thread.start()
        assert thread.is_alive()
    thread.join(60)
    assert not thread.is_alive()


def test_the_thread_says_what_is_new(tmp_path: Path) -> None:
    told, log = Event(), tmp_path / "log"
    follower = Follower(
        lambda line: told.set() if line == "web: one" else None,
        lambda follow: Thread(target=follow, daemon=True).start(),
    )
    with follower.following(str(log), everything()):
        log.write_text("one\n")
        assert told.wait(60)
