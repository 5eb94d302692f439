from __future__ import annotations

import hashlib
import json

import pytest
from mzbuild.core.registries.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    NotAManifestError,
    is_digest,
    manifest_list,
    parse_architecture,
)

DIGEST = "sha256:" + "0" * 64


def manifest(name: str, media_type: str = DOCKER_MANIFEST) -> Manifest:
    return Manifest(media_type, json.dumps({"schemaVersion": 2, "name": name}).encode())


def test_a_digest_is_of_the_bytes() -> None:
    assert Manifest(OCI_MANIFEST, b"{}").digest == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"


@pytest.mark.parametrize("text", [None, "", "sha256:", "sha256:" + "0" * 63, DIGEST + "\n"])
def test_what_is_no_digest(text: str | None) -> None:
    assert not is_digest(text)


def test_a_list_has_its_parts_and_is_the_same_each_time() -> None:
    parts = {"arm64": manifest("arm"), "amd64": manifest("amd")}
    made = manifest_list(parts)
    assert made.media_type == DOCKER_LIST
    assert made.is_list
    assert made.parts == {"amd64": parts["amd64"].digest, "arm64": parts["arm64"].digest}
    assert made == manifest_list(dict(reversed(list(parts.items()))))
    entry = json.loads(made.content)["manifests"][0]
    assert (entry["mediaType"], entry["size"]) == (DOCKER_MANIFEST, len(parts["amd64"].content))


def test_a_list_with_a_part_of_oci_is_an_index_of_oci() -> None:
    made = manifest_list({"amd64": manifest("a"), "arm64": manifest("b", OCI_MANIFEST)})
    assert made.media_type == OCI_INDEX
    assert json.loads(made.content)["mediaType"] == OCI_INDEX


def test_what_is_in_a_list_beside_images_is_left_out() -> None:
    entries = [
        {"digest": DIGEST, "platform": {"architecture": "amd64", "os": "linux"}},
        {"digest": DIGEST, "platform": {"architecture": "unknown", "os": "unknown"}},
        {"digest": DIGEST, "platform": {"architecture": "arm64", "os": "windows"}},
        {"digest": "sha256:x", "platform": {"architecture": "s390x", "os": "linux"}},
        {"digest": DIGEST},
        None,
    ]
    content = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    assert Manifest(OCI_INDEX, content).parts == {"amd64": DIGEST}
    assert Manifest(OCI_INDEX, b'{"manifests": 1}').parts == {}


def test_a_manifest_names_its_configuration() -> None:
    content = json.dumps({"config": {"digest": DIGEST}}).encode()
    assert Manifest(OCI_MANIFEST, content).config_digest == DIGEST


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"config": {"digest": "../x"}}',
        b'{"schemaVersion":' + b"[" * 99_999,
    ],
)
def test_what_is_no_manifest(content: bytes) -> None:
    broken = Manifest(OCI_MANIFEST, content)
    with pytest.raises(NotAManifestError):
        broken.check()
    with pytest.raises(NotAManifestError):
        _ = broken.config_digest


def test_a_configuration_names_its_architecture() -> None:
    assert parse_architecture(b'{"architecture": "arm64", "config": {}}') == "arm64"
    assert parse_architecture(b"{}") == ""
    with pytest.raises(NotAManifestError):
        parse_architecture(b"\xff")
