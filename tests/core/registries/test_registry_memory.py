from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mzbuild.core.registries.memory import RegistryMemory

NOW = 1_700_000_000.0
DAY = 86400.0
DIGEST, OTHER = "sha256:" + "0" * 64, "sha256:" + "1" * 64


def tag(name: str) -> str:
    return f"ghcr.io/acme/{name}:mzbuild-{'A2' * 16}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep/down/registries.json"


@pytest.fixture
def memory(path: Path) -> RegistryMemory:
    return RegistryMemory(str(path))


def test_what_was_seen_is_recalled_until_it_is_too_old(memory: RegistryMemory) -> None:
    assert memory.recall(DAY, NOW) == {}
    memory.remember({tag("a"): DIGEST}, DAY, NOW)
    memory.remember({tag("b"): OTHER}, DAY, NOW + 10)
    assert memory.recall(DAY, NOW + 10) == {tag("a"): DIGEST, tag("b"): OTHER}
    assert memory.recall(5, NOW + 10) == {tag("b"): OTHER}
    assert memory.recall(0, NOW + 11) == {}
    assert memory.recall(DAY, NOW - 1) == {}, "seen by a clock that was wrong"


def test_what_is_too_old_leaves_the_file(memory: RegistryMemory, path: Path) -> None:
    memory.remember({tag("old"): DIGEST}, DAY, NOW)
    memory.remember({tag("new"): DIGEST}, DAY, NOW + 2 * DAY)
    assert "acme/old" not in path.read_text()


def test_only_tags_that_never_change_are_remembered(memory: RegistryMemory) -> None:
    changing = ["x:latest", "x:v1.0", "x:mzbuild-", f"x:mzbuild-{'a' * 32}", "x"]
    memory.remember(dict.fromkeys([tag("a"), *changing], DIGEST), DAY, NOW)
    assert memory.recall(DAY, NOW) == {tag("a"): DIGEST}


def test_forgetting(memory: RegistryMemory) -> None:
    memory.remember({tag("a"): DIGEST, tag("b"): DIGEST}, DAY, NOW)
    memory.forget([tag("a"), tag("c")])
    assert memory.recall(DAY, NOW) == {tag("b"): DIGEST}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"version": 2, "present": []}',
        b'{"version": 1, "present": 5}',
        b'{"version": 1, "present": [["x"]]}',
        b'{"version": 1, "present": [[["x"], ["y", 1]]]}',
        json.dumps({"version": 1, "present": [[tag("a"), ["no digest", NOW]]]}).encode(),
        json.dumps({"version": 1, "present": [[tag("a"), [DIGEST, "soon"]]]}).encode(),
        json.dumps({"version": 1, "present": [["x:latest", [DIGEST, NOW]]]}).encode(),
        json.dumps({"version": 1, "present": [[tag("a"), [DIGEST, float("nan")]]]}).encode(),
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_as_good_as_none(
    memory: RegistryMemory, path: Path, content: bytes
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert memory.recall(DAY, NOW) == {}
    memory.remember({tag("b"): DIGEST}, DAY, NOW)
    assert memory.recall(DAY, NOW) == {tag("b"): DIGEST}


def test_the_file_is_replaced_as_a_whole(
    memory: RegistryMemory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.remember({tag("a"): DIGEST}, DAY, NOW)
    before = path.read_bytes()

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    memory.remember({tag("b"): DIGEST}, DAY, NOW)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_place_that_cannot_be_written_to() -> None:
    memory = RegistryMemory("/dev/null/registries.json")
    memory.remember({tag("a"): DIGEST}, DAY, NOW)
    assert memory.recall(DAY, NOW) == {}
