from __future__ import annotations

from pathlib import Path

from mzbuild.core.cargo.collected import add_collected, collected_together


def test_what_was_written_down_is_found_in_the_same_store(tmp_path: Path) -> None:
    store, other = str(tmp_path / "store"), str(tmp_path / "other")
    assert collected_together(store) == {}
    add_collected(store, [("a", "b"), ("c",)])
    add_collected(store, [])
    add_collected(store, [("d", "b")])
    assert collected_together(store) == {
        "a": ("a", "b"),
        "b": ("d", "b"),
        "c": ("c",),
        "d": ("d", "b"),
    }
    assert collected_together(other) == {}
