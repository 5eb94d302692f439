from __future__ import annotations

import stat
from pathlib import Path

from mzbuild.core.cargo.lent_environment import borrowed, lent


def test_only_the_build_of_the_plan_borrows_and_only_meanwhile(tmp_path: Path) -> None:
    directory = str(tmp_path / "cache/build")
    with lent(directory, b"plan", {"TOKEN": "secret"}):
        assert borrowed(directory, b"plan") == {"TOKEN": "secret"}
        assert borrowed(directory, b"other") == {}
        (file,) = (tmp_path / "cache").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert borrowed(directory, b"plan") == {}
    assert list((tmp_path / "cache").iterdir()) == []


def test_nothing_is_written_where_nothing_is_lent(tmp_path: Path) -> None:
    with lent(str(tmp_path / "cache/build"), b"plan", {}):
        assert list(tmp_path.iterdir()) == []


def test_two_may_lend_the_same(tmp_path: Path) -> None:
    directory = str(tmp_path / "build")
    with lent(directory, b"plan", {"A": "1"}), lent(directory, b"plan", {"A": "1"}):
        assert borrowed(directory, b"plan") == {"A": "1"}
