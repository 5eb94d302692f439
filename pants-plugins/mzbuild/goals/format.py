"""How goals print what they tell of many images."""

from __future__ import annotations

from enum import Enum


class TableFormat(Enum):
    """For people, or for programs."""

    TABLE = "table"
    JSON = "json"
