"""What a build is configured for: everything of the options that a fingerprint depends on."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from enum import Enum


class Arch(Enum):
    """The architecture that images are built for, by its GCC name."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"

    @property
    def go_name(self) -> str:
        """The name that Go and Docker have for it."""
        return "amd64" if self is Arch.X86_64 else "arm64"

    @classmethod
    def host(cls) -> Arch:
        """The architecture of this machine; an unknown one counts as x86_64."""
        return cls.AARCH64 if platform.machine() in ("aarch64", "arm64") else cls.X86_64


class Profile(Enum):
    """The Cargo profile that binaries are built with."""

    OPTIMIZED = "optimized"
    RELEASE = "release"
    DEV = "dev"


class Sanitizer(Enum):
    """The compiler's run-time checker that binaries are built with."""

    NONE = "none"
    ADDRESS = "address"
    HWADDRESS = "hwaddress"
    CFI = "cfi"
    THREAD = "thread"
    LEAK = "leak"
    UNDEFINED = "undefined"


class Scheme(Enum):
    """How fingerprints are computed: as the teams' registries know them, or with no known gaps."""

    MZBUILD = "mzbuild"
    STRICT = "strict"


@dataclass(frozen=True)
class Configuration:
    """The options that fingerprints depend on."""

    arch: Arch
    profile: Profile
    coverage: bool
    sanitizer: Sanitizer
    scheme: Scheme
    # How Cargo is called for each architecture, in the strict scheme: by name, in canonical form.
    cargo: tuple[tuple[str, str], ...] = ()

    def with_arch(self, arch: Arch) -> Configuration:
        """The same for another architecture."""
        return replace(self, arch=arch)


# What holds where nobody says anything else.
DEFAULTS = Configuration(
    arch=Arch.host(),
    profile=Profile.OPTIMIZED,
    coverage=False,
    sanitizer=Sanitizer.NONE,
    scheme=Scheme.MZBUILD,
)
