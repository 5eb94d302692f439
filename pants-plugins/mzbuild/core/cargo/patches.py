"""The crates of the repository that Cargo takes in the place of others.

Manifests and configuration files name them by `[patch]`, and configuration files by `paths`:
https://doc.rust-lang.org/cargo/reference/overriding-dependencies.html
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Callable

from mzbuild.core.cargo.config_file import CargoConfig
from mzbuild.core.cargo.manifest import CargoToml, Dependency
from mzbuild.core.cargo.workspace import ROOT_MANIFEST, no_crate_at
from mzbuild.core.errors import MzbuildError
from mzbuild.core.work_tree.listing import Listing


def patched_crates(
    listing: Listing,
    at: Callable[[str], CargoToml | None],
    root_manifest: str,
    patches: Iterable[Dependency],
    config: CargoConfig,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The directories of such crates, and what Cargo would refuse, in words.

    `at` gives the manifest in a directory, if there is one; `patches` are the root manifest's.
    """
    # By their names: the first one prevails, and the configuration does over the manifest.
    found: dict[str, str] = {}
    problems = []
    for path, patch in (*config.patches, *((root_manifest, patch) for patch in patches)):
        toml = None if patch.directory is None else at(patch.directory)
        if patch.directory is None or toml is None or toml.package is None:
            problems.append(no_crate_at(path, patch))
        else:
            found.setdefault(patch.name, patch.directory)
    for file, override in config.overrides:
        manifests = [path for path in listing.under(override) if _is_manifest(path)]
        if not manifests:
            problems.append(
                f"{file}: `paths` has `{override}`, but Git sees no `Cargo.toml` in there. Correct "
                "the path, or have Git see the crate."
            )
        for path in manifests:
            # Cargo does not mind either what is no crate: the data of a test, say.
            with suppress(MzbuildError):
                directory = path.rpartition("/")[0]
                toml = at(directory)
                if toml is not None and toml.package is not None:
                    found.setdefault(toml.package.name, directory)
    return tuple(dict.fromkeys(found.values())), tuple(problems)


def _is_manifest(path: str) -> bool:
    return path.rpartition("/")[2] == ROOT_MANIFEST
