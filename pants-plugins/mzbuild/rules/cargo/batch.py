"""What a command needs of Cargo altogether."""

from __future__ import annotations

from dataclasses import dataclass

from pants.engine.rules import Rule, collect_rules, rule

from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.image.declaration import CargoBuild
from mzbuild.rules.cargo.actions import CargoAction
from mzbuild.rules.cargo.groups import CargoBatch
from mzbuild.rules.images import Images


@dataclass(frozen=True)
class ImagesToBuild:
    """The names of the images that a command builds in a configuration, sorted."""

    configuration: Configuration
    names: tuple[str, ...]


@rule
def cargo_batch(request: ImagesToBuild, images: Images) -> CargoBatch:
    built = [images.graph.by_name[name] for name in request.names]
    return CargoBatch(
        request.configuration,
        tuple(
            CargoAction(action, image.origin, request.configuration)
            for image in built
            for action in image.pre_image
            if isinstance(action, CargoBuild)
        ),
    )


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
