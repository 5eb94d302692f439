"""Goals whose targets are images, which may be given by their names, too."""

from __future__ import annotations

import logging
import posixpath
import sys
from collections.abc import Sequence
from dataclasses import replace

from pants.base.build_root import BuildRoot
from pants.base.exiter import PANTS_FAILED_EXIT_CODE, PANTS_SUCCEEDED_EXIT_CODE, ExitCode
from pants.base.specs import DirLiteralSpec, Specs
from pants.build_graph.build_configuration import BuildConfiguration
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.unions import UnionMembership
from pants.goal.builtin_goal import BuiltinGoal
from pants.init.engine_initializer import GraphSession
from pants.option.options import Options

from mzbuild.core.errors import MzbuildError, listed
from mzbuild.pants_api import typed_goals

logger = logging.getLogger(__name__)


# A word that is neither a path nor a goal, Pants takes for a mistyped goal, unless a builtin goal
# has it. So this is one; what it does is a goal's rule, as ever.
class ImageGoal(BuiltinGoal):
    """A goal that takes images by their names wherever it takes addresses."""

    def run(
        self,
        *,
        build_config: BuildConfiguration,
        graph_session: GraphSession,
        options: Options,
        specs: Specs,
        union_membership: UnionMembership,
    ) -> ExitCode:
        try:
            named = with_names(specs, options)
            goals = self._goals(graph_session, options)
            return self._run_goals(goals, named, graph_session, options, union_membership)
        except (ExecutionError, MzbuildError) as error:
            logger.error("%s", error)  # noqa: TRY400  # A mistake of the user's has no traceback.
        except KeyboardInterrupt:
            print("Interrupted by user.\n", file=sys.stderr)
        return PANTS_FAILED_EXIT_CODE

    def _goals(self, graph_session: GraphSession, options: Options) -> Sequence[str]:
        """This goal and others of the same command, in the order in which they were typed."""
        typed = typed_goals(self.name, options, graph_session.scheduler_session)
        alone = [goal for goal in typed if goal not in graph_session.goal_map]
        if alone:
            raise MzbuildError(f"{listed(alone)} goes with no other goal: run it by itself.")
        return typed

    def _run_goals(
        self,
        goals: Sequence[str],
        specs: Specs,
        graph_session: GraphSession,
        options: Options,
        union_membership: UnionMembership,
    ) -> ExitCode:
        """Runs goals as Pants does: with `--loop`, again after each change of what they read."""
        loop = options.for_global_scope().loop
        code = PANTS_SUCCEEDED_EXIT_CODE
        for _ in range(options.for_global_scope().loop_max if loop else 1):
            if loop:
                graph_session.scheduler_session.new_run_id()
            code = graph_session.run_goal_rules(
                union_membership=union_membership,
                goals=goals,
                specs=specs,
                poll=loop,
                poll_delay=0.1 if loop else None,
            )
        return code


def with_names(specs: Specs, options: Options) -> Specs:
    """Specifications with words besides that stand for images, as far as Pants can say.

    Raises `MzbuildError` where a change says already what the command is about.
    """
    words = options.unknown_goals
    if words and specs.includes.from_change_detection:
        raise MzbuildError(
            f"The command is about what has changed, and so {listed(words)} cannot be named "
            "besides. Leave one of them out."
        )
    directories = (
        *(_as_name(spec, options.specs) for spec in specs.includes.dir_literals),
        *map(DirLiteralSpec, words),
    )
    return replace(specs, includes=replace(specs.includes, dir_literals=directories))


def _as_name(spec: DirLiteralSpec, typed: Sequence[str]) -> DirLiteralSpec:
    """The directory, or the word by itself that was typed for it where it is not there.

    A word that is a directory of the root's is none of Pants' unknown ones in any other directory.
    """
    word = posixpath.basename(spec.directory)
    there = (BuildRoot().pathlib_path / spec.directory).exists()
    return spec if there or word not in typed else DirLiteralSpec(word)
