"""Asking registries what they have, and changing what their tags mean. It talks to the network.

Every question is asked within a budget of time, in which faults are waited out; an answer that
cannot be had in it is `Unknown` or an error, never a guess.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Callable, TypeVar, Union

from mzbuild.core.configuration import Arch
from mzbuild.core.errors import MzbuildError
from mzbuild.core.registries.addresses import Registry, RemoteImage, Server, remote_image
from mzbuild.core.registries.answers import describe, fault, says_absent
from mzbuild.core.registries.auth import Authorizer
from mzbuild.core.registries.credentials import Keychain
from mzbuild.core.registries.http_transport import Response, Transport, join_url, split_url
from mzbuild.core.registries.manifests import (
    MEDIA_TYPES,
    Manifest,
    NotAManifestError,
    digest_of,
    is_digest,
    manifest_list,
    parse_architecture,
)
from mzbuild.core.registries.retry import FinalError, TransientError
from mzbuild.core.registries.round import Unknown, ask_all

T = TypeVar("T")

_ACCEPT = {"Accept": ", ".join(MEDIA_TYPES)}


@dataclass(frozen=True)
class Present:
    """The registry has the tag; it stands for the manifest of this digest."""

    digest: str


@dataclass(frozen=True)
class Absent:
    """The registry has said that it does not have the tag."""


Answer = Union[Present, Absent, Unknown]
RegistryTag = tuple[Registry, str]


class RegistryError(MzbuildError):
    """A registry has not done what it was asked for."""


class RegistryClient:
    """A client of some registries; threads may share it. A context manager.

    The tags are as `registry_tag` makes them, the budgets in seconds. Every method raises
    `MzbuildError` where what is configured for registries, proxies or certificates is wrong.
    """

    def __init__(
        self,
        registries: Iterable[Registry],
        env: Mapping[str, str],
        patience: float = math.inf,
        say: Callable[[str], None] = lambda sentence: None,
    ):
        """`env` is the environment of the user's command; a registry that cannot be reached has
        `patience` seconds. Where many questions have to wait, `say` is told for whom.
        """
        self._patience = patience
        self._say = say
        self._transport = Transport(env)
        self._authorizer = Authorizer(self._transport, Keychain(registries, env))
        # The servers whose answers to HEAD leave open what those to GET say.
        self._asked_by_get: set[Server] = set()

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transport.close()

    def check(self, tags: Iterable[RegistryTag], budget: float) -> Mapping[RegistryTag, Answer]:
        """Whether each tag is in its registry, asked for all of them at once."""
        return self._ask_all(tags, self._exists, budget, self._say)

    def check_push(
        self, tags: Iterable[RegistryTag], budget: float
    ) -> Mapping[RegistryTag, Unknown]:
        """The tags that could not be pushed now, each with why; nothing stays in the registry."""
        answers = self._ask_all(tags, self._try_upload, budget, self._say)
        return {tag: answer for tag, answer in answers.items() if answer is not None}

    def manifest(self, registry: Registry, tag: str, budget: float) -> Manifest:
        """The manifest that a tag stands for. Raises `RegistryError` where it cannot be had."""
        return self._ask((registry, tag), self._manifest, budget)

    def list_of(self, registry: Registry, parts: Mapping[Arch, str], budget: float) -> Manifest:
        """A list, which `put_manifest` may then publish, of images of one repository by their tags.

        Raises `RegistryError` where a tag is not there or is an image for another architecture.
        """
        deadline = time.monotonic() + budget
        manifests = {}
        for arch, tag in parts.items():
            ask = functools.partial(self._image, arch)
            manifest, architecture = self._ask((registry, tag), ask, deadline - time.monotonic())
            if architecture != arch.go_name:
                raise RegistryError(
                    f"{tag} should be an image for `{arch.go_name}`, but is one for "
                    f"`{architecture}`. Build and push the right one."
                )
            manifests[arch.go_name] = manifest
        return manifest_list(manifests)

    def put_manifest(self, registry: Registry, tag: str, manifest: Manifest, budget: float) -> None:
        """Makes a tag stand for a manifest, of which the repository has all parts.

        Raises `RegistryError` where the registry does not take it.
        """
        self._ask((registry, tag), functools.partial(self._put, manifest), budget)

    def _ask_all(
        self,
        tags: Iterable[RegistryTag],
        ask: Callable[[Registry, RemoteImage, float], T],
        budget: float,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> Mapping[RegistryTag, T | Unknown]:
        images = {tag: remote_image(*tag) for tag in tags}
        return ask_all(
            {tag: tag[0].address for tag in images},
            lambda tag, deadline: ask(tag[0], images[tag], deadline),
            budget,
            self._patience,
            say,
        )

    def _ask(
        self, tag: RegistryTag, ask: Callable[[Registry, RemoteImage, float], T], budget: float
    ) -> T:
        answer = self._ask_all([tag], ask, budget)[tag]
        if isinstance(answer, Unknown):
            raise RegistryError(f"{tag[1]}: {answer.reason}.")
        return answer

    def _exists(self, registry: Registry, image: RemoteImage, deadline: float) -> Answer:
        # What the headers leave open (HEAD has no body) is settled by the body.
        for method in ("GET",) if image.server in self._asked_by_get else ("HEAD", "GET"):
            response = self._get(registry, image, image.tag, deadline, method)
            digest = response.headers.get("Docker-Content-Digest")
            answer: Answer | None = None
            if says_absent(response):
                answer = Absent()
            elif response.status == 200 and method == "GET":
                answer = Present(_as_manifest(image.server, response).digest)
            elif response.status == 200 and digest and is_digest(digest):
                answer = Present(digest)
            if answer:
                if method == "GET":
                    self._asked_by_get.add(image.server)
                return answer
            if response.status not in (200, 404, 405):
                break
        if response.status in (401, 403):
            # The credentials are right, and yet: some registries answer so on a bad day.
            raise TransientError(describe(image.server, response))
        raise fault(image.server, response, time.time())

    def _manifest(
        self, registry: Registry, image: RemoteImage, deadline: float, reference: str = ""
    ) -> Manifest:
        response = self._get(registry, image, reference or image.tag, deadline)
        if says_absent(response):
            raise FinalError(f"{image.server} does not have it")
        if response.status != 200:
            raise fault(image.server, response, time.time())
        return _as_manifest(image.server, response)

    def _image(
        self, arch: Arch, registry: Registry, image: RemoteImage, deadline: float
    ) -> tuple[Manifest, str]:
        try:
            manifest = self._manifest(registry, image, deadline)
            if manifest.is_list:
                if arch.go_name not in manifest.parts:
                    raise FinalError(f"there is no image for `{arch.go_name}` in it")
                part = manifest.parts[arch.go_name]
                manifest = self._manifest(registry, image, deadline, part)
            digest = manifest.config_digest
            blob = self._get(registry, image, digest, deadline, kind="blobs")
            if blob.status != 200:
                raise fault(image.server, blob, time.time())
            if digest_of(blob.body) != digest:
                raise TransientError(f"{image.server} answers with other bytes than it says")
            return manifest, parse_architecture(blob.body)
        except NotAManifestError as error:
            raise FinalError(f"what {image.server} has for it is no image: {error}") from None

    def _put(
        self, manifest: Manifest, registry: Registry, image: RemoteImage, deadline: float
    ) -> None:
        response = self._authorizer.send(
            registry,
            f"repository:{image.repository}:pull,push",
            "PUT",
            _url(image, "manifests", image.tag),
            {"Content-Type": manifest.media_type},
            deadline,
            manifest.content,
        )
        if response.status != 201:
            raise fault(image.server, response, time.time())

    def _try_upload(self, registry: Registry, image: RemoteImage, deadline: float) -> None:
        send = functools.partial(
            self._authorizer.send, registry, f"repository:{image.repository}:pull,push"
        )
        response = send("POST", _url(image, "blobs", "uploads/"), {}, deadline, b"")
        location = response.headers.get("Location")
        if response.status != 202:
            raise fault(image.server, response, time.time())
        if not location:
            raise TransientError(f"{describe(image.server, response)}, and not where to upload to")
        # An upload that cannot be taken back is forgotten by the registry in time.
        with contextlib.suppress(TransientError, FinalError):
            upload = join_url(response.url, location)
            if split_url(upload)[0] == image.server:
                send("DELETE", upload, {}, deadline)

    def _get(
        self,
        registry: Registry,
        image: RemoteImage,
        reference: str,
        deadline: float,
        method: str = "GET",
        kind: str = "manifests",
    ) -> Response:
        scope = f"repository:{image.repository}:pull"
        url = _url(image, kind, reference)
        headers = _ACCEPT if kind == "manifests" else {}
        return self._authorizer.send(registry, scope, method, url, headers, deadline)


def _url(image: RemoteImage, kind: str, reference: str) -> str:
    return f"{image.server.url}/v2/{image.repository}/{kind}/{reference}"


def _as_manifest(server: Server, response: Response) -> Manifest:
    media_type = response.headers.get_content_type()
    if media_type not in MEDIA_TYPES:
        raise FinalError(f"{server} answers 200 OK, but not with the manifest of an image")
    manifest = Manifest(media_type, response.body)
    if response.headers.get("Docker-Content-Digest", manifest.digest) != manifest.digest:
        raise TransientError(f"{server} answers with other bytes than it says")
    try:
        manifest.check()
    except NotAManifestError as error:
        # The digest, which would tell as much, may have been cut off with the end.
        raise TransientError(f"{server} answers with a broken manifest: {error}") from None
    return manifest
