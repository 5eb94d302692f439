from __future__ import annotations

from pathlib import Path

from mzbuild.core.cargo.collected import add_collected_keys, collected_keys


def test_the_keys_that_were_written_down_are_found_in_the_same_store(tmp_path: Path) -> None:
    store, other = str(tmp_path / "store"), str(tmp_path / "other")
    assert collected_keys(store) == set()
    add_collected_keys(store, ["a", "b"])
    add_collected_keys(store, ["b", "c"])
    add_collected_keys(store, [])
    assert collected_keys(store) == {"a", "b", "c"}
    assert collected_keys(other) == set()
