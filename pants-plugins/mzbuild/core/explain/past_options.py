"""What a repository's configuration files said of fingerprints, in another revision."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from enum import Enum
from typing import Any

from mzbuild.core.configuration import DEFAULTS, Configuration
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.toml_reader import read_toml

# The options that fingerprints depend on, by the fields of a `Configuration`.
OPTIONS = {
    field.name: "fingerprint_scheme" if field.name == "scheme" else field.name
    for field in fields(Configuration)
    # The settings of Cargo have options of their own.
    if field.name != "cargo"
}


def configured(files: Iterable[tuple[str, bytes]]) -> Mapping[str, Any]:
    """The options that Pants' configuration files set in `[mzbuild]`, with their values.

    `files` are paths and contents; what a later one sets goes before. Raises `MzbuildError` for a
    file that is not TOML.
    """
    values: dict[str, Any] = {}
    for path, content in files:
        table = read_toml(content, path).get("mzbuild")
        if isinstance(table, dict):
            values.update((name, table[name]) for name in OPTIONS.values() if name in table)
    return values


def past_configuration(
    current: Configuration,
    fixed: Collection[str],
    now: Mapping[str, Any],
    then: Mapping[str, Any],
    revision: str,
) -> Configuration:
    """The configuration of a revision.

    An option is as it is at `current`, unless configuration files say so that then said something
    else: `now` and `then` are what they say, `fixed` the options that a flag or the environment
    sets. Raises `MzbuildError` for a value that the option cannot have.
    """
    changed = {}
    for field, option in OPTIONS.items():
        default = getattr(DEFAULTS, field)
        if option in fixed or now.get(option) == then.get(option):
            continue
        if option not in then:
            changed[field] = default
            continue
        try:
            changed[field] = _read(type(default), then[option])
        except ValueError:
            raise MzbuildError(
                f"In `{revision}`, [mzbuild].{option} is `{then[option]}`, which it cannot be. To "
                f"explain fingerprints all the same, set the option by a flag."
            ) from None
    return replace(current, **changed)


def _read(kind: type[Enum] | type[bool], value: object) -> object:
    if kind is bool and not isinstance(value, bool):
        raise ValueError(value)
    return kind(value)
