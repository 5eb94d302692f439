"""Cargo's results in Pants' cache, whichever invocation they are of.

What Pants caches there is a process that compiles nothing: it fetches what lies ready, and fails
where nothing does. One fetches all that an invocation has made, since each process takes its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.fs import Digest
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from mzbuild.core.cargo.arguments import build_directory
from mzbuild.core.cargo.collected import add_collected, collected_together
from mzbuild.core.cargo.directories import cache_name
from mzbuild.core.configuration import Configuration
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    execute_process,
    implicitly,
    rule,
    uncacheable_rule,
)

# Where the sandbox has the directory that outlives it.
CACHE = ".mzbuild-cargo"

_REMOTE_ANSWER = 60_000  # milliseconds


@dataclass(frozen=True)
class CargoCache:
    """The directory that outlives sandboxes, as processes know it."""

    name: str

    @property
    def mounted(self) -> FrozenDict[str, str]:
        return FrozenDict({self.name: CACHE})


@dataclass(frozen=True)
class CargoResults:
    """Results by the keys of their actions, each below a directory that has the key as its name."""

    by_key: FrozenDict[str, Digest]


@dataclass(frozen=True)
class FindResults:
    """A request for those results, by their keys, that Pants' cache has."""

    configuration: Configuration
    keys: tuple[str, ...]


@dataclass(frozen=True)
class CollectResults:
    """A request for those results, by their keys, that lie ready; Pants' cache has them then."""

    configuration: Configuration
    keys: tuple[str, ...]


@rule
def cargo_cache(build_root: BuildRoot) -> CargoCache:
    # Another clone of the repository builds in a directory of its own, and still finds what this
    # one has built: the name is not part of what Pants' own cache looks results up by.
    return CargoCache(cache_name(build_root.path))


# Pants knows nothing of the file that tells what was collected.
@uncacheable_rule
async def find_results(request: FindResults, /, global_options: GlobalOptions) -> CargoResults:
    configuration, keys = request.configuration, request.keys
    together = collected_together(global_options.local_store_dir)
    batches = tuple(dict.fromkeys(together[key] for key in keys if key in together))
    # These processes find the results in the cache or nowhere, since they do not see where any lie
    # ready. To the cache they are the same that have collected them; within a run, the one finds
    # what the other did not.
    looked_up = await concurrently(
        execute_process(_fetch(configuration, batch), **implicitly()) for batch in batches
    )
    found = _by_key(batches, looked_up)
    if global_options.remote_cache_read:
        # What others have collected, they have collected one by one.
        batches = tuple((key,) for key in keys if key not in found)
        looked_up = await concurrently(
            execute_process(_fetch(configuration, batch), **implicitly()) for batch in batches
        )
        found.update(_by_key(batches, looked_up))
    return CargoResults(FrozenDict(found))


@uncacheable_rule
async def collect_results(
    request: CollectResults, /, cache: CargoCache, global_options: GlobalOptions
) -> CargoResults:
    configuration, keys = request.configuration, request.keys
    one_by_one = tuple((key,) for key in keys)
    # Nobody else knows which results were collected together.
    batches = one_by_one if global_options.remote_cache_write else (keys,)
    collected = await concurrently(
        execute_process(_fetch(configuration, batch, cache), **implicitly()) for batch in batches
    )
    if len(keys) > 1 and any(result.exit_code for result in collected):
        batches = one_by_one
        collected = await concurrently(
            execute_process(_fetch(configuration, batch, cache), **implicitly())
            for batch in batches
        )
    found = _by_key(batches, collected)
    add_collected(global_options.local_store_dir, [each for each in batches if each[0] in found])
    return CargoResults(FrozenDict(found))


def _fetch(
    configuration: Configuration, keys: Sequence[str], cache: CargoCache | None = None
) -> Process:
    ready = f"{CACHE}/{build_directory(configuration)}/results"
    return Process(
        ("/bin/cp", "-R", *(f"{ready}/{key}" for key in keys), "."),
        append_only_caches=cache.mounted if cache else None,
        output_directories=keys,
        description="Fetch what Cargo has built",
        level=LogLevel.DEBUG,
        # What is to be found only in the cache fails at once where it is run, which is before
        # a remote cache can have answered.
        remote_cache_speculation_delay_millis=0 if cache else _REMOTE_ANSWER,
    )


def _by_key(
    batches: Iterable[tuple[str, ...]], results: Iterable[FallibleProcessResult]
) -> dict[str, Digest]:
    return {
        key: result.output_digest
        for batch, result in zip(batches, results)
        if not result.exit_code
        for key in batch
    }


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
