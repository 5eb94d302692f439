"""Why images cannot be built, as far as that can be told before anything is run."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.rules import Rule

from mzbuild.core.actions.action import Repository
from mzbuild.core.configuration import Configuration
from mzbuild.pants_api import collect_rules, rule
from mzbuild.rules.images import Images


@dataclass(frozen=True)
class ActionRefusals:
    """What keeps the pre-image actions of images from being run."""

    images: Images
    repository: Repository

    def of(self, configuration: Configuration, name: str) -> str:
        """The reason for an image; empty where there is none."""
        image = self.images.graph.by_name[name]
        reasons = (
            action.refusal(image, self.repository, configuration) for action in image.pre_image
        )
        return next(filter(None, reasons), "")


@rule
def action_refusals(images: Images, repository: Repository) -> ActionRefusals:
    return ActionRefusals(images, repository)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
