"""What an image is built with besides its files: build arguments and labels."""

from __future__ import annotations

from collections.abc import Mapping

from mzbuild.core.configuration import Configuration
from mzbuild.core.docker.arguments import OWN_ARGUMENTS
from mzbuild.core.docker.labels import FINGERPRINT_LABEL
from mzbuild.core.image.declaration import Image


def build_arguments(image: Image, configuration: Configuration) -> Mapping[str, str]:
    """The build arguments that a Dockerfile gets: what it is built for, and the image's own."""
    arch = configuration.arch
    own = (configuration.profile.name, arch.value, arch.go_name, configuration.sanitizer.value)
    return {**dict(zip(OWN_ARGUMENTS, own)), **dict(image.build_args)}


def image_labels(image: Image, fingerprint: str, inputs: int) -> Mapping[str, str]:
    """The labels that an image carries.

    The standard ones are those of https://specs.opencontainers.org/image-spec/annotations/.
    There is none for a revision or a date: equal inputs are to give equal images.
    """
    labels = {
        FINGERPRINT_LABEL: fingerprint,
        "mzbuild.inputs": str(inputs),
        "org.opencontainers.image.title": image.name,
        "org.opencontainers.image.version": f"mzbuild-{fingerprint}",
    }
    if image.description:
        labels["org.opencontainers.image.description"] = image.description
    return labels
