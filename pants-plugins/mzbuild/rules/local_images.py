"""The images that the local Docker engine has, as far as they are what their tags say."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pants.engine.rules import Rule

from mzbuild.core.configuration import Configuration
from mzbuild.core.docker.arguments import (
    explain_failure,
    familiar,
    inspect_args,
    list_images_args,
    parse_image_list,
    parse_inspected,
)
from mzbuild.core.docker.labels import doubt, is_unlabelled, refusal
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.spec import fingerprint_of
from mzbuild.pants_api import (
    collect_rules,
    concurrently,
    execute_process,
    implicitly,
    uncacheable_rule,
)
from mzbuild.rules.docker_engine import DockerClient
from mzbuild.rules.fingerprints import PublishedConfigurations
from mzbuild.rules.registries import ImageTagsRequest, configured_tags
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)

# Images' labels by their IDs, which are made of them: what was asked once holds for ever.
_LABELS: dict[str, Mapping[str, str]] = {}


@dataclass(frozen=True)
class ListedImages:
    """All images that the engine had when this run of Pants asked, by spec, with their IDs.

    That it depends on no file has the run ask once, even if files change meanwhile.
    """

    ids: Mapping[str, str]
    asked_at: float  # In seconds since the epoch.


@dataclass(frozen=True)
class LocalImages(ListedImages):
    """The same without those that somebody has tagged as others than they are."""

    def id_of(self, spec: str) -> str | None:
        """The ID of an image, `None` where the engine does not have it."""
        return self.ids.get(familiar(spec))


@dataclass(frozen=True)
class KnownLocalImages:
    """The same for who only looks; None where no engine answers, which is said."""

    images: LocalImages | None

    def those_of(self, specs: Mapping[str, str]) -> frozenset[str]:
        """The names of the images that the engine has, of some with their specs."""
        if self.images is None:
            return frozenset()
        return frozenset(name for name, spec in specs.items() if self.images.id_of(spec))


@uncacheable_rule
async def list_images(client: DockerClient) -> ListedImages:
    asked_at = time.time()
    result = await execute_process(
        client.process(list_images_args(), "List the images of the Docker engine"), **implicitly()
    )
    if result.exit_code:
        raise MzbuildError.of_lines(explain_failure(result.stderr.decode(errors="replace")))
    return ListedImages(parse_image_list(result.stdout.decode()), asked_at)


@uncacheable_rule
async def local_images(
    listed: ListedImages,
    client: DockerClient,
    configuration: Configuration,
    published_for: PublishedConfigurations,
    mzbuild: Mzbuild,
) -> LocalImages:
    tags = await concurrently(
        configured_tags(ImageTagsRequest(each), **implicitly())
        for each in dict.fromkeys((configuration, *published_for.configurations))
    )
    # The engine has many more, of earlier fingerprints and of others.
    ours = {familiar(tag) for each in tags for tag in each.local.values()}
    tagged = {spec: listed.ids[spec] for spec in ours & listed.ids.keys()}
    new = sorted(set(tagged.values()) - _LABELS.keys())
    if new:
        inspected = await execute_process(
            client.process(inspect_args(*new), "Look at images of the Docker engine"),
            **implicitly(),
        )
        _LABELS.update(parse_inspected(inspected.stdout.decode()))
    # What is not there has been removed since.
    labelled = {spec: _LABELS[image] for spec, image in tagged.items() if image in _LABELS}
    left_out, doubtful = tagged.keys() - labelled.keys(), []
    for spec, labels in labelled.items():
        if refused := refusal(fingerprint_of(spec), labels, mzbuild.unlabelled):
            left_out.add(spec)
            logger.warning(
                f"{spec} in the Docker engine: {refused} Somebody has tagged it by mistake: "
                f"`docker rmi {spec}` removes the tag."
            )
        elif is_unlabelled(labels) and tagged[spec] in new:
            doubtful.append(spec)
    if doubtful:
        logger.warning(doubt(sorted(doubtful)))
    return LocalImages(
        {spec: image for spec, image in listed.ids.items() if spec not in left_out},
        listed.asked_at,
    )


@uncacheable_rule
async def known_local_images() -> KnownLocalImages:
    try:
        return KnownLocalImages(await local_images(**implicitly()))
    except MzbuildError as error:
        logger.warning("No Docker engine says which images it has: %s", error)
        return KnownLocalImages(None)


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
