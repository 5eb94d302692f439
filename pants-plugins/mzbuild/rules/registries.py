"""The registries of the repository: their tags, and what they say of them."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Callable

from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.internals.session import SessionValues
from pants.engine.rules import Rule
from pants.option.global_options import GlobalOptions

from mzbuild.core.cargo.lent_environment import lent
from mzbuild.core.configuration import Configuration
from mzbuild.core.docker.arguments import with_config
from mzbuild.core.docker.client_config import AUTH_VARIABLE, config_directory, config_with_auths
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Registry, parse_registries, primary, registry_tag
from mzbuild.core.registries.client import Answer, Present, RegistryClient, RegistryTag
from mzbuild.core.registries.login import log_in
from mzbuild.core.registries.memory import RegistryMemory
from mzbuild.pants_api import collect_rules, implicitly, rule, uncacheable_rule
from mzbuild.rules.docker_engine import DockerClient
from mzbuild.rules.fingerprints import (
    FingerprintsRequest,
    configured_fingerprints,
)
from mzbuild.rules.images import Images
from mzbuild.subsystems.mzbuild import Mzbuild

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registries:
    """The registries that images are published to, the primary one first. There may be none."""

    registries: tuple[Registry, ...]

    @property
    def token_variables(self) -> tuple[str, ...]:
        """The environment variables that have a registry's token in them."""
        tokens = (registry.token_env for registry in self.registries if registry.token_env)
        return (AUTH_VARIABLE, *tokens)

    def check(self) -> None:
        """Raises `MzbuildError` where there is none, for goals that are about nothing else."""
        if not self.registries:
            raise MzbuildError(
                "There is no registry that images are published to. List at least one in "
                "[mzbuild.registries]; `pants help-advanced mzbuild` has an example."
            )


@dataclass(frozen=True)
class ImageTags:
    """The names that the images have for Docker, by the images' own names.

    `local` are those that the engine and `FROM` lines know them by: the tags of the primary
    registry, or just the specs. `published` are all tags of an image that is published, that of
    the primary registry first.
    """

    local: Mapping[str, str]
    published: Mapping[str, tuple[RegistryTag, ...]]


@dataclass(frozen=True)
class ImageTagsRequest:
    """A request for the names of all images as they are in a configuration."""

    configuration: Configuration


@dataclass(frozen=True)
class ConfiguredTags(ImageTags):
    """The names in the configuration that was asked for."""


@dataclass(frozen=True)
class RegistryAccess:
    """What it takes to speak to the registries in this run.

    It is never part of a request: requests are kept, and the environment has tokens in it.
    """

    registries: tuple[Registry, ...]
    timeout: int
    # How long a registry has that cannot be reached at all.
    patience: float
    memory_file: Path
    max_age: int
    env: CompleteEnvironmentVars

    @cached_property
    def memory(self) -> RegistryMemory:
        """What earlier runs have seen."""
        return RegistryMemory(str(self.memory_file))

    def client(self) -> RegistryClient:
        """A client to be used as a context manager."""
        return RegistryClient(self.registries, self.env, self.patience, logger.warning)

    @contextlib.contextmanager
    def lend_credentials(self) -> Iterator[Callable[[tuple[str, ...]], tuple[str, ...]]]:
        """Yields what makes a command of Docker's client one that has the credentials of
        `DOCKER_AUTH_CONFIG`, as long as this lasts.

        They are part of neither its arguments nor its environment, which Pants keeps.
        """
        has_token = {each.host for each in self.registries if self.env.get(each.token_env or "")}
        config = config_with_auths(self.env, has_token)
        if config is None:
            yield lambda argv: argv
            return
        with lent(config) as path:
            yield lambda argv: with_config(argv, path, str(config_directory(self.env)))

    def check(
        self, tags: Iterable[RegistryTag], *, remembered: bool = False
    ) -> Mapping[RegistryTag, Answer]:
        """What the registries say of some tags, all asked at once.

        With `remembered`, they are not asked for what they said a while ago.
        """
        asked = tuple(dict.fromkeys(tags))
        known: dict[RegistryTag, Answer] = {}
        if remembered and asked:
            seen = self.memory.recall(self.max_age, time.time())
            known = {tag: Present(seen[tag[1]]) for tag in asked if tag[1] in seen}
        asking = [tag for tag in asked if tag not in known]
        if not asking:
            return known
        with self.client() as client:
            answers = client.check(asking, self.timeout)
        digests = {
            tag[1]: answer.digest for tag, answer in answers.items() if isinstance(answer, Present)
        }
        if self.max_age:
            self.memory.remember(digests, self.max_age, time.time())
        self.memory.forget(tag[1] for tag in asking if tag[1] not in digests)
        return {**known, **answers}

    def __repr__(self) -> str:
        return "RegistryAccess()"


