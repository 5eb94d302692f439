"""`pants package`: the image in the local engine, and a file in `dist/` that tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.engine.fs import CreateDigest, Digest, FileContent
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from mzbuild.rules.acquire import AcquiredImage, AcquireRequest
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.registries import ImageTags
from mzbuild.target_types import ImageNameField


@dataclass(frozen=True)
class PackageImageFieldSet(PackageFieldSet):
    required_fields = (ImageNameField,)

    output_path: OutputPathField


@rule
async def package_image(
    field_set: PackageImageFieldSet,
    images: Images,
    tags: ImageTags,
    warnings: ImageWarnings,
) -> BuiltPackage:
    name = images.at(field_set.address).name
    image = await Get(AcquiredImage, AcquireRequest(name))
    description = {
        "name": name,
        "address": field_set.address.spec,
        "spec": image.spec,
        "fingerprint": image.fingerprint,
        "image_id": image.image_id,
        "origin": image.origin.value,
        "seconds": round(image.seconds, 3),
        "dependencies": [tags.local[dependency] for dependency in images.graph.dependencies[name]],
    }
    path = field_set.output_path.value_or_default(file_ending="json")
    content = json.dumps(description, indent=2) + "\n"
    digest = await Get(Digest, CreateDigest([FileContent(path, content.encode())]))
    told = f"{image.origin.value.capitalize()} {image.spec}"
    return BuiltPackage(digest, (BuiltPackageArtifact(path, (told,)),))


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), UnionRule(PackageFieldSet, PackageImageFieldSet))
