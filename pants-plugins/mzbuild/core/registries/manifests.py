"""What registries keep of images: manifests of one image, and lists of them by architecture.

The formats: https://specs.opencontainers.org/image-spec/ and, older, those of Docker.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mzbuild.core.text.json_reader import read_json

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MEDIA_TYPES = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)

_DIGEST = re.compile("sha256:[0-9a-f]{64}")


class NotAManifestError(ValueError):
    """Some bytes are not the manifest that they should be."""


def digest_of(content: bytes) -> str:
    """The name that registries have for some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_digest(text: str | None) -> bool:
    """Whether a text is such a name."""
    return bool(text and _DIGEST.fullmatch(text))


@dataclass(frozen=True)
class Manifest:
    """A manifest as a registry has it: its bytes, which its digest is of, and their media type.

    Its properties raise `NotAManifestError` where the bytes are not what the media type says.
    """

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest_of(self.content)

    @property
    def is_list(self) -> bool:
        """Whether it is a list of manifests, one for each architecture."""
        return self.media_type in (OCI_INDEX, DOCKER_LIST)

    @cached_property
    def config_digest(self) -> str:
        """The digest of the image's configuration."""
        config = self._fields.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str) or not is_digest(digest):
            raise NotAManifestError("there is no configuration in it")
        return digest

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """The digests of a list's manifests, by their architectures as Go has them.

        What is in the list beside images for Linux (attestations, say) is left out.
        """
        parts = {}
        manifests = self._fields.get("manifests")
        for entry in manifests if isinstance(manifests, list) else ():
            try:
                platform, digest = entry["platform"], entry["digest"]
                if platform["os"] == "linux" and is_digest(digest):
                    parts[str(platform["architecture"])] = str(digest)
            except (LookupError, TypeError):
                continue
        return parts

    def check(self) -> None:
        """Raises `NotAManifestError` where the bytes are not what any manifest is made of."""
        if "schemaVersion" not in self._fields:
            raise NotAManifestError("it has no version")

    @cached_property
    def _fields(self) -> Mapping[str, Any]:
        return _json_object(self.content)


def parse_architecture(config: bytes) -> str:
    """The architecture that an image's configuration names, as Go has it; empty if it names none.

    Raises `NotAManifestError` for what is no configuration.
    """
    return str(_json_object(config).get("architecture", ""))


def manifest_list(parts: Mapping[str, Manifest]) -> Manifest:
    """The list of some images, by their architectures as Go has them.

    Equal parts give the same bytes, and so the same digest.
    """
    docker = all(part.media_type == DOCKER_MANIFEST for part in parts.values())
    media_type = DOCKER_LIST if docker else OCI_INDEX
    entries = [
        {
            "mediaType": part.media_type,
            "size": len(part.content),
            "digest": part.digest,
            "platform": {"architecture": architecture, "os": "linux"},
        }
        for architecture, part in sorted(parts.items())
    ]
    fields = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
    return Manifest(media_type, json.dumps(fields, indent=2).encode())


def _json_object(content: bytes) -> Mapping[str, Any]:
    try:
        fields = read_json(content)
    except ValueError:
        raise NotAManifestError("it is not JSON") from None
    if not isinstance(fields, dict):
        raise NotAManifestError("it is not a JSON object")
    return fields
