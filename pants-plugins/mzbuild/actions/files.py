"""The `files` pre-image action: the sources of targets, those that Pants generates among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import AddPrefix, MergeDigests
from pants.engine.rules import Rule
from pants.engine.target import COMMON_TARGET_FIELDS, HydrateSourcesRequest, SourcesField, Target
from pants.engine.unions import UnionMembership, UnionRule
from pants.util.strutil import help_text

from mzbuild.actions.targets import DestinationField, TargetField, entries_of
from mzbuild.core.actions.taking_targets import FilesAction
from mzbuild.pants_api import (
    add_prefix,
    collect_rules,
    concurrently,
    get_digest_entries,
    hydrate_sources,
    implicitly,
    merge_digests,
    rule,
)
from mzbuild.rules.pants_targets import generators, referenced_targets
from mzbuild.rules.pre_image import PreImageRequest, PreImageResult
from mzbuild.target_types import InferredDependenciesField


class SourceTargetField(TargetField):
    help = help_text(
        """
        The addresses of the targets whose sources to take: `files`, `resources`, any with sources,
        and those from which Pants generates some. For example, `target=["assets:all"]`.
        """
    )


class MzbuildSourcesTarget(Target):
    alias = "mzbuild_sources"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        InferredDependenciesField,
        SourceTargetField,
        DestinationField,
    )
    help = help_text(
        """
        A pre-image action: the sources of targets are put into the context, under their paths in
        the repository. In an `mzbuild.yml`, it is the action of type `files`.

        For example, used by an image with `pre_image=[":assets"]`:

            mzbuild_sources(name="assets", target=["assets:all"], destination="share")
        """
    )


@dataclass(frozen=True)
class RunFiles(PreImageRequest):
    """A request for the sources that a `files` takes."""

    action_type = FilesAction
    target_type = MzbuildSourcesTarget

    action: FilesAction


@rule
async def run_files(request: RunFiles, union_membership: UnionMembership) -> PreImageResult:
    action, image = request.action, request.image
    referenced = await concurrently(
        referenced_targets(reference, **implicitly()) for reference in action.references(image)
    )
    hydrated = await concurrently(
        hydrate_sources(hydration, **implicitly())
        for each in referenced
        for target in each.targets
        for hydration in hydrations(target, union_membership)
    )
    merged = await merge_digests(
        MergeDigests(each.snapshot.digest for each in hydrated), **implicitly()
    )
    placed = await add_prefix(AddPrefix(merged, action.place(image)), **implicitly())
    return PreImageResult(entries_of(await get_digest_entries(placed, **implicitly())))


def hydrations(
    target: Target, union_membership: UnionMembership
) -> tuple[HydrateSourcesRequest, ...]:
    """The requests for a target's sources: as they are, or as each language has them."""
    field = target[SourcesField]
    generated = generators(target, union_membership)
    if not generated:
        return (HydrateSourcesRequest(field),)
    return tuple(
        HydrateSourcesRequest(field, for_sources_types=(output,), enable_codegen=True)
        for output in generated
    )


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), UnionRule(PreImageRequest, RunFiles))
