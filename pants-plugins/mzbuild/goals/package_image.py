"""`pants package`: the image in the local engine, and a file in `dist/` that tells of it."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass

from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.engine.fs import (
    EMPTY_DIGEST,
    AddPrefix,
    CreateDigest,
    Digest,
    FileContent,
    MergeDigests,
    Snapshot,
)
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from mzbuild.core.image.declaration import CargoBuild
from mzbuild.core.plan.acquisition import Origin
from mzbuild.rules.acquire import AcquiredImage, AcquireRequest
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.pre_image import PreImageRequest, PreImageResult
from mzbuild.rules.registries import ImageTags
from mzbuild.rules.selection import SelectedImages
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
    selected: SelectedImages,
    warnings: ImageWarnings,
) -> BuiltPackage:
    declared = images.at(field_set.address)
    name = declared.name
    # Pants packages all targets before it publishes the first one. Images that registries have
    # would be pulled for that, and one that cannot be built would stop all others.
    if selected.to_publish and name in selected.names:
        return BuiltPackage(EMPTY_DIGEST, ())
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
    told = f"{image.origin.value.capitalize()} {image.spec}"
    described = await Get(Digest, CreateDigest([FileContent(path, content.encode())]))
    # Whoever does not have to build an image does not have to wait for Cargo.
    actions = declared.pre_image if image.origin is Origin.BUILT else ()
    results = await MultiGet(
        Get(PreImageResult, PreImageRequest(declared, action, image.batch))
        for action in actions
        if isinstance(action, CargoBuild) and action.split_debuginfo
    )
    debug = await Get(Digest, MergeDigests(result.debug for result in results))
    beside = await Get(Snapshot, AddPrefix(debug, posixpath.dirname(path)))
    artifacts = [BuiltPackageArtifact(path, (told,))]
    artifacts += [BuiltPackageArtifact(file, ("Debug information",)) for file in beside.files]
    return BuiltPackage(
        await Get(Digest, MergeDigests((described, beside.digest))), tuple(artifacts)
    )


def rules() -> tuple[Rule | UnionRule, ...]:
    return (*collect_rules(), UnionRule(PackageFieldSet, PackageImageFieldSet))
