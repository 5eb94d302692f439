"""What Cargo tells of packages from elsewhere, and the compiler of platforms.

The format is Cargo's: https://doc.rust-lang.org/cargo/commands/cargo-metadata.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape as glob_escape
from glob import glob
from typing import Any

from mzbuild.core.cargo.command import cargo_command, scripts
from mzbuild.core.cargo.installed import file_status
from mzbuild.core.cargo.manifest import Dependency, DependencyKind
from mzbuild.core.cargo.settings import CargoFlags, CargoSettings
from mzbuild.core.cargo.staged_files import DIRECTORY
from mzbuild.core.safe import without_colours

# Cargo asks the compiler what holds on a platform, with the flags that it will compile with. This
# stands in between, and writes down the answers.
_PLATFORM_SCRIPT = "probe/platform"
_PLATFORMS = "probe/platforms"
_PLATFORM_RECORDER = """\
#!/bin/sh
platforms=${0%/*}/platforms
platform=host asked= last=
for argument; do
  [ "$last" != --target ] || platform=$argument
  [ "$argument" != --print=cfg ] || asked=yes
  last=$argument
done
[ "$asked" ] || exec "$@"
mkdir -p "$platforms"
"$@" >"$platforms/$platform.$$" || exit
mv "$platforms/$platform.$$" "$platforms/$platform"
cat "$platforms/$platform"
"""

_START = '{"packages":'
_ERROR = re.compile(r"^error: (.*)$", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by:\n +(.*)$", re.MULTILINE)
_HOST = re.compile(r"^host: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """What decides on features: dependencies; features, each with what it switches on; and whether
    it is a macro, which the compiler runs."""

    dependencies: tuple[Dependency, ...]
    features: Mapping[str, tuple[str, ...]]
    proc_macro: bool


@dataclass(frozen=True)
class Platform:
    """What is compiled for: the triple, and the lines of `rustc --print=cfg`."""

    triple: str
    cfg: frozenset[str]


@dataclass(frozen=True)
class CargoMetadata:
    """The packages from elsewhere, by `name version` as in a `CargoLock`, and the platforms of what
    is built and of the machine that compiles."""

    packages: Mapping[str, Package]
    target: Platform
    host: Platform


def metadata_args(settings: CargoSettings, compiler: str, *, offline: bool) -> tuple[str, ...]:
    """Arguments of `cargo` that have it tell of packages; what it lacks of them, it fetches, unless
    it is to stay offline.

    `compiler` is what `rustc -vV` says.
    """
    platforms = dict.fromkeys((settings.target, host_triple(compiler)))
    filters = (f"--filter-platform={triple}" for triple in platforms)
    # Whatever features are asked for, what they lead to is to be among them.
    args = ("metadata", "--format-version=1", "--locked", "--all-features", *filters)
    return (*args, "--offline") if offline else args


def metadata_command(
    cargo: str, settings: CargoSettings, compiler: str, workspace: str, *, offline: bool
) -> tuple[str, ...]:
    """The command line that has Cargo tell of packages, and write down platforms; it takes
    `metadata_scripts`. See `cargo_command`."""
    recording = (
        ("CARGO_CACHE_RUSTC_INFO", "0"),
        ("RUSTC_WRAPPER", f"{DIRECTORY}/{_PLATFORM_SCRIPT}"),
    )
    settings = settings.adding(CargoFlags(env=recording))
    args = metadata_args(settings, compiler, offline=offline)
    return cargo_command(cargo, args, settings, workspace)


def metadata_scripts(compiler: str) -> Mapping[str, str]:
    """The files that the command needs, as `cargo.command.scripts` has them."""
    return {**scripts(compiler), _PLATFORM_SCRIPT: _PLATFORM_RECORDER}


def read_metadata(
    output: str, directory: str, settings: CargoSettings, compiler: str
) -> CargoMetadata | None:
    """What a command has told, and written down in the directory of the build; None where there is
    nothing of it. This reads files."""
    host = host_triple(compiler)
    try:
        return CargoMetadata(
            parse_packages(output),
            Platform(settings.target, _platform(directory, settings.target)),
            Platform(host, _platform(directory, "host")),
        )
    except FileNotFoundError:
        return None


def failure(output: str) -> str:
    """Why a command has failed, in Cargo's own words: what it says first, and the last cause."""
    plain = without_colours(output)
    error = _ERROR.search(plain)
    causes = _CAUSE.findall(plain)
    return ": ".join([error[1] if error else plain.strip(), *causes[-1:]])


def fetched_state(env: Mapping[str, str]) -> object:
    """Something that is another when Cargo, run with `env`, may have fetched more packages. This
    looks at files."""
    home = env.get("CARGO_HOME") or os.path.join(env.get("HOME", ""), ".cargo")
    places = glob(os.path.join(glob_escape(home), "registry", "cache", "*"))
    places += [os.path.join(home, "git", "db")]
    return tuple((place, file_status(place)) for place in sorted(places))


def _platform(directory: str, name: str) -> frozenset[str]:
    with open(os.path.join(directory, _PLATFORMS, name)) as file:
        return frozenset(file.read().splitlines())


def host_triple(compiler: str) -> str:
    """The machine that compiles, by what `rustc -vV` says."""
    match = _HOST.search(compiler)
    return match[1] if match else ""


def parse_packages(output: str) -> Mapping[str, Package]:
    """The packages from elsewhere that `cargo metadata` tells of, by `name version`.

    A line of the output has them; there may be others. Two packages of the same version, from two
    places, are left out: `Cargo.lock` does not tell them apart.
    """
    line = next((line for line in output.splitlines() if line.startswith(_START)), "{}")
    found: dict[str, list[Package]] = {}
    for package in json.loads(line).get("packages", ()):
        if package["source"] is not None:
            name = f"{package['name']} {package['version']}"
            found.setdefault(name, []).append(_package(package))
    return {name: each[0] for name, each in found.items() if len(each) == 1}


def _package(package: Mapping[str, Any]) -> Package:
    return Package(
        tuple(_dependency(each) for each in package["dependencies"]),
        {name: tuple(values) for name, values in package["features"].items()},
        any("proc-macro" in target["kind"] for target in package["targets"]),
    )


def _dependency(dependency: Mapping[str, Any]) -> Dependency:
    kind = dependency["kind"]
    return Dependency(
        name=dependency["rename"] or dependency["name"],
        package=dependency["name"],
        kind=DependencyKind(f"{kind}-dependencies" if kind else "dependencies"),
        optional=dependency["optional"],
        default_features=dependency["uses_default_features"],
        features=tuple(dependency["features"]),
        platform=dependency["target"],
    )
