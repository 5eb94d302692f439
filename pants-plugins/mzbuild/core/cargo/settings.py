"""How Cargo is called: what the `[mzbuild-cargo]` options say, put together for a configuration.

Each dimension of a configuration (architecture, profile, coverage, sanitizer) has its settings in a
table of its own. What a build gets is the sum of those that apply to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from mzbuild.core.cargo.sanitizers import SANITIZER_RUSTFLAGS
from mzbuild.core.errors import MzbuildError, listed, nearest
from mzbuild.core.fingerprint.configuration import Arch, Configuration, Profile, Sanitizer, Scheme

_SCOPE = "mzbuild-cargo"

_FLAG_KEYS = ("rustflags", "env", "args")
_ARCH_KEYS = ("target", "linker", "strip", "objcopy")
_PROFILE_KEYS = ("cargo_profile",)

_VARIABLE = re.compile(r"[^=\0]+")

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
_NOT_A_VARIABLE: Mapping[str, str] = {
    "RUSTFLAGS": "Set `rustflags`, which adds to those of `.cargo/config`.",
    "CARGO_ENCODED_RUSTFLAGS": "Set `rustflags`, which adds to those of `.cargo/config`.",
    "CARGO_TARGET_DIR": "Where Cargo builds is not an option.",
}


@dataclass(frozen=True)
class CargoFlags:
    """What every dimension can add: flags of rustc, environment variables, arguments of Cargo."""

    rustflags: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()

    def __add__(self, other: CargoFlags) -> CargoFlags:
        """Both, where a variable that both have gets the value of the other."""
        return CargoFlags(
            self.rustflags + other.rustflags,
            tuple(sorted({**dict(self.env), **dict(other.env)}.items())),
            self.args + _without_repeated(self.args, other.args),
        )


NO_FLAGS = CargoFlags()


def _without_repeated(before: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """Arguments to follow others: Cargo refuses a flag that has no value where it comes twice."""
    followers = (*args[1:], "-")
    return tuple(
        arg
        for arg, follower in zip(args, followers)
        if not (arg.startswith("-") and arg in before and follower.startswith("-"))
    )


@dataclass(frozen=True)
class ArchOptions:
    """What is compiled for on an architecture, and with which tools."""

    flags: CargoFlags
    target: str
    linker: str | None
    strip: str
    objcopy: str


@dataclass(frozen=True)
class ProfileOptions:
    """What a profile is for Cargo."""

    flags: CargoFlags
    cargo_profile: str


@dataclass(frozen=True)
class CargoSettings:
    """How Cargo is called in a configuration.

    `command_prefix` is what runs Cargo, `toolchain` a channel of rustup; each may be empty.
    """

    target: str
    cargo_profile: str
    flags: CargoFlags = NO_FLAGS
    linker: str | None = None
    strip: str = "strip"
    objcopy: str = "objcopy"
    command_prefix: tuple[str, ...] = ()
    toolchain: str = ""

    def adding(self, flags: CargoFlags) -> CargoSettings:
        """The same with what a single action adds."""
        return replace(self, flags=self.flags + flags)

    def canonical(self) -> bytes:
        """All that decides what is built, always the same bytes for the same settings."""
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True)
class CargoOptions:
    """All that the options say, for all configurations.

    `passed_env` has names of environment variables that let Cargo work here: credentials, proxies.
    They do not decide what is built, so that no settings have them.
    """

    flags: CargoFlags
    archs: Mapping[Arch, ArchOptions]
    profiles: Mapping[Profile, ProfileOptions]
    coverage: CargoFlags
    sanitizers: Mapping[Sanitizer, CargoFlags]
    command_prefix: tuple[str, ...] = ()
    toolchain: str = ""
    passed_env: tuple[str, ...] = ()

    def settings(self, configuration: Configuration) -> CargoSettings:
        """What applies to a configuration; the more special goes last, where it prevails."""
        arch, profile = self.archs[configuration.arch], self.profiles[configuration.profile]
        flags = self.flags + arch.flags + profile.flags
        if configuration.coverage:
            flags += self.coverage
        if configuration.sanitizer is not Sanitizer.NONE:
            flags += self.sanitizers[configuration.sanitizer]
        return CargoSettings(
            target=arch.target,
            cargo_profile=profile.cargo_profile,
            flags=flags,
            linker=arch.linker,
            strip=arch.strip,
            objcopy=arch.objcopy,
            command_prefix=self.command_prefix,
            toolchain=self.toolchain,
        )


def with_cargo(configuration: Configuration, options: CargoOptions) -> Configuration:
    """The configuration with what the strict scheme covers of the options for Cargo."""
    if configuration.scheme is not Scheme.STRICT:
        return configuration
    settings = {arch.value: options.settings(configuration.with_arch(arch)) for arch in Arch}
    canonical = ((arch, each.canonical().decode()) for arch, each in settings.items())
    return replace(configuration, cargo=tuple(canonical))


Table = Mapping[str, object]

_NOTHING: Table = MappingProxyType({})


def parse_cargo_options(
    *,
    command_prefix: Sequence[str] = (),
    toolchain: str = "",
    passed_env: Sequence[str] = (),
    rustflags: Sequence[str] = (),
    env: Table = _NOTHING,
    args: Sequence[str] = (),
    arch: Table = _NOTHING,
    profile: Table = _NOTHING,
    coverage: Table = _NOTHING,
    sanitizer: Table = _NOTHING,
) -> CargoOptions:
    """The options as their values are written; `arch`, `profile` and `sanitizer` are tables of
    tables.

    A key that is left out of a table has its default, as it has where the table is not there.
    Raises `MzbuildError`, naming the table and the key, for what is not known, for a value of the
    wrong type, and for what another option is there for.
    """
    for name in passed_env:
        _check_variable(name, f"[{_SCOPE}].passed_env: `{name}`")
    common = _Table({"rustflags": rustflags, "env": env, "args": args}, f"[{_SCOPE}]")
    archs = _tables(arch, "arch", [each.value for each in Arch])
    profiles = _tables(profile, "profile", [each.value for each in Profile])
    names = [each.value for each in Sanitizer if each is not Sanitizer.NONE]
    sanitizers = _tables(sanitizer, "sanitizer", names)
    return CargoOptions(
        flags=common.flags(),
        archs={each: _arch(archs[each.value], each) for each in Arch},
        profiles={each: _profile(profiles[each.value], each) for each in Profile},
        coverage=_table(coverage, "coverage").flags(_COVERAGE_RUSTFLAGS),
        sanitizers={
            each: sanitizers[each.value].flags(default)
            for each, default in SANITIZER_RUSTFLAGS.items()
        },
        command_prefix=tuple(command_prefix),
        toolchain=toolchain.lstrip("+"),
        passed_env=tuple(passed_env),
    )


def parse_cargo_flags(
    where: str, rustflags: Sequence[str], env: Table, args: Sequence[str]
) -> CargoFlags:
    """What is set in one place, which `where` names in errors; see `parse_cargo_options`."""
    return _Table({"rustflags": rustflags, "env": env, "args": args}, where).flags()


def _arch(table: _Table, arch: Arch) -> ArchOptions:
    return ArchOptions(
        flags=table.flags(),
        target=table.text("target") or f"{arch.value}-unknown-linux-gnu",
        linker=table.text("linker"),
        strip=table.text("strip") or "strip",
        objcopy=table.text("objcopy") or "objcopy",
    )


def _profile(table: _Table, profile: Profile) -> ProfileOptions:
    return ProfileOptions(table.flags(), table.text("cargo_profile") or profile.value)


def _tables(tables: Table, name: str, known: Sequence[str]) -> Mapping[str, _Table]:
    for key in tables:
        if key not in known:
            raise MzbuildError(
                f"[{_SCOPE}.{name}] has no table `{key}`; the tables are {listed(known)}."
                f"{nearest(key, known)}"
            )
    more = {"arch": _ARCH_KEYS, "profile": _PROFILE_KEYS}.get(name, ())
    return {key: _table(tables.get(key, {}), f"{name}.{key}", more) for key in known}


def _table(values: object, name: str, more: Sequence[str] = ()) -> _Table:
    where, known = f"[{_SCOPE}.{name}]", (*more, *_FLAG_KEYS)
    if not isinstance(values, Mapping):
        raise MzbuildError(f"{where} must be a table with any of {listed(known)}.")
    for key in values:
        if key not in known:
            raise MzbuildError(
                f"{where} has no key `{key}`; the keys are {listed(known)}.{nearest(key, known)}"
            )
    return _Table(values, where)


@dataclass(frozen=True)
class _Table:
    values: Mapping[str, Any]
    where: str

    def flags(self, rustflags: Sequence[str] = ()) -> CargoFlags:
        env = self.values.get("env", {})
        args = self._texts("args", ())
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
        return CargoFlags(self._texts("rustflags", rustflags), tuple(sorted(env.items())), args)

    def text(self, key: str) -> str | None:
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
    if name in _NOT_A_VARIABLE:
        raise MzbuildError(f"{where} cannot be set here. {_NOT_A_VARIABLE[name]}")
