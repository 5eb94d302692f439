"""`pants package`: the image in the local engine, and a file in `dist/` that tells of it."""

from __future__ import annotations

import json
import logging
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pants.base.build_root import BuildRoot
from pants.core.goals.package import (
    BuiltPackage,
    BuiltPackageArtifact,
    OutputPathField,
    PackageFieldSet,
)
from pants.core.util_rules import distdir
from pants.core.util_rules.distdir import DistDir
from pants.engine.fs import (
    EMPTY_DIGEST,
    AddPrefix,
    CreateDigest,
    Digest,
    FileContent,
    MergeDigests,
)
from pants.engine.process import Process, ProcessCacheScope
from pants.engine.rules import Rule
from pants.engine.unions import UnionRule

from mzbuild.core.plan.acquisition import Origin
from mzbuild.core.plan.ensured import ensured_lines
from mzbuild.core.text.table import some
from mzbuild.core.work_tree.own_files import own_file
from mzbuild.goals.outcome import NotPackaged
from mzbuild.goals.reporting import log_errors
from mzbuild.pants_api import (
    add_prefix,
    collect_rules,
    concurrently,
    create_digest,
    digest_to_snapshot,
    execute_process_or_raise,
    implicitly,
    merge_digests,
    uncacheable_rule,
)
from mzbuild.rules.acquire import (
    AcquiredImage,
    AcquireRequest,
    AcquisitionPlanRequest,
    acquire_image,
    acquisition_plan,
)
from mzbuild.rules.fingerprints import Fingerprints
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.pre_image import PreImageActions, PreImageRequest, run_pre_image
from mzbuild.rules.registries import ImageTags
from mzbuild.rules.selection import SelectedImages
from mzbuild.subsystems.mzbuild import Mzbuild
from mzbuild.target_types import ImageNameField

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackageImageFieldSet(PackageFieldSet):
    required_fields = (ImageNameField,)

    output_path: OutputPathField


@dataclass(frozen=True)
class PackagedImages:
    """What became of all images that the command packages, and of what had to be had for them, by
    name."""

    images: Mapping[str, AcquiredImage]

    @property
    def failure(self) -> str:
        """Says which images are missing, as the one that logs it finds out."""
        failed = [f"`{name}`" for name, image in self.images.items() if not image.result.ok]
        count = f"{len(failed)} of {len(self.images)} images failed"
        return NotPackaged(f"{count}: {some(failed)}.")


@dataclass(frozen=True)
class Beside:
    """What goes into `dist/` beside a package, and to no target that depends on it: it is not the
    same for each image of the same fingerprint."""

    # All paths are in `dist/`; this one is where Pants will write the package itself.
    package: str
    acquired: FileContent
    debug: Digest


@dataclass(frozen=True)
class Written:
    """The paths of the files that were written, from the root, with what is to be said of each."""

    files: tuple[tuple[str, str], ...]


@uncacheable_rule
async def package_images(
    selected: SelectedImages, images: Images, fingerprints: Fingerprints, mzbuild: Mzbuild
) -> PackagedImages:
    if not mzbuild.fail_fast:
        log_errors(selected.names, images.graph, fingerprints.errors)
    plan = await acquisition_plan(AcquisitionPlanRequest(selected.names), **implicitly())
    names = sorted({*selected.names, *plan.plan.told_of(selected.names)})
    acquired = await concurrently(
        acquire_image(AcquireRequest(name, selected.names), **implicitly()) for name in names
    )
    for line in ensured_lines([image.result for image in acquired]):
        logger.info(line)
    return PackagedImages(dict(zip(names, acquired)))


