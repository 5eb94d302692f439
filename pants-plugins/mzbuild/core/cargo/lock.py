"""`Cargo.lock`: which packages a package from outside of the workspace brings along.

The format is Cargo's: https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mzbuild.core.text.toml_reader import read_toml


@dataclass(frozen=True)
class CargoLock:
    """The packages of a `Cargo.lock`, each as `name version`; of a member, the name alone."""

    dependencies: dict[str, tuple[str, ...]]
    _reached: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)

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

    def reached(self, package: str) -> frozenset[str]:
        """A package and all that it depends on, on whatever platform and for whatever feature."""
        if package not in self._reached:
            found: set[str] = set()
            pending = [package]
            while pending:
                each = pending.pop()
                if each not in found:
                    found.add(each)
                    pending.extend(self.dependencies.get(each, ()))
            self._reached[package] = frozenset(found)
        return self._reached[package]


def parse_cargo_lock(content: bytes, path: str) -> CargoLock:
    """Reads a `Cargo.lock`; raises `MzbuildError` for what is not TOML."""
    packages: list[dict[str, Any]] = read_toml(content, path).get("package", [])
    versions: dict[str, list[str]] = {}
    for package in packages:
        versions.setdefault(str(package.get("name")), []).append(_id(package))
    dependencies: dict[str, tuple[str, ...]] = {}
    for package in packages:
        brought = (_meant(str(each), versions) for each in package.get("dependencies", ()))
        # The same version may come from two sources: they are not told apart.
        known = dependencies.get(_id(package), ())
        dependencies[_id(package)] = (*known, *(each for meant in brought for each in meant))
    return CargoLock(dependencies)


def _id(package: dict[str, Any]) -> str:
    name = str(package.get("name"))
    return f"{name} {package.get('version')}" if "source" in package else name


def _meant(dependency: str, versions: dict[str, list[str]]) -> list[str]:
    """A dependency is written as `name`, `name version` or `name version (source)`: as briefly
    as possible."""
    name, _, rest = dependency.partition(" ")
    candidates = versions.get(name, [])
    exact = f"{name} {rest.partition(' ')[0]}"
    return [exact] if exact in candidates else candidates
