"""The `cargo-build` pre-image action: binaries, compiled where compiled code is kept."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.fs import Digest, DigestSubset, PathGlobs, RemovePrefix
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.cargo.causes import cargo_cause
from mzbuild.core.cargo.plan import DEBUG, RESULTS, names
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.errors import MzbuildError
from mzbuild.core.safe import without_colours
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    digest_subset_to_digest,
    implicitly,
    remove_prefix,
    uncacheable_rule,
)
from mzbuild.rules.cargo.actions import CargoAction, plan_cargo_action
from mzbuild.rules.cargo.groups import (
    CargoBatch,
    CargoRunRequest,
    cargo_groups,
    run_cargo,
)


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
@uncacheable_rule
async def cargo_build(
    request: CargoBuildRequest, /, workspace: CargoWorkspace, global_options: GlobalOptions
) -> CargoBuildResult:
    action, batch = request.action, request.batch
    plan, groups = await concurrently(
        plan_cargo_action(action, **implicitly()), cargo_groups(batch, **implicitly())
    )
    index = groups.index(action.build)
    results = groups.there
    if index is not None:
        run = await run_cargo(CargoRunRequest(batch, index), **implicitly())
        results = run.made
        if plan.key not in results.by_key:
            plain = without_colours(run.output)
            lines = [
                cargo_cause(plain, action.where, workspace.root, plan.sources.files),
                f"{action.where}: Cargo could not build {names([action.build])}.",
                f"To run it again, from the repository's root:\n  {run.command}",
                f"All of its output is in {run.log}; this is what it says:",
                (run.output if global_options.colors else plain).strip(),
                *run.advice,
            ]
            raise MzbuildError.of_lines("\n".join(lines))
    digest = results.by_key[plan.key]
    parts = (f"{plan.key}/{RESULTS}", f"{plan.key}/{DEBUG}")
    subsets = await concurrently(
        digest_subset_to_digest(DigestSubset(digest, PathGlobs([f"{part}/**"])), **implicitly())
        for part in parts
    )
    return CargoBuildResult(
        *await concurrently(
            remove_prefix(RemovePrefix(subset, part), **implicitly())
            for subset, part in zip(subsets, parts)
        )
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
