"""A registry as somebody has it who wants to know what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mzbuild.core.registries.addresses import Registry, registry_tag
from mzbuild.core.registries.client import Answer, RegistryClient
from mzbuild.core.registries.round import Unknown

from tests.e2e.registry import RunningRegistry

TAG = "mzbuild-" + "A" * 32
BUDGET = 20.0  # seconds: more than anything takes that works
MANIFESTS = "/manifests/"


@dataclass(frozen=True)
class Site:
    """A registry as a repository configures it, and the environment of its user."""

    registry: Registry
    env: Mapping[str, str]

    def client(self) -> RegistryClient:
        return RegistryClient([self.registry], self.env)

    def tag(self, repository: str, tag: str = TAG) -> str:
        return registry_tag(self.registry, f"{repository}:{tag}")

    def check(self, *repositories: str, budget: float = BUDGET) -> list[Answer]:
        tags = [(self.registry, self.tag(repository)) for repository in repositories]
        with self.client() as client:
            answers = client.check(tags, budget)
        return [answers[tag] for tag in tags]

    def check_push(self, repository: str, budget: float = BUDGET) -> str | None:
        tag = (self.registry, self.tag(repository))
        with self.client() as client:
            refused = client.check_push([tag], budget)
        return refused[tag].reason if refused else None


def site(address: str, **env: str) -> Site:
    return Site(Registry("r", address), env)


def site_of(registry: RunningRegistry, **env: str) -> Site:
    """The registry as somebody sees it who has its password, and trusts its authority."""
    token = {"TOKEN": registry.password} if registry.user else {}
    trusted = {"SSL_CERT_FILE": str(registry.authority)} if registry.authority else {}
    return Site(
        Registry(
            "r",
            registry.address,
            registry.user or None,
            "TOKEN" if registry.user else None,
            plain_http=registry.authority is None,
        ),
        {**token, **trusted, **env},
    )


def reason(answer: Answer) -> str:
    assert isinstance(answer, Unknown)
    return answer.reason
