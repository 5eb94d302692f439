"""What a build is configured for: everything of the options that a fingerprint depends on."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from enum import Enum

from mzbuild.core.errors import MzbuildError, closest, listed

# What other tools call the values of options.
_MEANT = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "x86-64": "x86_64",
    "arm64": "aarch64",
    "debug": "dev",
    "opt": "optimized",
    "prod": "release",
    "asan": "address",
    "hwasan": "hwaddress",
    "tsan": "thread",
    "lsan": "leak",
    "ubsan": "undefined",
    "off": "none",
}


class _Choice(Enum):
    """The values of an option."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        """Raises `MzbuildError` with the value that is meant, where that can be told."""
        known = [member.value for member in cls]
        typed = str(value)
        meant = _MEANT.get(typed.casefold(), typed)
        near = meant if meant in known else closest(meant, known)
        if near is not None:
            raise MzbuildError(
                f"There is no {cls.__name__.lower()} `{typed}`. Did you mean `{near}`? It is one "
                f"of {listed(known)}."
            )


class Arch(_Choice):
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


class Profile(_Choice):
    """The Cargo profile that binaries are built with."""

    OPTIMIZED = "optimized"
    RELEASE = "release"
    DEV = "dev"


class Sanitizer(_Choice):
    """The compiler's run-time checker that binaries are built with."""

    NONE = "none"
    ADDRESS = "address"
    HWADDRESS = "hwaddress"
    CFI = "cfi"
    THREAD = "thread"
    LEAK = "leak"
    UNDEFINED = "undefined"


class Scheme(_Choice):
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
