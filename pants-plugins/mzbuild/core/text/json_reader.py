"""JSON that others have written, who may mean no good."""

from __future__ import annotations

import json
from typing import Any


def read_json(content: str | bytes) -> Any:
    """What a JSON document says. Raises `ValueError` for what is none, or too deep to be read."""
    try:
        return json.loads(content, parse_int=_integer)
    except RecursionError:
        raise ValueError("it is too deep") from None


def _integer(digits: str) -> float:
    # Reading many digits takes longer than their number grows, unless for a float.
    return int(digits) if len(digits) < 20 else float(digits)
