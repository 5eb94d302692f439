"""The fingerprint of an image, byte for byte as the teams' registries know it.

self = sha1 over, for each input sorted by path: mode (2 bytes, big-endian), path, SHA-1 of
       the content, NUL; then for each pre-image action its extra and NUL; then for
       each target that actions take its definition and NUL; then the configuration, without
       separators
full = sha1 over: self's digest; then for each image built on, sorted by name: name, raw
       fingerprint, NUL
fingerprint = base32 of full's digest
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from mzbuild.core.configuration import Configuration, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image


def input_record(path: str, mode: int, content_sha1: bytes) -> bytes:
    """What one input adds to the hash.

    `mode` is 0o120000, 0o100755 or 0o100644, `content_sha1` 20 raw bytes. Raises `MzbuildError`
    for a path that is not UTF-8, which the scheme cannot express.
    """
    try:
        name = path.encode()
    except UnicodeEncodeError:
        raise MzbuildError(
            f"The file name {path.encode('utf-8', 'surrogateescape')!r} is not UTF-8 text, so it "
            "cannot be an input of an image. Rename the file, or have Git ignore it."
        ) from None
    return b"%b%b%b\0" % (mode.to_bytes(2, "big"), name, content_sha1)


def raw_fingerprint(
    image: Image,
    records: Iterable[bytes],
    built_on: Iterable[tuple[str, bytes]],
    configuration: Configuration,
    definitions: Iterable[str] = (),
) -> bytes:
    """The fingerprint of one image, 20 raw bytes.

    `records` has the `input_record`s of all inputs, sorted by path, in pieces of any size;
    `built_on` the name and raw fingerprint of every image that it builds on directly, by name;
    `definitions` what its groups of inputs have, in their order.
    """
    own = hashlib.sha1()
    for record in records:
        own.update(record)
    own.update(_declared(image, configuration, definitions))
    full = hashlib.sha1(own.digest())
    for name, fingerprint in built_on:
        full.update(b"%b%b\0" % (name.encode(), fingerprint))
    return full.digest()


def show_fingerprint(raw: bytes) -> str:
    """A raw fingerprint as people and tags have it: 32 characters of upper-case base32."""
    return base64.b32encode(raw).decode()


def _declared(image: Image, configuration: Configuration, definitions: Iterable[str]) -> bytes:
    text = "".join(f"{action.extra(configuration)}\0" for action in image.pre_image)
    text += "".join(f"definition={each}\0" for each in definitions)
    text += f"profile=Profile.{configuration.profile.name}"
    text += f"arch={configuration.arch.value}"
    text += f"coverage={configuration.coverage}"
    text += f"sanitizer={configuration.sanitizer.value}"
    text += "mirror=ghcr"
    if configuration.scheme is Scheme.STRICT:
        text += "scheme=strict"
        extras = (action.strict_extra(configuration) for action in image.pre_image)
        text += "".join(dict.fromkeys(extras))
    return text.encode()
