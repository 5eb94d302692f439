"""The targets of other backends that pre-image actions take, and what they are built from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pants.build_graph.address import Address, AddressInput, ResolveError
from pants.core.goals.package import PackageFieldSet
from pants.engine.addresses import Addresses
from pants.engine.internals.graph import CycleException
from pants.engine.internals.options_parsing import _Options
from pants.engine.rules import Rule
from pants.engine.target import (
    GenerateSourcesRequest,
    RegisteredTargetTypes,
    SourcesField,
    SourcesPathsRequest,
    Target,
)
from pants.engine.unions import UnionMembership
from pants.option.ranked_value import Rank

from mzbuild.core.actions.pants_targets import (
    DefinedTarget,
    TargetInputs,
    TargetReference,
    TargetUse,
    definition,
    named_files,
    relevant_options,
)
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.work_tree.links import LinkedListing
from mzbuild.core.work_tree.listing import Listing
from mzbuild.pants_api import (
    VERSION,
    closure_request,
    collect_rules,
    concurrently,
    implicitly,
    resolve_source_paths,
    resolve_targets,
    rule,
    transitive_targets,
)
from mzbuild.rules.images import Images
from mzbuild.target_types import MzbuildImageTarget

# Fields that have the address of a target in a string, which is no dependency by itself.
_ADDRESS_FIELDS = ("runnable",)


@dataclass(frozen=True)
class ActionTargets:
    """What Pants says of all targets that actions take."""

    by_reference: Mapping[TargetReference, TargetInputs]


@dataclass(frozen=True)
class ReferencedTargets:
    """The targets that a reference stands for: of a generator, those that it generates."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class SourceTargetsRequest:
    """A request for the targets that some targets are built from."""

    roots: tuple[Target, ...]