@dataclass(frozen=True)
class DockerLoginRequest:
    """A request for Docker's client to be logged in to a registry, if it has a user."""

    registry: Registry


@dataclass(frozen=True)
class DockerLogin:
    """Whether the client could be logged in, or what was wrong.

    It is no error yet: Pants carries out a rule that has failed again for each that waits for it,
    and there are registries that lock out who comes with a wrong password too often.
    """

    error: str | None

    def check(self) -> None:
        """Raises `MzbuildError` where the client could not be logged in."""
        if self.error:
            raise MzbuildError(self.error)


@dataclass(frozen=True)
class ExistenceRequest:
    """A question to the registries whether they have some tags.

    With `remembered`, they are not asked for what they have said a while ago.
    """

    tags: tuple[RegistryTag, ...]
    remembered: bool = False


@dataclass(frozen=True)
class Existence:
    """What the registries have said in this run."""

    answers: Mapping[RegistryTag, Answer]


@rule
def registries(mzbuild: Mzbuild, session_values: SessionValues) -> Registries:
    env = session_values[CompleteEnvironmentVars]
    parsed = parse_registries(mzbuild.registries, env)
    if not parsed:
        return Registries(())
    first = primary(parsed, mzbuild.primary_registry, env)
    return Registries((first, *(registry for registry in parsed if registry != first)))


@rule
async def image_tags(configuration: Configuration) -> ImageTags:
    configured = await configured_tags(ImageTagsRequest(configuration), **implicitly())
    return ImageTags(configured.local, configured.published)


@rule
async def configured_tags(
    request: ImageTagsRequest, /, registries: Registries, images: Images
) -> ConfiguredTags:
    fingerprints = await configured_fingerprints(
        FingerprintsRequest(request.configuration), **implicitly()
    )
    tags = {
        name: tuple((registry, registry_tag(registry, spec)) for registry in registries.registries)
        for name, spec in fingerprints.specs.items()
    }
    return ConfiguredTags(
        {
            name: tags[name][0][1] if tags[name] else spec
            for name, spec in fingerprints.specs.items()
        },
        {name: tags[name] if images.graph.by_name[name].publish else () for name in tags},
    )


@uncacheable_rule
def registry_access(
    registries: Registries,
    mzbuild: Mzbuild,
    session_values: SessionValues,
    global_options: GlobalOptions,
) -> RegistryAccess:
    return RegistryAccess(
        registries.registries,
        mzbuild.registry_timeout,
        mzbuild.registry_patience,
        Path(global_options.named_caches_dir, "mzbuild", "registries.json"),
        mzbuild.registry_max_age,
        session_values[CompleteEnvironmentVars],
    )


@uncacheable_rule
def docker_login(
    request: DockerLoginRequest, /, client: DockerClient, access: RegistryAccess
) -> DockerLogin:
    registry = request.registry
    token = access.env.get(registry.token_env) if registry.token_env else None
    try:
        if token and registry.user:
            log_in(registry, token, client.path, client.env, access.timeout, access.patience)
    except MzbuildError as error:
        return DockerLogin(str(error))
    return DockerLogin(None)


@uncacheable_rule
def ask_registries(request: ExistenceRequest, /, access: RegistryAccess) -> Existence:
    return Existence(access.check(request.tags, remembered=request.remembered))


def rules() -> tuple[Rule, ...]:
    return tuple(collect_rules())
