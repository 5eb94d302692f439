"""`pants mzbuild-bake`: images to be built without Pants, by `docker buildx bake`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from pants.core.util_rules import distdir
from pants.core.util_rules.distdir import DistDir
from pants.engine.console import Console
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    FileContent,
    MergeDigests,
    Workspace,
)
from pants.engine.rules import Rule
from pants.util.strutil import softwrap

from mzbuild.core.configuration import Configuration
from mzbuild.core.export.bake import BAKE_FILE, BakeTarget, bake_file
from mzbuild.core.fingerprint.inputs import ImageInputs
from mzbuild.core.image.arguments import build_arguments, image_labels
from mzbuild.goals.image_goal import ImageGoal
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.goals.reporting import log_errors
from mzbuild.pants_api import (
    add_prefix,
    collect_rules,
    concurrently,
    create_digest,
    implicitly,
    merge_digests,
    rule,
    uncacheable_rule,
)
from mzbuild.rules.docker_context import DockerContextRequest, docker_context
from mzbuild.rules.fingerprints import Fingerprints
from mzbuild.rules.images import Images, ImageWarnings
from mzbuild.rules.pre_image import ImagesToBuild
from mzbuild.rules.registries import ImageTags
from mzbuild.rules.selection import ReportedImages
from mzbuild.subsystems.mzbuild import Mzbuild


class BakeSubsystem(ImageGoal):
    name = "mzbuild-bake"
    help = softwrap(
        """
        Export images with all that they build on, to be built without Pants.

        For example, `pants mzbuild-bake ::` writes to `dist/mzbuild-bake` a `docker-bake.json` and,
        for each image, its context and its Dockerfile, with a `FROM` in the place of each `MZFROM`.
        Then `docker buildx bake -f dist/mzbuild-bake/docker-bake.json --load` builds all of them
        with the tags, labels and arguments that Pants would give them, and
        `docker buildx bake -f dist/mzbuild-bake/docker-bake.json environmentd` only that one. From
        another directory, set `MZBUILD_BAKE` to the path of `dist/mzbuild-bake`.

        The results of pre-image actions are part of a context, so this does run Cargo; it does not
        need Docker. Bake does need a Docker engine of version 23 or later, or another builder with
        BuildKit 0.10.
        """
    )


class Bake(GoalOutcome):
    pass


@dataclass(frozen=True)
class BakeExportRequest:
    """A request for images, by their names, and for all that they build on."""

    wanted: tuple[str, ...]
    # Where the files will lie, relative to the root.
    directory: PurePath


@dataclass(frozen=True)
class BakeExport:
    """All files that bake reads, in a directory with the name of the one that was asked for."""

    digest: Digest


@rule
async def export_for_bake(
    request: BakeExportRequest,
    /,
    images: Images,
    inputs: ImageInputs,
    fingerprints: Fingerprints,
    tags: ImageTags,
    configuration: Configuration,
) -> BakeExport:
    names = images.graph.closure(request.wanted)
    together = ImagesToBuild(configuration, tuple(sorted(names)))
    contexts = await concurrently(
        docker_context(DockerContextRequest(name, together, buildx=True), **implicitly())
        for name in names
    )
    exported = await concurrently(
        add_prefix(AddPrefix(context.digest, f"{request.directory.name}/{name}"), **implicitly())
        for name, context in zip(names, contexts)
    )
    targets = [
        BakeTarget(
            name,
            tuple(dict.fromkeys((tags.local[name], *(tag for _, tag in tags.published[name])))),
            {tags.local[base]: base for base in images.graph.dependencies[name]},
            build_arguments(images.graph.by_name[name], configuration),
            image_labels(
                images.graph.by_name[name], fingerprints.fingerprints[name], inputs.count(name)
            ),
        )
        for name in names
    ]
    file = bake_file(targets, request.wanted, configuration.arch, str(request.directory))
    beside = {
        BAKE_FILE: file.encode(),
        # Where nothing else has Git ignore `dist/`, the contexts would be taken for images.
        ".gitignore": b"*\n",
    }
    written = await create_digest(
        CreateDigest(
            FileContent(f"{request.directory.name}/{name}", content)
            for name, content in beside.items()
        ),
        **implicitly(),
    )
    return BakeExport(await merge_digests(MergeDigests((*exported, written)), **implicitly()))


@uncacheable_rule
async def bake(
    reported: ReportedImages,
    images: Images,
    fingerprints: Fingerprints,
    warnings: ImageWarnings,
    mzbuild: Mzbuild,
    distdir: DistDir,
    workspace: Workspace,
    console: Console,
) -> Bake:
    if mzbuild.fail_fast:
        fingerprints.check(images.graph, reported.names)
    code = log_errors(reported.names, images.graph, fingerprints.errors)
    sound = tuple(name for name in reported.names if name not in fingerprints.errors)
    if not sound:
        return Bake(code)
    directory = distdir.relpath / BakeSubsystem.name
    export = await export_for_bake(BakeExportRequest(sound, directory), **implicitly())
    # Nothing of an earlier export stays.
    workspace.write_digest(
        export.digest, path_prefix=str(distdir.relpath), clear_paths=(directory.name,)
    )
    console.print_stdout(f"docker buildx bake -f {directory}/{BAKE_FILE} --load")
    return Bake(code)


def rules() -> tuple[Rule, ...]:
    return (
        *collect_rules(),
        *goal_rules(BakeSubsystem, Bake, bake),
        *distdir.rules(),  # type: ignore[no-untyped-call]
    )
