"""The names that images have for Docker."""

from __future__ import annotations


def image_spec(registry: str, prefix: str, name: str, fingerprint: str) -> str:
    """The name of an image with a fingerprint: `<registry>/<prefix><name>:mzbuild-<fingerprint>`.

    Without a registry, the name is local to the engine.
    """
    repository = f"{registry.rstrip('/')}/{prefix}{name}" if registry else f"{prefix}{name}"
    return f"{repository}:mzbuild-{fingerprint}"
