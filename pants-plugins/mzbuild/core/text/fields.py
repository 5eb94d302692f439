"""The fields of a declaration, wherever it stands: in an `mzbuild.yml` or in a BUILD file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mzbuild.core.errors import MzbuildError


class Fields(Protocol):
    """Fields that are read one by one. Each method raises `MzbuildError`, naming place and field,
    for a value that is of another type."""

    def place(self, name: str | None = None) -> str:
        """Where a field stands, or all of them."""

    def string(self, name: str) -> str | None:
        """The text of a field, `None` where it is absent."""

    def required(self, name: str) -> str:
        """The text of a field that must be there and not be empty."""

    def boolean(self, name: str, default: bool) -> bool:
        """The truth value of a field."""

    def strings(self, name: str) -> tuple[str, ...]:
        """The texts of a field that is a string or a list of strings; `()` where it is absent."""

    def scalars(self, name: str) -> tuple[tuple[str, str], ...]:
        """The pairs of a field that maps strings to strings."""

    def map(self, name: str) -> Fields | None:
        """The fields that a field holds, `None` where it is absent."""

    def names(self) -> tuple[str, ...]:
        """The names of the fields that are there."""


class GivenFields:
    """Fields of which whoever gives them has checked the types, as Pants does for a target's."""

    def __init__(self, where: str, values: Mapping[str, Any]):
        self._where = where
        self._values = {name: value for name, value in values.items() if value is not None}

    def place(self, name: str | None = None) -> str:
        """Where all of them stand."""
        return self._where

    def string(self, name: str) -> str | None:
        """The text of a field, `None` where it is absent."""
        return self._values.get(name)

    def required(self, name: str) -> str:
        """The text of a field that must be there and not be empty."""
        value = self.string(name)
        if not value:
            raise MzbuildError(
                f"{self._where}: the required field `{name}` is "
                f'{"missing" if value is None else "empty"}. Add `{name}="…"`.'
            )
        return value

    def boolean(self, name: str, default: bool) -> bool:
        """The truth value of a field."""
        return bool(self._values.get(name, default))

    def strings(self, name: str) -> tuple[str, ...]:
        """The texts of a field; `()` where it is absent."""
        return tuple(self._values.get(name, ()))

    def scalars(self, name: str) -> tuple[tuple[str, str], ...]:
        """The pairs of a field that maps strings to strings."""
        return tuple(self._values.get(name, {}).items())

    def map(self, name: str) -> GivenFields | None:
        """The fields that a field holds, `None` where it is absent."""
        return GivenFields(self._where, self._values[name]) if name in self._values else None

    def names(self) -> tuple[str, ...]:
        """The names of the fields that are there."""
        return tuple(self._values)
