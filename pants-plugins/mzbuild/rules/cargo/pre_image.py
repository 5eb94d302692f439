"""The `cargo-build` pre-image action: binaries, compiled where compiled code is kept."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.fs import Digest, DigestSubset, PathGlobs, RemovePrefix
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules
from pants.option.global_options import GlobalOptions

from mzbuild.core.cargo.plan import DEBUG, RESULTS, names
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.safe import without_colours
from mzbuild.rules.cargo.actions import CargoAction, CargoActionPlan
from mzbuild.rules.cargo.groups import CargoBatch, CargoGroups, CargoRun, CargoRunRequest


@dataclass(frozen=True)
class CargoBuildRequest:
    """A request for an action's results, which are built with those of the batch that are not
    there yet."""

    action: CargoAction
    batch: CargoBatch


@dataclass(frozen=True)
class CargoBuildResult:
    """An action's results, under the paths that they have in the context.

    `debug` has the files that keep their debug information, if it is split off: each under its
    result's path with `.debug` added.
    """

    digest: Digest
    debug: Digest


# To see whether what it remembers still holds, Pants would begin to run Cargo before it knows for
# what.
@_uncacheable_rule
async def cargo_build(
    request: CargoBuildRequest, global_options: GlobalOptions
) -> CargoBuildResult:
    action, batch = request.action, request.batch
    plan, groups = await MultiGet(
        Get(CargoActionPlan, CargoAction, action), Get(CargoGroups, CargoBatch, batch)
    )
    index = groups.index(action.build)
    results = groups.there
    if index is not None:
        run = await Get(CargoRun, CargoRunRequest(batch, index))
        results = run.made
        if plan.key not in results.by_key:
            output = run.output if global_options.colors else without_colours(run.output)
            lines = [
                f"{action.where}: Cargo could not build {names([action.build])}.",
                f"Command: cargo {' '.join(run.args)}",
                output.strip(),
                *run.advice,
            ]
            raise MzbuildError.of_lines("\n".join(lines))
    digest = results.by_key[plan.key]
    parts = (f"{plan.key}/{RESULTS}", f"{plan.key}/{DEBUG}")
    subsets = await MultiGet(
        Get(Digest, DigestSubset(digest, PathGlobs([f"{part}/**"]))) for part in parts
    )
    return CargoBuildResult(
        *await MultiGet(
            Get(Digest, RemovePrefix(subset, part)) for subset, part in zip(subsets, parts)
        )
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
