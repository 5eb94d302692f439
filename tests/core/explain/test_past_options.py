from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from mzbuild.core.configuration import (
    DEFAULTS,
    Arch,
    Configuration,
    Profile,
    Sanitizer,
    Scheme,
)
from mzbuild.core.errors import MzbuildError
from mzbuild.core.explain.past_options import configured, past_configuration

CURRENT = replace(DEFAULTS, profile=Profile.RELEASE)


def past(
    now: Mapping[str, object], then: Mapping[str, object], fixed: Collection[str] = ()
) -> Configuration:
    return past_configuration(CURRENT, fixed, now, then, "v1")


def test_the_later_file_goes_before_and_other_options_do_not_count() -> None:
    files = [
        ("pants.toml", b'[GLOBAL]\narch = "x"\n[mzbuild]\nprofile = "dev"\nbuild = "never"\n'),
        ("pants.ci.toml", b'[mzbuild]\nprofile = "release"\nfingerprint_scheme = "strict"\n'),
        ("pants.other.toml", b"mzbuild = 1\n"),
    ]
    assert configured(files) == {"profile": "release", "fingerprint_scheme": "strict"}


def test_what_files_have_always_said_is_as_it_is() -> None:
    # A file of the user's own, say, has set another value than the repository's files.
    assert past({"profile": "dev"}, {"profile": "dev"}) == CURRENT
    assert past({}, {}) == CURRENT


def test_what_files_said_otherwise() -> None:
    then = {
        "arch": "aarch64",
        "profile": "dev",
        "coverage": True,
        "sanitizer": "leak",
        "fingerprint_scheme": "strict",
    }
    assert past({"profile": "release"}, then) == Configuration(
        Arch.AARCH64, Profile.DEV, coverage=True, sanitizer=Sanitizer.LEAK, scheme=Scheme.STRICT
    )


def test_what_files_did_not_say_yet() -> None:
    assert past({"profile": "release"}, {}) == DEFAULTS


def test_a_flag_goes_before_files() -> None:
    assert past({}, {"profile": "dev"}, fixed=["profile"]) == CURRENT


@pytest.mark.parametrize("then", [{"profile": "fast"}, {"coverage": "false"}])
def test_a_value_that_cannot_be(then: Mapping[str, object]) -> None:
    ((name, value),) = then.items()
    with pytest.raises(MzbuildError) as error:
        past({}, then)
    assert str(error.value) == (
        f"In `v1`, [mzbuild].{name} is `{value}`, which it cannot be. To explain fingerprints all "
        "the same, set the option by a flag."
    )
