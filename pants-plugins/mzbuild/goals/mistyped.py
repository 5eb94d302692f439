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
from mzbuild.core.image.report import meant_images
from mzbuild.core.safe import printable
from mzbuild.core.work_tree.listing import is_under
from mzbuild.pants_api import collect_rules, implicitly, uncacheable_rule
from mzbuild.rules.images import all_images
from mzbuild.rules.repository import current_listing
from mzbuild.rules.selection import command_specs

logger = logging.getLogger(__name__)


# All are equal: otherwise, Pants would ask again for that of the run before.
@dataclass(frozen=True)
class MistypedRequest(WorkunitsCallbackFactoryRequest):
    pass


def _names(directory: Path) -> set[str]:
    """What is in a directory, if it is one."""
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def _has_targets(directory: Path) -> bool:
    """Whether a directory has the looks of one with targets."""
    return any(name == FILE_NAME or name.startswith("BUILD") for name in _names(directory))


def _is_odd(directory: Path) -> bool:
    """Whether a directory is not there, or has the looks of an image and no target."""
    looks = bool(_names(directory) & {"Dockerfile", "mzbuild.yaml"})
    return not directory.exists() or (looks and not _has_targets(directory))


# Pants asks for this as a command begins, before it resolves what the command was given, which is
# the last that anybody hears of a directory that is not there. It gets no callback.
@uncacheable_rule
async def suggest_images(
    request: MistypedRequest, parsed: _Options, build_root: BuildRoot
) -> WorkunitsCallbackFactory:
    if parsed.options.goals[:1] in (["package"], ["run"], ["publish"]):
        includes = (await command_specs(**implicitly())).specs.includes
        root = build_root.pathlib_path
        literals = {str(spec): spec.directory for spec in includes.dir_literals}
        paths = {
            **{str(spec): spec.path_component for spec in includes.address_literals},
            **literals,
            **{str(spec): spec.directory for spec in includes.recursive_globs},
        }
        odd = [spec for spec, path in paths.items() if _is_odd(root / path)]
        bare = [spec for spec, path in literals.items() if not _has_targets(root / path)]
        if odd or bare:
            images, files = await all_images(**implicitly()), await current_listing(**implicitly())
            contexts = [image.context for image in images.graph.images]
            odd += [
                spec for spec in bare if any(is_under(path, literals[spec]) for path in contexts)
            ]
            for spec, told in meant_images(odd, images.graph.images, files).items():
                # Of a directory without targets, Pants has nothing to say, and does not fail.
                level = logging.WARNING if (root / paths[spec]).exists() else logging.ERROR
                logger.log(level, "%s", printable(told))
    return WorkunitsCallbackFactory(lambda: None)


def rules() -> tuple[Rule | UnionRule, ...]:
    return (
        *collect_rules(),
        UnionRule(WorkunitsCallbackFactoryRequest, MistypedRequest),
    )
