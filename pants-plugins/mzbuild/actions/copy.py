"""The `copy` pre-image action: files of the repository, as they are in the work tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pants.engine.internals.graph import OwnersRequest
from pants.engine.rules import Rule
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    StringField,
    Target,
)
from pants.engine.unions import UnionRule
from pants.util.strutil import help_text

from mzbuild.core.actions.copy import CopyAction, copied_files, matching_files
from mzbuild.core.work_tree.files import WorkTree
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import collect_rules, find_owners, implicitly, rule
from mzbuild.rules.captured_files import capture_files, files_to_capture
from mzbuild.rules.images import MzbuildTargets
from mzbuild.rules.pre_image import PreImageRequest, PreImageResult
from mzbuild.target_types import InferredDependenciesField


class CopySourceField(StringField):
    alias = "source"
    required = True
    help = help_text(
        """
        The directory to copy from, relative to the repository's root. For example,
        `source="doc/user"`.
        """
    )


class CopyDestinationField(StringField):
    alias = "destination"
    required = True
    help = 'The directory in the context to copy to. For example, `destination="doc"`.'


class CopyMatchingField(StringField):
    alias = "matching"
    default = "*"
    help = help_text(
        """
        Which files to copy: a Git pathspec glob, in which `*` matches `/` too. For example,
        `matching="*.md"` copies the Markdown files of all subdirectories.
        """
    )


class MzbuildCopyTarget(Target):
    alias = "mzbuild_copy"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        InferredDependenciesField,
        CopySourceField,
        CopyDestinationField,
        CopyMatchingField,
    )
    help = help_text(
        """
        A pre-image action: files of the repository are copied into the context.

        For example, used by an image with `pre_image=[":manual"]`:

            mzbuild_copy(name="manual", source="doc/user", destination="doc", matching="*.md")
        """
    )


@dataclass(frozen=True)
class RunCopy(PreImageRequest):
    """A request for the files that a `copy` copies."""

    action_type = CopyAction
    target_type = MzbuildCopyTarget

    action: CopyAction


@dataclass(frozen=True)
class CopyDependenciesFieldSet(FieldSet):
    required_fields = (CopySourceField, CopyMatchingField)

    source: CopySourceField
    matching: CopyMatchingField


class InferCopyDependencies(InferDependenciesRequest[CopyDependenciesFieldSet]):
    infer_from = CopyDependenciesFieldSet


@rule
async def run_copy(request: RunCopy, work_tree: WorkTree, listing: Listing) -> PreImageResult:
    copied = copied_files(request.image, request.action, listing)
    # What the fingerprint covers of a symlink to a file is the file: so that is what is copied.
    captured = await capture_files(
        files_to_capture(work_tree, copied.values(), follow_links=True), **implicitly()
    )
    return PreImageResult(
        tuple(
            replace(entry, path=destination) for destination, entry in zip(copied, captured.entries)
        )
    )


@rule
async def infer_copy_dependencies(
    request: InferCopyDependencies, listing: Listing, targets: MzbuildTargets
) -> InferredDependencies:
    source, matching = request.field_set.source.value, request.field_set.matching.value
    copied = matching_files(CopyAction(source or "", "", matching or "*"), listing)
    owners = await find_owners(OwnersRequest(tuple(copied)), **implicitly())
    # Others may own the files as well, for purposes of their own: a crate, say, most of whose
    # files are not copied.
    return InferredDependencies(address for address in owners if address in targets.files)


def rules() -> Iterable[Rule | UnionRule]:
    return (
        *collect_rules(),
        UnionRule(PreImageRequest, RunCopy),
        UnionRule(InferDependenciesRequest, InferCopyDependencies),
    )
