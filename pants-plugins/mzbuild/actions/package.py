"""The `package` pre-image action: what `pants package` makes of targets of any backend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import EnvironmentAwarePackageRequest
from pants.engine.fs import AddPrefix, MergeDigests
from pants.engine.rules import Rule
from pants.engine.target import COMMON_TARGET_FIELDS, Target
from pants.engine.unions import UnionMembership, UnionRule
from pants.util.strutil import help_text

from mzbuild.actions.targets import DestinationField, TargetField, entries_of
from mzbuild.core.actions.taking_targets import PackageAction
from mzbuild.pants_api import (
    add_prefix,
    collect_rules,
    concurrently,
    get_digest_entries,
    implicitly,
    merge_digests,
    package_target,
    rule,
)
from mzbuild.rules.pants_targets import package_field_set, referenced_targets
from mzbuild.rules.pre_image import PreImageRequest, PreImageResult
from mzbuild.target_types import InferredDependenciesField


class PackagedTargetField(TargetField):
    help = help_text(
        """
        The addresses of the targets to package, each of a type that `pants package` takes. For
        example, `target=["src/py/billing:bin"]`.
        """
    )


class MzbuildPackageTarget(Target):
    alias = "mzbuild_package"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        InferredDependenciesField,
        PackagedTargetField,
        DestinationField,
    )
    help = help_text(
        """
        A pre-image action: what `pants package` makes of targets is put into the context, under
        the path that it has in `dist/`.

        For example, used by an image with `pre_image=[":billing"]`:

            mzbuild_package(name="billing", target=["src/py/billing:bin"], destination="bin")
        """
    )


@dataclass(frozen=True)
class RunPackage(PreImageRequest):
    """A request for what Pants packages for a `package`."""

    action_type = PackageAction
    target_type = MzbuildPackageTarget

    action: PackageAction


@rule
async def run_package(request: RunPackage, union_membership: UnionMembership) -> PreImageResult:
    action, image = request.action, request.image
    referenced = await concurrently(
        referenced_targets(reference, **implicitly()) for reference in action.references(image)
    )
    field_sets = (
        package_field_set(target, union_membership)
        for each in referenced
        for target in each.targets
    )
    packages = await concurrently(
        package_target(EnvironmentAwarePackageRequest(field_set), **implicitly())
        for field_set in field_sets
        if field_set
    )
    merged = await merge_digests(
        MergeDigests(package.digest for package in packages), **implicitly()
    )
    placed = await add_prefix(AddPrefix(merged, action.place(image)), **implicitly())
    return PreImageResult(entries_of(await get_digest_entries(placed, **implicitly())))


def rules() -> Iterable[Rule | UnionRule]:
    return (*collect_rules(), UnionRule(PreImageRequest, RunPackage))
