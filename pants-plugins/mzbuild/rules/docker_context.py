"""The context of an image as Docker gets it: inputs, results of actions, a rewritten Dockerfile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pants.engine.fs import CreateDigest, Digest, FileContent
from pants.engine.rules import Rule

from mzbuild.core.docker.mzfrom import rewrite_mzfrom
from mzbuild.core.fingerprint.inputs import ImageInputs, context_paths
from mzbuild.core.image.context import DOCKERFILE, add_results, check_clash, docker_files
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    create_digest,
    get_digest_contents,
    get_digest_entries,
    implicitly,
    rule,
)
from mzbuild.rules.captured_files import (
    capture_files,
    files_to_capture,
)
from mzbuild.rules.images import Images
from mzbuild.rules.pre_image import (
    Entry,
    ImagesToBuild,
    PreImageActions,
    PreImageRequest,
    run_pre_image,
)
from mzbuild.rules.registries import ImageTagsRequest, configured_tags


@dataclass(frozen=True)
class DockerContextRequest:
    """A request for what Docker reads to build an image, by the image's name."""

    name: str
    # All images that the command builds.
    together: ImagesToBuild
    # Whether it is buildx that reads it.
    buildx: bool


@dataclass(frozen=True)
class DockerContext:
    """What Docker reads, laid out as `core.context` says; and the Dockerfile in it."""

    digest: Digest
    dockerfile: bytes


@rule
async def docker_context(
    request: DockerContextRequest,
    /,
    images: Images,
    inputs: ImageInputs,
    actions: PreImageActions,
    work_tree: WorkTree,
) -> DockerContext:
    image = images.graph.by_name[request.name]
    paths = [
        path for path in context_paths(inputs.groups[image.name]) if path in work_tree.statuses
    ]
    captured, captured_dockerfile = await concurrently(
        capture_files(files_to_capture(work_tree, files, follow_links=follow), **implicitly())
        for files, follow in ((paths, False), ([image.dockerfile], True))
    )
    results = await concurrently(
        run_pre_image(**implicitly({each: PreImageRequest}))
        for each in (actions.request(image, action, request.together) for action in image.pre_image)
    )
    start = len(image.context) + 1 if image.context else 0
    files: dict[str, Entry] = {entry.path[start:]: entry for entry in captured.entries}
    made_by: dict[str, str] = {}
    for action, result in zip(image.pre_image, results):
        made = {entry.path: entry for entry in result.entries}
        if not action.replaces:
            check_clash(files, made_by, made, action.label, image.origin)
        files = add_results(files, made, image.origin)
        made_by.update(dict.fromkeys(made, action.label))

    (original,) = await get_digest_contents(captured_dockerfile.digest, **implicitly())
    tags = await configured_tags(ImageTagsRequest(request.together.configuration), **implicitly())
    names = {name: tags.local[name] for name in images.graph.dependencies[image.name]}
    dockerfile = rewrite_mzfrom(original.content, names)
    rewritten = await create_digest(
        CreateDigest([FileContent(DOCKERFILE, dockerfile)]), **implicitly()
    )
    (entry,) = await get_digest_entries(rewritten, **implicitly())
    digest = await create_digest(
        CreateDigest(
            replace(file, path=path)
            for path, file in docker_files(files, entry, buildx=request.buildx)
        ),
        **implicitly(),
    )
    return DockerContext(digest, dockerfile)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
