"""How the backend's own goals end: with an exit code, or with a mistake of the user's.

Pants shows whatever a goal's rule raises below lines on exceptions and on its engine, though it is
none of either that a user has to know about. So what a goal does is done by a rule of another
kind, and the rule that Pants calls a goal's asks for that, and tells what went wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from pants.base.exiter import PANTS_FAILED_EXIT_CODE
from pants.engine.goal import Goal, GoalSubsystem
from pants.engine.rules import Rule

from mzbuild.core.errors import MzbuildError
from mzbuild.pants_api import collect_rules, goal_rule, implicitly

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GoalOutcome:
    """What comes of running a goal. Each goal has a type of its own, by which its rule is found."""

    exit_code: int
    after_mistake: ClassVar[int] = PANTS_FAILED_EXIT_CODE


class NotPackaged(str):
    """Ends Pants' `package` when it has written everything else to `dist/`, and tells what is
    missing.

    A rule that fails would end the other ones, and Pants would write nothing. Its goal knows no
    other way of failing: this does it when it is logged.
    """

    def __str__(self) -> str:
        raise MzbuildError(super().__str__())


def goal_rules(
    subsystem: type[GoalSubsystem],
    outcome: type[GoalOutcome],
    work: Callable[..., Awaitable[GoalOutcome]],
) -> Iterable[Rule]:
    """What makes a goal of an uncacheable rule that does the goal's work and returns `outcome`."""

    class OwnGoal(Goal):
        subsystem_cls = subsystem
        environment_behavior = Goal.EnvironmentBehavior.LOCAL_ONLY

    async def run() -> OwnGoal:
        try:
            return OwnGoal((await work(**implicitly())).exit_code)
        except MzbuildError as error:
            logger.error("%s", error)  # noqa: TRY400  # A mistake of the user's has no traceback.
            return OwnGoal(outcome.after_mistake)

    # Pants could not look a class up by its name that is in no module.
    run.__annotations__["return"] = OwnGoal
    name = f"{outcome.__module__}.{outcome.__qualname__}"
    return collect_rules({name: goal_rule(run, canonical_name=name)})