# What is beside it is written in each run.
@uncacheable_rule
async def package_image(
    field_set: PackageImageFieldSet,
    images: Images,
    fingerprints: Fingerprints,
    tags: ImageTags,
    selected: SelectedImages,
    known: PreImageActions,
    warnings: ImageWarnings,
) -> BuiltPackage:
    declared = images.at(field_set.address)
    name = declared.name
    # Pants packages all targets before it publishes the first one. Images that registries have
    # would be pulled for that, and one that cannot be built would stop all others.
    if selected.to_publish and name in selected.names:
        return BuiltPackage(EMPTY_DIGEST, ())
    is_selected = selected.to_package and name in selected.names
    if is_selected:
        packaged = await package_images(**implicitly())
        image = packaged.images[name]
        if not image.result.ok:
            return BuiltPackage(EMPTY_DIGEST, (BuiltPackageArtifact(None, (packaged.failure,)),))
    else:
        image = await acquire_image(AcquireRequest(name), **implicitly())
        image.check()
    result, origin, together = image.result, image.result.origin, image.together
    assert origin
    assert together
    description = {
        "name": name,
        "address": field_set.address.spec,
        "spec": result.spec,
        "fingerprint": fingerprints.fingerprints[name],
        "dependencies": [tags.local[dependency] for dependency in images.graph.dependencies[name]],
    }
    directory = field_set.address.spec_path.replace("/", ".")
    path = posixpath.join(directory, f"{name}.json")
    # Pants' default, a template in newer versions, has the target's name and not the image's.
    if field_set.output_path.value != field_set.output_path.default:
        path = field_set.output_path.value_or_default(file_ending="json")
    digest = await create_digest(CreateDigest([_json(path, description)]), **implicitly())
    if not is_selected:
        return BuiltPackage(digest, (BuiltPackageArtifact(path),))
    varying = {
        "image_id": image.image_id,
        "origin": origin.value,
        "seconds": round(result.seconds, 3),
    }
    # Whoever does not have to build an image does not have to wait for Cargo.
    actions = declared.pre_image if origin is Origin.BUILT else ()
    results = await concurrently(
        run_pre_image(**implicitly({each: PreImageRequest}))
        for each in (
            known.request(declared, action, together) for action in actions if action.leaves_debug
        )
    )
    debug = await merge_digests(MergeDigests(result.debug for result in results), **implicitly())
    debug = await add_prefix(AddPrefix(debug, posixpath.dirname(path)), **implicitly())
    acquired = _json(f"{posixpath.splitext(path)[0]}.acquired.json", {**description, **varying})
    written = await write_beside(Beside(path, acquired, debug), **implicitly())
    # Pants would say of each file that it was written, after the table that tells of each image.
    return BuiltPackage(
        digest, tuple(BuiltPackageArtifact(None, (f"Wrote {x}", y)) for x, y in written.files)
    )


def _json(path: str, value: Mapping[str, object]) -> FileContent:
    return FileContent(path, f"{json.dumps(value, indent=2)}\n".encode())


# Pants writes what a package consists of, and nothing else.
@uncacheable_rule
async def write_beside(beside: Beside, /, build_root: BuildRoot, dist: DistDir) -> Written:
    directory = str(build_root.pathlib_path / dist.relpath)
    debug = await digest_to_snapshot(beside.debug, **implicitly())
    file, *_ = (
        own_file(directory, *path.split("/"))
        for path in (beside.acquired.path, beside.package, *debug.files)
    )
    Path(file).write_bytes(beside.acquired.content)
    if debug.files:
        sources = sorted({path.split("/")[0] for path in debug.files})
        copy = Process(
            ("/bin/cp", "-R", "-f", *sources, directory),
            input_digest=beside.debug,
            description=f"Write debug information into {dist.relpath}",
            cache_scope=ProcessCacheScope.PER_SESSION,
        )
        await execute_process_or_raise(copy, **implicitly())
    return Written(tuple((str(dist.relpath / path), "Debug information") for path in debug.files))


def rules() -> tuple[Rule | UnionRule, ...]:
    return (
        *collect_rules(),
        *distdir.rules(),  # type: ignore[no-untyped-call]
        UnionRule(PackageFieldSet, PackageImageFieldSet),
    )
