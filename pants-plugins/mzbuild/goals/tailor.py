"""`pants tailor`: BUILD files for images, where a team prefers them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from pants.core.goals import tailor
from pants.core.goals.tailor import (
    PutativeTarget,
    PutativeTargets,
    PutativeTargetsRequest,
)
from pants.engine.addresses import BuildFileAddressRequest
from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.engine.unions import UnionRule

from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.image.tailoring import image_names
from mzbuild.pants_api import (
    all_owned_sources,
    collect_rules,
    concurrently,
    find_build_file,
    implicitly,
    paths_of_globs,
    rule,
)
from mzbuild.rules.build_files import DeclaredTargets
from mzbuild.rules.declarations import Declarations
from mzbuild.rules.images import MzbuildTargets
from mzbuild.subsystems.mzbuild import Mzbuild
from mzbuild.target_types import ImageNameField, InputsField, MzbuildImageTarget


@dataclass(frozen=True)
class PutativeImagesRequest(PutativeTargetsRequest):
    pass


@rule
async def putative_images(
    request: PutativeImagesRequest,
    mzbuild: Mzbuild,
    targets: MzbuildTargets,
    declarations: Declarations,
    declared: DeclaredTargets,
) -> PutativeTargets:
    if not mzbuild.tailor:
        return PutativeTargets()
    directories = set(request.dirs)
    # Pants would not propose the name of a target that is there, but it is that very target, made
    # without a BUILD file, whose place this one takes. So it has the name of its file in its own
    # until it is written.
    images = [image for image in declarations.images if image.context in directories]
    declared_in = await concurrently(
        find_build_file(
            BuildFileAddressRequest(
                targets.images[image.context].address, description_of_origin=image.origin
            ),
            **implicitly(),
        )
        for image in images
    )
    beside_file = [
        _putative(
            image.context,
            f"{name} of {FILE_NAME}",
            {"name": name, **_sources(targets.images[image.context])},
        )
        for image, address in zip(images, declared_in)
        for name in [declared.image_target_name(image)]
        if address.rel_path == image.origin
    ]
    dockerfiles = await paths_of_globs(request.path_globs("Dockerfile"), **implicitly())
    owned = await all_owned_sources(**implicitly())
    contexts = {posixpath.dirname(path) for path in set(dockerfiles.files) - set(owned)}
    taken = [
        target[ImageNameField].value or target.address.target_name
        for target in targets.images.values()
    ]
    alone = [
        _putative(
            context,
            posixpath.basename(context) or name,
            {} if name == posixpath.basename(context) else {ImageNameField.alias: name},
        )
        for context, name in image_names(contexts - set(targets.images), taken).items()
    ]
    return PutativeTargets([*beside_file, *alone])


def _sources(made: Target) -> dict[str, tuple[str, ...]]:
    """The `sources` that a target needs to own the same files as the one whose place it takes."""
    sources = tuple(made[InputsField].value or ())
    return {} if sources == InputsField.default else {InputsField.alias: sources}


def _putative(
    context: str, name: str, fields: Mapping[str, str | tuple[str, ...]]
) -> PutativeTarget:
    # Without sources, so that Pants does not narrow them down to what no other target owns.
    return PutativeTarget(context, name, MzbuildImageTarget.alias, (), (), kwargs=fields)


def rules() -> tuple[Rule | UnionRule, ...]:
    return (
        *collect_rules(),
        *tailor.rules(),  # type: ignore[no-untyped-call]
        UnionRule(PutativeTargetsRequest, PutativeImagesRequest),
    )
