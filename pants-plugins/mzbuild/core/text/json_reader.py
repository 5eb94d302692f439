"""JSON that others have written, who may mean no good."""

from __future__ import annotations

import json
from typing import Any


def read_json(content: str | bytes) -> Any:
    """What a JSON document says. Raises `ValueError` for what is none, or is too deep to be read.

    Numbers are read as floats: reading an integer takes longer than its length grows.
    """
    try:
        return json.loads(content, parse_int=float)
    except RecursionError:
        raise ValueError("it is too deep") from None
