"""`Cargo.lock`: which packages a package from outside of the workspace brings along.

The format is Cargo's: https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mzbuild.core.text.toml_reader import read_toml


@dataclass(frozen=True)
class CargoLock:
    """The packages of a `Cargo.lock`, each as `name version`; of a member, the name alone."""

    dependencies: dict[str, tuple[str, ...]]

    def external(self, member: str, package: str) -> str | None:
        """The package that a member gets when it asks for one of this name.

        None where the lock file does not tell, since it has none such, or several.
        """
        found = self.named(member, package)
        return found[0] if len(found) == 1 else None

    def named(self, member: str, package: str) -> list[str]:
        """The packages of a name that a member may get."""
        return [
            each
            for each in self.dependencies.get(member, ())
            if each.partition(" ")[0] == package and each in self.dependencies
        ]

    def has_external(self, name: str) -> bool:
        """Whether there is a package of a name that is not of the repository."""
        return any(each.startswith(f"{name} ") for each in self.dependencies)

    @property
    def external_packages(self) -> bool:
        """Whether there is any that is not of the repository."""
        return any(" " in name for name in self.dependencies)

    def reached(self, packages: Iterable[str]) -> frozenset[str]:
        """Packages and all that they depend on, on whatever platform and for whatever feature."""
        found: set[str] = set()
        pending = [*packages]
        while pending:
            each = pending.pop()
            if each not in found:
                found.add(each)
                pending.extend(self.dependencies.get(each, ()))
        return frozenset(found)


def parse_cargo_lock(content: bytes, path: str) -> CargoLock:
    """Reads a `Cargo.lock`; raises `MzbuildError` for what is not TOML."""
    packages: list[dict[str, Any]] = read_toml(content, path).get("package", [])
    versions: dict[str, dict[str, None]] = {}
    for package in packages:
        versions.setdefault(str(package.get("name")), {})[_id(package)] = None
    # The same version may come from two sources: they are not told apart.
    dependencies: dict[str, list[str]] = {}
    for package in packages:
        brought = (_meant(str(each), versions) for each in package.get("dependencies", ()))
        dependencies.setdefault(_id(package), []).extend(filter(None, brought))
    return CargoLock({package: tuple(found) for package, found in dependencies.items()})


def _id(package: dict[str, Any]) -> str:
    name = str(package.get("name"))
    return f"{name} {package.get('version')}" if "source" in package else name


def _meant(dependency: str, versions: dict[str, dict[str, None]]) -> str | None:
    """A dependency is written as `name`, `name version` or `name version (source)`: as briefly
    as possible."""
    name, _, rest = dependency.partition(" ")
    candidates = versions.get(name, {})
    exact = f"{name} {rest.partition(' ')[0]}"
    if exact in candidates:
        return exact
    # Of a member, the version is not kept. Cargo refuses a name that may mean several packages.
    return name if name in candidates else next(iter(candidates)) if len(candidates) == 1 else None
