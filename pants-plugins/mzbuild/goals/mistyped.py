"""What is said where Pants' own goals are given what is not there: the nearest image."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pants.base.build_root import BuildRoot
from pants.engine.internals.options_parsing import _Options
from pants.engine.rules import Rule
from pants.engine.streaming_workunit_handler import (
    WorkunitsCallbackFactory,
    WorkunitsCallbackFactoryRequest,
)
from pants.engine.unions import UnionRule

from mzbuild.core.image.mzbuild_yml import FILE_NAME
from mzbuild.core.text.report import meant_images
from mzbuild.core.text.safe import printable
from mzbuild.pants_api import collect_rules, implicitly, uncacheable_rule
from mzbuild.rules.images import all_images
from mzbuild.rules.repository import current_listing
from mzbuild.rules.selection import command_specs

logger = logging.getLogger(__name__)


# All are equal: otherwise, Pants would ask again for that of the run before.
@dataclass(frozen=True)
class MistypedRequest(WorkunitsCallbackFactoryRequest):
    pass


def _is_odd(directory: Path) -> bool:
    """Whether a directory is not there, or has the looks of an image and no target."""
    names = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    if not names:
        return not directory.exists()
    has_targets = any(name == FILE_NAME or name.startswith("BUILD") for name in names)
    return not has_targets and bool(names & {"Dockerfile", "mzbuild.yaml"})


# Pants asks for this as a command begins, before it resolves what the command was given, which is
# the last that anybody hears of a directory that is not there. It gets no callback.
@uncacheable_rule
async def suggest_images(
    request: MistypedRequest, parsed: _Options, build_root: BuildRoot
) -> WorkunitsCallbackFactory:
    if parsed.options.goals[:1] in (["package"], ["run"], ["publish"]):
        includes = (await command_specs(**implicitly())).specs.includes
        paths = {
            **{str(spec): spec.path_component for spec in includes.address_literals},
            **{str(spec): spec.directory for spec in includes.dir_literals},
            **{str(spec): spec.directory for spec in includes.recursive_globs},
        }
        odd = [spec for spec, path in paths.items() if _is_odd(build_root.pathlib_path / path)]
        if odd:
            images, files = await all_images(**implicitly()), await current_listing(**implicitly())
            for told in meant_images(odd, images.graph.images, files).values():
                logger.error("%s", printable(told))
    return WorkunitsCallbackFactory(lambda: None)


def rules() -> tuple[Rule | UnionRule, ...]:
    return (
        *collect_rules(),
        UnionRule(WorkunitsCallbackFactoryRequest, MistypedRequest),
    )
