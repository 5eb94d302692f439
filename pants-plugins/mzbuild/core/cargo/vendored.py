"""What the repository has of other people's crates, and which of them a program is made of.

Cargo takes such a crate as it lies there: `Cargo.lock` has no checksum of what comes from a Git
repository, and people who patch a crate drop the checksums of its files.
https://doc.rust-lang.org/cargo/reference/source-replacement.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Callable

from mzbuild.core.cargo.lock import CargoLock
from mzbuild.core.cargo.manifest import CargoToml, DependencyKind
from mzbuild.core.cargo.workspace import ROOT_MANIFEST, Crate, VendoredPackage
from mzbuild.core.errors import MzbuildError
from mzbuild.core.paths import under
from mzbuild.core.work_tree.listing import Listing


@dataclass(frozen=True)
class Vendored:
    """All that is vendored, and what `Cargo.lock`, if there is one, tells of it."""

    packages: tuple[VendoredPackage, ...] = ()
    lock: CargoLock | None = None

    @cached_property
    def paths(self) -> frozenset[str]:
        """The files of all packages."""
        return frozenset(path for package in self.packages for path in package.paths)

    def of(self, crates: Iterable[Crate], roots: Iterable[Crate]) -> tuple[VendoredPackage, ...]:
        """The packages that crates are built with; `roots` are those with examples.

        Without a lock file, nothing tells them from the others.
        """
        if self.lock is None:
            return self.packages
        with_examples = {crate.name for crate in roots}
        used = (
            package
            for crate in crates
            for dependency in crate.dependencies
            if dependency.kind is not DependencyKind.DEV or crate.name in with_examples
            if dependency.directory is None
            for package in self.lock.named(crate.package, dependency.package)
        )
        reached = self.lock.reached(used)
        return tuple(each for each in self.packages if f"{each.name} {each.version}" in reached)


NOTHING_VENDORED = Vendored()


def vendored_packages(
    listing: Listing, directories: Iterable[str], at: Callable[[str], CargoToml | None]
) -> tuple[VendoredPackage, ...]:
    """What lies in the directories of sources; `at` gives the manifest in a directory, if any."""
    files: dict[str, list[str]] = {}
    for source in dict.fromkeys(directories):
        for path in listing.under(source):
            name, slash, _ = path[len(source) + 1 :].partition("/")
            directory = under(source, name)
            is_package = slash or under(directory, ROOT_MANIFEST) in listing
            files.setdefault(directory if is_package else source, []).append(path)
    return tuple(
        _package(directory, listing.followed(files[directory]), at) for directory in sorted(files)
    )


def _package(
    directory: str, paths: tuple[str, ...], at: Callable[[str], CargoToml | None]
) -> VendoredPackage:
    try:
        toml = at(directory)
    except MzbuildError:
        toml = None  # Cargo says best what is wrong with it.
    if toml is None or toml.package is None:
        return VendoredPackage(directory, paths)
    return VendoredPackage(directory, paths, toml.package.name, toml.package.version)
