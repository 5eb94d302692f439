"""How Cargo is called in a configuration: all that the tables of `[mzbuild-cargo]` say of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from mzbuild.core.configuration import Arch, Configuration, Sanitizer, Scheme

# Where it says how many cores the machine has that builds, or a part of them: `{cores*2/3}`.
CORES = re.compile(r"\{cores(?:\*([1-9]\d*))?(?:/([1-9]\d*))?\}")

# Cargo takes the number of its jobs once, in any of these forms.
_JOBS = re.compile(r"(--jobs|-j)(=.*|[\d{].*)?")

# Variables that have an option of their own, with what to use instead.
NOT_A_VARIABLE: Mapping[str, str] = {
    "RUSTFLAGS": "Set `rustflags`, which adds to those of `.cargo/config`.",
    "CARGO_ENCODED_RUSTFLAGS": "Set `rustflags`, which adds to those of `.cargo/config`.",
    "CARGO_TARGET_DIR": "Where Cargo builds is not an option.",
    "CARGO_BUILD_BUILD_DIR": "Where Cargo builds is not an option.",
}


@dataclass(frozen=True)
class CargoFlags:
    """What adds up: flags of rustc, environment variables, arguments of Cargo."""

    rustflags: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()

    def __add__(self, other: CargoFlags) -> CargoFlags:
        """Both, where a variable that both have gets the value of the other."""
        return CargoFlags(
            self.rustflags + other.rustflags,
            tuple(sorted({**dict(self.env), **dict(other.env)}.items())),
            _without_jobs(self.args, other.args) + _without_repeated(self.args, other.args),
        )

    def on_cores(self, cores: int) -> CargoFlags:
        """The same on a machine of so many cores."""

        def counted(text: str) -> str:
            return CORES.sub(
                lambda of: str(max(1, round(cores * int(of[1] or 1) / int(of[2] or 1)))), text
            )

        return CargoFlags(
            tuple(map(counted, self.rustflags)),
            tuple((name, counted(value)) for name, value in self.env),
            tuple(map(counted, self.args)),
        )


NO_FLAGS = CargoFlags()


def _without_jobs(args: Sequence[str], followed_by: Sequence[str]) -> tuple[str, ...]:
    """Arguments before others: how many jobs there are to be, the last of them says."""
    if not any(map(_JOBS.fullmatch, followed_by)):
        return tuple(args)
    followed = ("", *args)
    return tuple(
        arg
        for arg, before in zip(args, followed)
        if not _JOBS.fullmatch(arg) and before not in ("--jobs", "-j")
    )


def _without_repeated(before: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """Arguments to follow others: Cargo refuses a flag that has no value where it comes twice."""
    followers = (*args[1:], "-")
    return tuple(
        arg
        for arg, follower in zip(args, followers)
        if not (arg.startswith("-") and arg in before and follower.startswith("-"))
        or _JOBS.fullmatch(arg)
    )


@dataclass(frozen=True)
class CargoSettings:
    """How Cargo is called in a configuration.

    `command_prefix` is what runs Cargo, `toolchain` a channel of rustup; each may be empty.
    `passed_env` has names of environment variables, or patterns of them, that let Cargo work here:
    credentials, proxies. They do not decide what is built. With `unified_features`, programs that
    are built at once may change one another's features.
    """

    target: str
    cargo_profile: str
    flags: CargoFlags = NO_FLAGS
    linker: str | None = None
    strip: str = "strip"
    objcopy: str = "objcopy"
    command_prefix: tuple[str, ...] = ()
    toolchain: str = ""
    passed_env: tuple[str, ...] = ()
    unified_features: bool = False
    # Whether Git works where the sources are.
    git: bool = True

    def adding(self, flags: CargoFlags) -> CargoSettings:
        """The same with what a single action adds."""
        return replace(self, flags=self.flags + flags)

    def on_cores(self, cores: int) -> CargoSettings:
        """The same on a machine of so many cores. Nothing of it is to be in a key: what is built
        is the same on all machines."""
        return replace(self, flags=self.flags.on_cores(cores))

    def passed(self, variables: Mapping[str, str]) -> Mapping[str, str]:
        """Those of some environment variables that Cargo gets with the values that they have."""
        return {
            name: value
            for name, value in variables.items()
            if any(fnmatchcase(name, pattern) for pattern in self.passed_env)
            and name not in NOT_A_VARIABLE
        }

    def canonical(self) -> bytes:
        """All that decides what is built, always the same bytes for the same settings."""
        fields = asdict(self)
        del fields["passed_env"]
        # They came later: what is built without them keeps the keys that it had.
        if not self.unified_features:
            del fields["unified_features"]
        if self.git:
            del fields["git"]
        return json.dumps(fields, sort_keys=True).encode()


@dataclass(frozen=True)
class SettingsTable:
    """What is set for the configurations that have one of the values of each dimension in `when`.

    `flags` and `passed_env` are added to those of the tables before; the fields of `CargoSettings`
    in `prevailing` take their place.
    """

    when: tuple[tuple[str, tuple[object, ...]], ...]
    flags: CargoFlags
    passed_env: tuple[str, ...] = ()
    prevailing: tuple[tuple[str, Any], ...] = ()

    def applies(self, configuration: Configuration) -> bool:
        values = {
            "arch": configuration.arch.value,
            "profile": configuration.profile.value,
            "coverage": configuration.coverage,
            "sanitizer": configuration.sanitizer.value,
        }
        return all(values[dimension] in these for dimension, these in self.when)


@dataclass(frozen=True)
class CargoOptions:
    """All that the options say, for all configurations: tables, the more special later."""

    tables: tuple[SettingsTable, ...]
    unified_features: bool = False
    git: bool = True

    def settings(self, configuration: Configuration) -> CargoSettings:
        """What applies to a configuration."""
        settings = CargoSettings(
            target=f"{configuration.arch.value}-unknown-linux-gnu",
            cargo_profile=configuration.profile.value,
            unified_features=self.unified_features,
            git=self.git,
        )
        for table in self.tables:
            if table.applies(configuration):
                settings = replace(
                    settings.adding(table.flags),
                    passed_env=settings.passed_env + table.passed_env,
                    **dict(table.prevailing),
                )
        return settings

    def sanitizer_rustflags(self, sanitizer: Sanitizer) -> tuple[str, ...]:
        """The flags of rustc in a sanitizer's own table."""
        when = (("sanitizer", (sanitizer.value,)),)
        return next(table.flags.rustflags for table in self.tables if table.when == when)


def with_cargo(configuration: Configuration, options: CargoOptions) -> Configuration:
    """The configuration with what the strict scheme covers of the options for Cargo."""
    if configuration.scheme is not Scheme.STRICT:
        return configuration
    settings = {arch.value: options.settings(configuration.with_arch(arch)) for arch in Arch}
    canonical = ((arch, each.canonical().decode()) for arch, each in settings.items())
    return replace(configuration, cargo=tuple(canonical))
