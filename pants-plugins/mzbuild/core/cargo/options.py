"""The `[mzbuild-cargo]` options as they are written: tables that each hold for some configurations.

Every table has the same keys. `[mzbuild-cargo.profile.release]` is short for a table of `settings`
with `when = { profile = "release" }`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mzbuild.core.cargo.sanitizers import SANITIZER_RUSTFLAGS
from mzbuild.core.cargo.settings import (
    CORES,
    NOT_A_VARIABLE,
    CargoFlags,
    CargoOptions,
    SettingsTable,
)
from mzbuild.core.configuration import Arch, Profile, Sanitizer
from mzbuild.core.errors import MzbuildError, listed, nearest

_SCOPE = "mzbuild-cargo"

# Of each table, what prevails over the tables before it; all else adds to them.
_TEXTS = ("toolchain", "target", "linker", "strip", "objcopy", "cargo_profile")
_KEYS = ("rustflags", "env", "args", "passed_env", "command_prefix", *_TEXTS)

_DIMENSIONS: Mapping[str, tuple[object, ...]] = {
    "arch": tuple(each.value for each in Arch),
    "profile": tuple(each.value for each in Profile),
    "coverage": (True, False),
    "sanitizer": tuple(each.value for each in Sanitizer),
}

_EITHER = "true and false, without quotes"

_VARIABLE = re.compile(r"[^=\0]+")
_COUNT = re.compile(r"\{cores\b[^}]*\}?")

# The flags of https://doc.rust-lang.org/rustc/instrument-coverage.html.
_COVERAGE_RUSTFLAGS = ("-Cinstrument-coverage",)

# Settings that have an option of their own: elsewhere they would be at odds with it, and what was
# built would not be found, or be something else than its name says.
_NOT_AN_ARGUMENT: Mapping[str, str] = {
    "--profile": "Set `cargo_profile` in [mzbuild-cargo.profile.…].",
    "--release": "Set `cargo_profile` in [mzbuild-cargo.profile.…].",
    "-r": "Set `cargo_profile` in [mzbuild-cargo.profile.…].",
    "--target": "Set `target` in [mzbuild-cargo.arch.…].",
    "--target-dir": "Where Cargo builds is not an option.",
    "--manifest-path": "Where Cargo builds is not an option.",
    "--message-format": "It is needed to find what was built.",
}

Table = Mapping[str, object]

_NOTHING: Table = MappingProxyType({})


def parse_cargo_options(
    *,
    unified_features: bool = False,
    arch: Table = _NOTHING,
    profile: Table = _NOTHING,
    coverage: Table = _NOTHING,
    sanitizer: Table = _NOTHING,
    settings: Table = _NOTHING,
    git: bool = True,
    **common: object,
) -> CargoOptions:
    """The options as their values are written; `arch`, `profile`, `sanitizer` and `settings` are
    tables of tables, and `common` is what holds for all builds.

    Of `settings`, the tables whose `when` names more dimensions come later, and those that name
    as many by their names: later versions of Pants do not keep the order of an option's table.

    Raises `MzbuildError`, naming the table and the key, for what is not known, for a value of the
    wrong type, and for what another option is there for.
    """
    tables = [_Table(common, f"[{_SCOPE}]").read()]
    for dimension, special in (("arch", arch), ("profile", profile)):
        tables += _of_dimension(dimension, special, dict.fromkeys(_DIMENSIONS[dimension], ()))
    only_with = (("coverage", (True,)),)
    tables.append(_Table(coverage, f"[{_SCOPE}.coverage]").read(only_with, _COVERAGE_RUSTFLAGS))
    defaults = {each.value: flags for each, flags in SANITIZER_RUSTFLAGS.items()}
    tables += _of_dimension("sanitizer", sanitizer, defaults)
    named = []
    for name, values in sorted(settings.items()):
        table = _Table(values, f"[{_SCOPE}.settings.{name}]", ("when", *_KEYS))
        named.append(table.read(table.when()))
    tables += sorted(named, key=lambda table: len(table.when))
    return CargoOptions(tuple(tables), unified_features, git)


def parse_cargo_flags(
    where: str, rustflags: Sequence[str], env: Table, args: Sequence[str]
) -> CargoFlags:
    """What is set in one place, which `where` names in errors; see `parse_cargo_options`."""
    return _Table({"rustflags": rustflags, "env": env, "args": args}, where).flags()


def _of_dimension(
    name: str, tables: Table, defaults: Mapping[Any, tuple[str, ...]]
) -> list[SettingsTable]:
    """The tables for the values of a dimension, each with the `rustflags` that it has unless it
    sets others."""
    for key in tables:
        if key not in defaults:
            raise MzbuildError(
                f"[{_SCOPE}.{name}] has no table `{key}`; the tables are {listed(defaults)}."
                f"{nearest(key, defaults)}"
            )
    return [
        _Table(tables.get(value, {}), f"[{_SCOPE}.{name}.{value}]").read(
            ((name, (value,)),), rustflags
        )
        for value, rustflags in defaults.items()
    ]


@dataclass(frozen=True)
class _Table:
    values: Any
    where: str
    keys: Sequence[str] = _KEYS

    def read(
        self,
        when: tuple[tuple[str, tuple[object, ...]], ...] = (),
        rustflags: tuple[str, ...] = (),
    ) -> SettingsTable:
        self._check(self.keys)
        passed_env = self._texts("passed_env", ())
        for name in passed_env:
            _check_variable(name, f"{self.where}: `{name}` in `passed_env`")
        prevailing: list[tuple[str, Any]] = []
        for key in _TEXTS:
            if (text := self._text(key)) is not None:
                prevailing.append((key, text.lstrip("+") if key == "toolchain" else text))
        if "command_prefix" in self.values:
            prevailing.append(("command_prefix", self._texts("command_prefix", ())))
        return SettingsTable(when, self.flags(rustflags), passed_env, tuple(prevailing))

    def when(self) -> tuple[tuple[str, tuple[object, ...]], ...]:
        """For which values of which dimensions a table of the list holds."""
        self._check(self.keys)
        when = _Table(self.values.get("when", {}), f"{self.where}.when", tuple(_DIMENSIONS))
        when._check(when.keys)
        return tuple((name, when._values(name)) for name in sorted(when.values))

    def _values(self, dimension: str) -> tuple[object, ...]:
        value, known = self.values[dimension], _DIMENSIONS[dimension]
        several = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        for each in several:
            if type(each) is not type(known[0]) or each not in known:
                words = [word for word in known if isinstance(word, str)]
                values = f"{listed(words)}, and lists of them" if words else _EITHER
                raise MzbuildError(
                    f"{self.where}: `{dimension}` cannot be `{each}`; the values are {values}."
                    f"{nearest(str(each), words)}"
                )
        return several

    def _check(self, known: Sequence[str]) -> None:
        if not isinstance(self.values, Mapping):
            raise MzbuildError(f"{self.where} must be a table with any of {listed(known)}.")
        for key in self.values:
            if key not in known:
                raise MzbuildError(
                    f"{self.where} has no key `{key}`; the keys are {listed(known)}."
                    f"{nearest(key, known)}"
                )

    def flags(self, rustflags: Sequence[str] = ()) -> CargoFlags:
        flags, args = self._texts("rustflags", rustflags), self._texts("args", ())
        env = self.values.get("env", {})
        if not isinstance(env, Mapping):
            raise MzbuildError(f"{self.where}: `env` must be a table of names and values.")
        for name, value in env.items():
            _check_variable(name, f"{self.where}: `{name}` in `env`")
            if not isinstance(value, str):
                raise MzbuildError(
                    f"{self.where}: the value of `{name}` in `env` must be a string."
                )
        for arg in args:
            if instead := _NOT_AN_ARGUMENT.get(arg.partition("=")[0]):
                raise MzbuildError(f"{self.where}: `{arg}` cannot be in `args`. {instead}")
        for text in (*flags, *env.values(), *args):
            for count in _COUNT.findall(text):
                if not CORES.fullmatch(count):
                    raise MzbuildError(
                        f"{self.where}: `{count}` in `{text}` is no number of cores. Those are "
                        "`{cores}`, `{cores/2}`, `{cores*2/3}` and the like."
                    )
        return CargoFlags(flags, tuple(sorted(env.items())), args)

    def _text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise MzbuildError(f"{self.where}: `{key}` must be a string that is not empty.")
        return value

    def _texts(self, key: str, default: Sequence[str]) -> tuple[str, ...]:
        value = self.values.get(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
            raise MzbuildError(f'{self.where}: `{key}` must be a list of strings: `["…"]`.')
        return tuple(value)


def _check_variable(name: str, where: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise MzbuildError(f"{where} cannot be the name of an environment variable.")
    if name in NOT_A_VARIABLE:
        raise MzbuildError(f"{where} cannot be set here. {NOT_A_VARIABLE[name]}")
