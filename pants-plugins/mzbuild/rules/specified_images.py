"""Which images a command is about."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pants.backend.project_info.filter_targets import FilterSubsystem, TargetGranularity
from pants.base.specs import RecursiveGlobSpec, Specs
from pants.engine.addresses import Addresses
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions

from mzbuild.rules.images import Images

_EVERYTHING = (RecursiveGlobSpec(""),)


@dataclass(frozen=True)
class SpecifiedImages:
    """The names of the images among what a command's specifications stand for, sorted."""

    names: tuple[str, ...]


@rule
async def specified_images(
    specs: Specs, images: Images, filters: FilterSubsystem, global_options: GlobalOptions
) -> SpecifiedImages:
    if _is_everything(specs) and not _is_filtered(filters, global_options):
        # No need to go through all targets of the repository.
        return SpecifiedImages(tuple(sorted(images.addresses)))
    addresses = await Get(Addresses, Specs, specs)
    names = (images.names[address] for address in addresses if address in images.names)
    return SpecifiedImages(tuple(sorted(names)))


def _is_everything(specs: Specs) -> bool:
    """Whether nothing but `::` was typed."""
    others = replace(specs.includes, recursive_globs=())
    return specs.includes.recursive_globs == _EVERYTHING and not others and not specs.ignores


def _is_filtered(filters: FilterSubsystem, global_options: GlobalOptions) -> bool:
    return bool(
        filters.target_type
        or filters.address_regex
        or filters.tag_regex
        or filters.granularity is not TargetGranularity.all_targets
        or global_options.tag
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
