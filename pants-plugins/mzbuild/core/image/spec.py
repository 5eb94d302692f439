"""The names that images have for Docker, and what Docker allows in them.

The grammar: https://github.com/distribution/reference/blob/main/regexp.go. What begins as it says
is never taken for an option of a command either.
"""

from __future__ import annotations

import re

from mzbuild.core.errors import MzbuildError

HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(:(?P<port>[0-9]{1,5}))?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_LONGEST = 255  # characters, without the tag


def is_component(text: str) -> bool:
    """Whether a text can stand between the slashes of an image reference."""
    return _COMPONENT.fullmatch(text) is not None


def is_host(component: str) -> bool:
    """Whether Docker takes the first component of an image reference for a host."""
    return component == "localhost" or any(mark in component for mark in ".:")


def image_spec(registry: str, prefix: str, name: str, fingerprint: str) -> str:
    """The name of an image with a fingerprint: `<registry>/<prefix><name>:mzbuild-<fingerprint>`.

    Without a registry, the name is local to the engine. Raises `MzbuildError` where Docker takes no
    such name.
    """
    repository = f"{registry.rstrip('/')}/{prefix}{name}" if registry else f"{prefix}{name}"
    first, *path = repository.split("/")
    host = bool(path) and is_host(first) and HOST.fullmatch(first) is not None
    components = path if host else [first, *path]
    if not all(map(is_component, components)) or len(repository) > _LONGEST:
        raise MzbuildError(
            f"[mzbuild].image_registry and image_prefix make `{repository}` of the image `{name}`, "
            "which Docker does not allow: between the slashes, it takes lower-case letters and "
            f"digits, with `.`, `_` or `-` between them, and {_LONGEST} characters in all."
        )
    return f"{repository}:mzbuild-{fingerprint}"


def fingerprint_of(spec: str) -> str:
    """The fingerprint in an image's name; empty where there is none."""
    return spec.rpartition(":mzbuild-")[2] if ":mzbuild-" in spec else ""
