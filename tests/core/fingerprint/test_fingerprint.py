from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.configuration import Arch, Configuration, Profile, Sanitizer, Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.scheme import input_record, raw_fingerprint, show_fingerprint
from mzbuild.core.image.declaration import Image

from tests.core.conftest import CONFIGURATION, VECTORS, describe

EXPECTED = json.loads((VECTORS / "expected.json").read_text())


def configuration(written: str) -> Configuration:
    """The configuration that a vector is for: `profile=dev arch=aarch64 …`."""
    values = dict(pair.split("=") for pair in written.split())
    return Configuration(
        arch=Arch(values["arch"]),
        profile=Profile(values["profile"]),
        coverage=values["coverage"] == "true",
        sanitizer=Sanitizer(values["sanitizer"]),
        scheme=Scheme.MZBUILD,
    )


def test_there_are_vectors_for_18_configurations() -> None:
    assert len(EXPECTED["fingerprints"]) == 18


@pytest.mark.parametrize("written", EXPECTED["fingerprints"])
def test_fingerprints_are_those_of_the_vectors(vectors_repository: Path, written: str) -> None:
    description = describe(vectors_repository, configuration(written))
    assert description.fingerprints == EXPECTED["fingerprints"][written]


@pytest.mark.parametrize("written", EXPECTED["fingerprints"])
def test_the_strict_scheme_shares_no_fingerprint_with_the_other(
    vectors_repository: Path, written: str
) -> None:
    strict = replace(configuration(written), scheme=Scheme.STRICT)
    fingerprints = describe(vectors_repository, strict).fingerprints
    assert not set(fingerprints.values()) & set(EXPECTED["fingerprints"][written].values())


def raw(image: Image, configuration: Configuration = CONFIGURATION) -> bytes:
    """The fingerprint of an image without any inputs, which builds on nothing."""
    return raw_fingerprint(image, (), (), configuration)


def sha1(content: bytes) -> bytes:
    return hashlib.sha1(content).digest()


def test_the_scheme_is_what_it_says_byte_for_byte() -> None:
    base = Image("base", "base", "base/mzbuild.yml")
    top = Image(
        "top", "top", "top/mzbuild.yml", pre_image=(CopyAction("a", "b"), CargoBuildAction(("x",)))
    )
    records = [
        input_record("z", 0o120000, sha1(b"2")),
        input_record("é", 0o100755, sha1(b"1")),
    ]
    configuration = replace(CONFIGURATION, profile=Profile.RELEASE, coverage=True)
    raw_base = raw(base, configuration)
    raw_top = raw_fingerprint(top, records, [("base", raw_base)], configuration)
    ending = b"profile=Profile.RELEASEarch=x86_64coverage=Truesanitizer=nonemirror=ghcr"
    expected_base = sha1(sha1(ending))
    own = b"\xa0\x00z" + sha1(b"2") + b"\0" + b"\x81\xed" + "é".encode() + sha1(b"1") + b"\0"
    own += b"\0" + b"a,a,c,e,e,e,e,e,g,l,o,r,r,s,v\0"
    assert raw_base == expected_base
    assert raw_top == sha1(sha1(own + ending) + b"base" + expected_base + b"\0")


@pytest.mark.parametrize(
    ("profile", "coverage", "sanitizer", "extra"),
    [
        (Profile.OPTIMIZED, False, Sanitizer.NONE, "d,e,i,i,m,o,p,t,z"),
        (Profile.RELEASE, False, Sanitizer.NONE, "a,e,e,e,l,r,s"),
        (Profile.DEV, False, Sanitizer.NONE, ""),
        (Profile.DEV, True, Sanitizer.NONE, "a,c,e,e,g,o,r,v"),
        (Profile.DEV, False, Sanitizer.CFI, "c,f,i"),
        (Profile.RELEASE, False, Sanitizer.LEAK, "a,a,e,e,e,e,k,l,l,r,s"),
    ],
)
def test_a_cargo_build_adds_the_sorted_characters_of_its_flags(
    profile: Profile, coverage: bool, sanitizer: Sanitizer, extra: str
) -> None:
    image = Image("i", "i", "i/mzbuild.yml", pre_image=(CargoBuildAction(("x",)),))
    declared = f"{extra}\0profile=Profile.{profile.name}arch=x86_64coverage={coverage}"
    declared += f"sanitizer={sanitizer.value}mirror=ghcr"
    configuration = replace(CONFIGURATION, profile=profile, coverage=coverage, sanitizer=sanitizer)
    assert raw(image, configuration) == sha1(sha1(declared.encode()))


def test_a_change_of_any_option_changes_the_fingerprint() -> None:
    image = Image("i", "i", "i/mzbuild.yml")
    configurations = [
        CONFIGURATION,
        replace(CONFIGURATION, arch=Arch.AARCH64),
        *(replace(CONFIGURATION, profile=profile) for profile in list(Profile)[1:]),
        replace(CONFIGURATION, coverage=True),
        *(replace(CONFIGURATION, sanitizer=sanitizer) for sanitizer in list(Sanitizer)[1:]),
        replace(CONFIGURATION, scheme=Scheme.STRICT),
    ]
    assert len({raw(image, configuration) for configuration in configurations}) == 12


def test_a_fingerprint_is_shown_as_32_characters_of_base32() -> None:
    shown = show_fingerprint(sha1(b"x"))
    assert len(shown) == 32
    assert base64.b32decode(shown) == sha1(b"x")


def test_a_name_that_is_not_utf_8_is_an_error() -> None:
    with pytest.raises(MzbuildError) as error:
        input_record("i/caf\udce9", 0o100644, sha1(b""))
    assert str(error.value) == (
        "The file name b'i/caf\\xe9' is not UTF-8 text, so it cannot be an input of an image. "
        "Rename the file, or have Git ignore it."
    )
