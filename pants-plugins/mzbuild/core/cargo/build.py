"""What Cargo is asked to build for an image."""

from __future__ import annotations

from dataclasses import dataclass

from mzbuild.core.cargo.settings import NO_FLAGS, CargoFlags


@dataclass(frozen=True)
class CargoBuild:
    """Binaries and examples, and what is made of them for a context."""

    bins: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    strip: bool = True
    split_debuginfo: bool = False
    features: tuple[str, ...] = ()
    # Package, then pairs of a path in its build script's OUT_DIR and a path in the context.
    extract: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    # What is added to the settings of all builds.
    flags: CargoFlags = NO_FLAGS
