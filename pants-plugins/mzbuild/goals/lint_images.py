"""`pants lint`: what is amiss with images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.core.goals.lint import LintResult, LintTargetsRequest
from pants.core.util_rules.partitions import Partitions
from pants.engine.addresses import Address
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Rule
from pants.engine.target import FieldSet
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel
from pants.util.meta import classproperty

from mzbuild.core.actions.action import Repository, Result
from mzbuild.core.configuration import Configuration
from mzbuild.core.fingerprint.inputs import ImageInputs, context_paths
from mzbuild.core.git.commands import ignored_paths
from mzbuild.core.image.context import DOCKERFILE, IGNORE_FILE
from mzbuild.core.image.declaration import Image
from mzbuild.core.lint.findings import Linted, LintedImage
from mzbuild.core.lint.rules import findings_lines, lint
from mzbuild.core.paths import under
from mzbuild.core.work_tree.files import WorkTree, read_content
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, implicitly, rule, uncacheable_rule
from mzbuild.rules.fingerprints import MissedInputs
from mzbuild.rules.images import Images
from mzbuild.rules.repository import CONTENTS, DeclaredImages
from mzbuild.subsystems.mzbuild_lint import MzbuildLint
from mzbuild.target_types import ImageNameField

_READ = (DOCKERFILE, IGNORE_FILE, f"{DOCKERFILE}{IGNORE_FILE}", "mzbuild.yml")


@dataclass(frozen=True)
class ImageLintFieldSet(FieldSet):
    required_fields = (ImageNameField,)

    image_name: ImageNameField


class MzbuildLintRequest(LintTargetsRequest):
    tool_subsystem = MzbuildLint
    field_set_type = ImageLintFieldSet

    @classproperty
    def tool_name(cls) -> str:  # noqa: N805  # It is a property of the class.
        return MzbuildLint.name

    @classproperty
    def tool_id(cls) -> str:  # noqa: N805  # Likewise.
        return MzbuildLint.name


@dataclass(frozen=True)
class LintedAddresses:
    """The addresses of all images that are linted: Pants would split a list of them into batches,
    and what concerns several images, and their number, would be told by each."""

    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class IgnoredPathsRequest:
    """A request for those of some paths that Git's ignore rules match."""

    paths: tuple[str, ...]


@dataclass(frozen=True)
class IgnoredPaths:
    """The paths that Git's ignore rules match."""

    paths: frozenset[str]


# Ignore rules are in files that are no inputs, and outside of the repository as well.
@uncacheable_rule
def find_ignored_paths(
    request: IgnoredPathsRequest, /, work_tree: WorkTree, session_values: SessionValues
) -> IgnoredPaths:
    env: Mapping[str, str] = session_values[CompleteEnvironmentVars]
    return IgnoredPaths(ignored_paths(work_tree.root, env, request.paths))


@rule
async def lint_together(
    request: MzbuildLintRequest.PartitionRequest[ImageLintFieldSet], subsystem: MzbuildLint
) -> Partitions[LintedAddresses, Any]:
    if subsystem.skip or not request.field_sets:
        return Partitions()
    addresses = tuple(field_set.address for field_set in request.field_sets)
    return Partitions.single_partition([LintedAddresses(addresses)])


@rule(desc="Lint images with mzbuild", level=LogLevel.DEBUG)
async def lint_images(
    request: MzbuildLintRequest.Batch[LintedAddresses, Any],
    subsystem: MzbuildLint,
    images: Images,
    inputs: ImageInputs,
    missed: MissedInputs,
    declared: DeclaredImages,
    repository: Repository,
    configuration: Configuration,
    work_tree: WorkTree,
    listing: Listing,
) -> LintResult:
    selected = [
        images.graph.by_name[images.names[address]]
        for linted in request.elements
        for address in linted.addresses
        if address in images.names
    ]
    errors = {**inputs.errors, **images.graph.errors}
    broken = {image: errors[image.name] for image in selected if image.name in errors}
    sound = [image for image in selected if image not in broken]
    results = {
        image.name: {
            path: result
            for action in image.pre_image
            for path, result in action.results(image, repository).items()
        }
        for image in sound
    }
    made = {
        name: {under(images.graph.by_name[name].context, path): path for path in paths}
        for name, paths in results.items()
    }
    paths = tuple(path for each in made.values() for path in each if path not in listing)
    ignored = await find_ignored_paths(IgnoredPathsRequest(paths), **implicitly())
    unignored = frozenset(paths) - ignored.paths
    warnings = {file.image.origin: file.warnings for file in declared.files}
    checked = Linted(
        tuple(
            LintedImage(
                image,
                _contents(image, listing, work_tree),
                _sizes(image, inputs, results[image.name], listing, work_tree),
                results[image.name],
                frozenset(made[image.name][path] for path in unignored & made[image.name].keys()),
                missed.of(image.name, inputs, work_tree),
                tuple(
                    complaint
                    for action in image.pre_image
                    for complaint in action.complaints(image, repository, configuration)
                ),
                frozenset(images.graph.by_name),
                warnings.get(image.origin, ()),
                subsystem.max_context_size,
            )
            for image in sound
        ),
        broken,
        {
            under(image.context, name): content
            for image in broken
            for name, content in _contents(image, listing, work_tree).items()
        },
    )
    findings = lint(checked, subsystem.ignored)
    return LintResult(
        exit_code=1 if findings else 0,
        stdout="".join(f"{line}\n" for line in findings_lines(findings)),
        stderr="",
        linter_name=request.tool_name,
    )


def _contents(image: Image, listing: Listing, work_tree: WorkTree) -> Mapping[str, bytes]:
    paths = {name: under(image.context, name) for name in _READ}
    return {
        name: read_content(work_tree.absolute(path))
        for name, path in paths.items()
        if path in listing
    }


def _sizes(
    image: Image,
    inputs: ImageInputs,
    results: Mapping[str, Result],
    listing: Listing,
    work_tree: WorkTree,
) -> Mapping[str, int]:
    start = len(image.context) + 1 if image.context else 0
    paths = {path[start:]: path for path in context_paths(inputs.groups[image.name])}
    paths.update({path: result.original for path, result in results.items() if result.original})
    return {
        name: CONTENTS.get(work_tree, path).size for name, path in paths.items() if path in listing
    }


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), *MzbuildLintRequest.rules())
