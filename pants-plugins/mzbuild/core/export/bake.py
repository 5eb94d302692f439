"""A build that needs nothing but Docker: the file that `docker buildx bake` reads.

The format is that of https://docs.docker.com/build/bake/reference. It needs a builder that knows
named contexts: BuildKit 0.10 or later, which the Docker engine has since version 23.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mzbuild.core.configuration import Arch
from mzbuild.core.docker.arguments import familiar
from mzbuild.core.image.context import CONTEXT, DOCKERFILE

BAKE_FILE = "docker-bake.json"

# Paths in the file are relative to where bake runs. By this variable of the environment, the
# directory with the file can be moved.
_DIRECTORY_VARIABLE = "MZBUILD_BAKE"


@dataclass(frozen=True)
class BakeTarget:
    """An image to build. `bases` are the images that it builds on: names by `FROM`'s specs."""

    name: str
    tags: tuple[str, ...]
    bases: Mapping[str, str]
    build_arguments: Mapping[str, str]
    labels: Mapping[str, str]


def bake_file(
    targets: Sequence[BakeTarget], wanted: Sequence[str], arch: Arch, directory: str
) -> str:
    """The content of a file that builds images, the `wanted` ones unless others are asked for.

    `directory` has, by each target's name, a directory with what Docker reads to build it, laid
    out as `core.context` says.
    """
    file = {
        "variable": {_DIRECTORY_VARIABLE: {"default": directory}},
        "group": {"default": {"targets": wanted}},
        "target": {target.name: _target(target, arch) for target in targets},
    }
    return json.dumps(file, indent=2) + "\n"


def _target(target: BakeTarget, arch: Arch) -> Mapping[str, object]:
    return {
        "context": f"${{{_DIRECTORY_VARIABLE}}}/{target.name}/{CONTEXT}",
        "dockerfile": f"../{DOCKERFILE}",
        # Docker looks for a named context under the short name of what stands in `FROM`.
        "contexts": {familiar(spec): f"target:{name}" for spec, name in target.bases.items()},
        "args": _literal(target.build_arguments),
        "labels": _literal(target.labels),
        "tags": target.tags,
        "platforms": [f"linux/{arch.go_name}"],
        # As in our own builds: equal inputs are to give equal images.
        "attest": ["type=provenance,disabled=true"],
    }


def _literal(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Keys and values that bake, for which all strings are templates, takes as they are."""
    return {_escaped(key): _escaped(value) for key, value in texts.items()}


def _escaped(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")