@dataclass(frozen=True)
class SourceTargets:
    """The targets themselves and all that they depend on, in whatever way."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class SetOptions:
    """The values of all options that are set, by scope and name."""

    values: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Inputs:
    """`TargetInputs`, as the result of a rule that is not to be mixed up with others."""

    found: TargetInputs


@rule
def set_options(options: _Options) -> SetOptions:
    all_options = options.options
    values = {}
    for scope in all_options.known_scope_to_info:
        container = all_options.for_scope(scope)
        values[scope or "GLOBAL"] = {
            name: value
            for name, value in container.as_dict().items()
            if container.get_rank(name) > Rank.HARDCODED
        }
    return SetOptions({scope: set_here for scope, set_here in values.items() if set_here})


@rule
async def action_targets(images: Images) -> ActionTargets:
    references = tuple(
        dict.fromkeys(
            reference
            for image in images.graph.images
            for action in image.pre_image
            for reference in action.references(image)
        )
    )
    # Where no action takes any, Pants is not asked for the options, nor for what is needed else.
    found = await concurrently(target_inputs(each, **implicitly()) for each in references)
    return ActionTargets({each: inputs.found for each, inputs in zip(references, found)})


@rule
async def target_inputs(
    reference: TargetReference,
    /,
    listing: Listing,
    linked: LinkedListing,
    target_types: RegisteredTargetTypes,
    union_membership: UnionMembership,
    options: SetOptions,
) -> _Inputs:
    try:
        built_from = roots = (await referenced_targets(reference, **implicitly())).targets
        for target in roots:
            _check_use(reference, target, target_types, union_membership)
        if reference.use is TargetUse.PACKAGE or any(
            generators(target, union_membership) for target in roots
        ):
            built_from = (await source_targets(SourceTargetsRequest(roots), **implicitly())).targets
    except CycleException as error:
        path = " -> ".join(map(str, dict.fromkeys((*error.path, error.subject))))
        reason = f"`{reference.spec}` cannot be taken: its dependencies form a cycle, {path}."
        return _Inputs(TargetInputs(error=reason))
    except (MzbuildError, ResolveError) as error:
        return _Inputs(TargetInputs(error=str(error)))
    defined = [
        DefinedTarget(
            target.address.spec,
            target.alias,
            type(target).__module__,
            {field.alias: target[field].value for field in target.field_types},
        )
        for target in built_from
    ]
    fields = [target[SourcesField] for target in built_from if target.has_field(SourcesField)]
    sources = await concurrently(
        resolve_source_paths(SourcesPathsRequest(field), **implicitly())
        for field in fields
        # A file from elsewhere has its digest in its field.
        if field.value is None or isinstance(field.value, (str, tuple))
    )
    paths = {path for each in sources for path in each.files}
    unseen = sorted(path for path in paths if path not in linked)
    if unseen:
        reason = (
            f"`{reference.spec}` is built from {listed(unseen[:3])}, which Git does not see: an "
            "ignore rule matches it. Have Git see it to use the target."
        )
        return _Inputs(TargetInputs(error=reason))
    named = named_files(relevant_options(defined, options.values))
    paths |= {path for path in named if path in listing}
    # A symlink counts as itself and as what it leads to.
    paths |= {linked.real(path) for path in paths}
    return _Inputs(
        TargetInputs(
            tuple(sorted(path for path in paths if path in listing)),
            definition(defined, options.values, VERSION),
        )
    )


@rule
async def referenced_targets(reference: TargetReference, /) -> ReferencedTargets:
    address = _address(reference.spec, reference.directory)
    return ReferencedTargets(tuple(await resolve_targets(Addresses([address]), **implicitly())))


@rule
async def source_targets(request: SourceTargetsRequest, /, options: SetOptions) -> SourceTargets:
    environments = options.values.get("environments-preview", {}).get("names", {})
    found: dict[Address, Target] = {}
    todo = {target.address for target in request.roots}
    while todo:
        closure = await transitive_targets(closure_request(todo), **implicitly())
        found.update({target.address: target for target in closure.closure})
        named = [
            address
            for target in closure.closure
            for address in _named_addresses(target, environments)
        ]
        # A generator stands for what it generates.
        expanded = await resolve_targets(Addresses(named), **implicitly())
        todo = {target.address for target in expanded} - found.keys()
    for address, target in found.items():
        if target.alias == MzbuildImageTarget.alias:
            raise MzbuildError(
                f"It depends on the image {address}, which no action can take. Name that by "
                "`MZFROM` or `COPY --from` in the Dockerfile."
            )
    return SourceTargets(tuple(found.values()))


def _check_use(
    reference: TargetReference,
    target: Target,
    target_types: RegisteredTargetTypes,
    union_membership: UnionMembership,
) -> None:
    spec, use = reference.spec, reference.use
    if target.alias == MzbuildImageTarget.alias:
        raise MzbuildError(
            f"`{spec}` is an image, which no action can take. Name it by `MZFROM` or `COPY --from` "
            "in the Dockerfile."
        )
    if use is TargetUse.PACKAGE and not package_field_set(target, union_membership):
        raise MzbuildError(
            f"`{spec}` is a target of type `{target.alias}`, which cannot be packaged. Those that "
            f"can are of the types {listed(_packaged(target_types, union_membership))}."
        )
    if use is TargetUse.FILES and not target.has_field(SourcesField):
        raise MzbuildError(
            f"`{spec}` is a target of type `{target.alias}`, which has no sources. To have what "
            "Pants makes of it, use an action of the type `package`."
        )


def package_field_set(target: Target, union_membership: UnionMembership) -> PackageFieldSet | None:
    """What Pants packages a target by, if it can be packaged."""
    types = union_membership.get(PackageFieldSet)
    return next((each.create(target) for each in types if each.is_applicable(target)), None)


def generators(target: Target, union_membership: UnionMembership) -> tuple[type, ...]:
    """The types of sources that Pants generates from those of a target."""
    return tuple(
        request.output
        for request in union_membership.get(GenerateSourcesRequest)
        if target.has_field(request.input)
    )


def _named_addresses(target: Target, environments: Mapping[str, str]) -> Iterator[Address]:
    """The addresses that fields of a target have in strings, which are no dependencies."""
    for field in target.field_types:
        value = target[field].value
        if field.alias in _ADDRESS_FIELDS and value:
            yield _address(value, target.address.spec_path)
        elif field.alias == "environment" and value and value in environments:
            yield _address(environments[value], "")


def _packaged(target_types: RegisteredTargetTypes, union_membership: UnionMembership) -> list[str]:
    fields = [each.required_fields for each in union_membership.get(PackageFieldSet)]
    return [
        alias
        for alias, target_type in sorted(target_types.aliases_to_types.items())
        if alias != MzbuildImageTarget.alias
        and any(target_type.class_has_fields(each, union_membership) for each in fields)
    ]


def _address(spec: str, directory: str) -> Address:
    try:
        parsed = AddressInput.parse(
            spec, relative_to=directory, description_of_origin="the field `target`"
        )
        return parsed.dir_to_address()
    except Exception as error:
        raise MzbuildError(f"`{spec}` is no address of a target: {error}") from None


def rules() -> Iterable[Rule]:
    return collect_rules()
