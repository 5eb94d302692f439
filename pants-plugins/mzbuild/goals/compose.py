"""`pants mzbuild-compose`: a compose file with the images of the repository in it."""

from __future__ import annotations

import logging
from pathlib import Path

from pants.base.build_root import BuildRoot
from pants.base.specs import Specs
from pants.engine.console import Console
from pants.engine.goal import GoalSubsystem
from pants.engine.rules import Rule
from pants.util.strutil import softwrap

from mzbuild.core.errors import MzbuildError
from mzbuild.core.export.compose import parse_compose
from mzbuild.goals.outcome import GoalOutcome, goal_rules
from mzbuild.pants_api import collect_rules, concurrently, implicitly, uncacheable_rule
from mzbuild.rules.acquire import AcquireRequest, acquire_image
from mzbuild.rules.images import Images, ImageWarnings

logger = logging.getLogger(__name__)


class ComposeSubsystem(GoalSubsystem):
    name = "mzbuild-compose"
    help = softwrap(
        """
        Print a compose file with the images of the repository that its services name.

        For example, where a service of `compose.yml` has `mzbuild: environmentd`, the command
        `pants mzbuild-compose compose.yml | docker compose -f - up` acquires the image
        `environmentd` and starts the service: in the place of that field, `image:` with what
        Docker knows the image by is printed. All else in the file stays as it is.

        A map may have `mzbuild` or `image`, but not both. It may be one that is merged into
        services by `<<`. What Docker reads from its standard input, it takes to be a file in the
        directory that it is run in; its `--project-directory` says otherwise.
        """
    )


class Compose(GoalOutcome):
    pass


@uncacheable_rule
async def compose(
    specs: Specs,
    build_root: BuildRoot,
    images: Images,
    warnings: ImageWarnings,
    console: Console,
) -> Compose:
    path = _path(specs)
    try:
        content = Path(build_root.path, path).read_bytes()
    except OSError as error:
        raise MzbuildError(f"{path} cannot be read: {error.strerror}.") from None
    file = parse_compose(content, path, images.graph.by_name)
    if not file.images:
        logger.warning(f"{path}: no service has `mzbuild: …`, so the file is printed as it is.")
    acquired = await concurrently(
        acquire_image(AcquireRequest(name, wanted=file.images), **implicitly())
        for name in file.images
    )
    results = [image.result for image in acquired]
    failed = [f"  {image.name}: {image.summary}" for image in results if not image.ok]
    if failed:
        raise MzbuildError.of_lines(
            f"{path} is not printed, as it names images that cannot be had:\n" + "\n".join(failed)
        )
    console.write_stdout(file.with_specs({image.name: image.spec for image in results}))
    return Compose(exit_code=0)


def _path(specs: Specs) -> str:
    files = specs.includes.file_literals
    if specs.arguments_provided_description() != "file arguments" or len(files) != 1:
        raise MzbuildError(
            "Give the path of one compose file, such as `pants mzbuild-compose compose.yml`."
        )
    return files[0].file


def rules() -> tuple[Rule, ...]:
    return (*collect_rules(), *goal_rules(ComposeSubsystem, Compose, compose))
