from __future__ import annotations

import pytest
from mzbuild.core.text.json_reader import read_json


def test_a_document_is_read() -> None:
    assert read_json(b'{"a": [1, "b", null]}') == {"a": [1, "b", None]}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", "[" * 200_000, '{"a":' * 200_000, b"[" * 990 + b"]" * 2_000]
)
def test_what_is_none_or_too_deep_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(content)


def test_a_number_of_a_million_digits_is_read_at_once() -> None:
    assert read_json("[" + "1" * 1_000_000 + "]") == [float("inf")]
