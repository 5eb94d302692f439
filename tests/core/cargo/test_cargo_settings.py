from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mzbuild.core.cargo.settings import CargoSettings, parse_cargo_options
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.configuration import Arch, Profile, Sanitizer

from tests.core.conftest import CONFIGURATION

ARM = replace(CONFIGURATION, arch=Arch.AARCH64)


def settings(configuration: Any = CONFIGURATION, **options: Any) -> CargoSettings:
    return parse_cargo_options(**options).settings(configuration)


def test_without_options_cargo_is_called_as_anybody_would() -> None:
    assert settings() == CargoSettings("x86_64-unknown-linux-gnu", "optimized")
    release = replace(ARM, profile=Profile.RELEASE)
    assert settings(release) == CargoSettings("aarch64-unknown-linux-gnu", "release")


def test_a_build_gets_what_applies_to_it_the_more_special_last() -> None:
    def flags(name: str) -> dict[str, object]:
        return {"rustflags": [name], "args": [f"--of-{name}"], "env": {"LAST": name, name: "set"}}

    options = {
        **flags("common"),
        "arch": {"x86_64": flags("arch"), "aarch64": flags("other-arch")},
        "profile": {"optimized": flags("profile"), "dev": flags("other-profile")},
        "coverage": flags("coverage"),
        "sanitizer": {"address": flags("sanitizer"), "thread": flags("other-sanitizer")},
    }
    plain = settings(**options).flags
    assert plain.rustflags == ("common", "arch", "profile")
    assert plain.args == ("--of-common", "--of-arch", "--of-profile")
    assert plain.env == (
        ("LAST", "profile"),
        ("arch", "set"),
        ("common", "set"),
        ("profile", "set"),
    )
    all_on = replace(CONFIGURATION, coverage=True, sanitizer=Sanitizer.ADDRESS)
    special = settings(all_on, **options).flags
    assert special.rustflags == ("common", "arch", "profile", "coverage", "sanitizer")
    assert dict(special.env)["LAST"] == "sanitizer"


def test_a_flag_without_a_value_comes_once() -> None:
    options = {
        "args": ["--no-default-features", "--config", "a"],
        "profile": {"optimized": {"args": ["--config", "b", "--no-default-features"]}},
    }
    expected = ("--no-default-features", "--config", "a", "--config", "b")
    assert settings(**options).flags.args == expected


def test_coverage_and_sanitizers_have_the_flags_that_they_need() -> None:
    coverage = replace(CONFIGURATION, coverage=True)
    assert settings(coverage).flags.rustflags == ("-Cinstrument-coverage",)
    assert settings(coverage, coverage={"rustflags": ["-Cmine"]}).flags.rustflags == ("-Cmine",)
    for sanitizer in Sanitizer:
        if sanitizer is not Sanitizer.NONE:
            configuration = replace(CONFIGURATION, sanitizer=sanitizer)
            assert settings(configuration).flags.rustflags, sanitizer
    address = replace(CONFIGURATION, sanitizer=Sanitizer.ADDRESS)
    jobs = settings(address, sanitizer={"address": {"args": ["--jobs=1"]}})
    assert jobs.flags.rustflags == ("-Zsanitizer=address",), "other keys keep their defaults"
    assert jobs.flags.args == ("--jobs=1",)


def test_each_architecture_has_its_tools() -> None:
    tools = {
        "target": "aarch64-unknown-linux-musl",
        "linker": "arm-ld",
        "strip": "arm-strip",
        "objcopy": "arm-objcopy",
    }
    arm = settings(ARM, arch={"aarch64": tools})
    assert (arm.target, arm.linker, arm.strip, arm.objcopy) == tuple(tools.values())
    assert settings(arch={"aarch64": tools}) == settings()


def test_a_profile_may_have_another_name_for_cargo() -> None:
    assert settings(profile={"optimized": {"cargo_profile": "fast"}}).cargo_profile == "fast"


def test_a_channel_may_be_written_as_for_cargo() -> None:
    assert settings(toolchain="+nightly") == settings(toolchain="nightly")


def test_the_canonical_form_is_about_what_is_built() -> None:
    several: list[dict[str, Any]] = [
        {},
        {"command_prefix": ["bin/ci-builder", "run"]},
        {"toolchain": "nightly"},
        {"rustflags": ["-Cmine"]},
        {"env": {"A": "b"}},
        {"args": ["-v"]},
        {"arch": {"x86_64": {"linker": "ld"}}},
        {"profile": {"optimized": {"cargo_profile": "fast"}}},
    ]
    assert len({settings(**options).canonical() for options in several}) == len(several)
    assert settings(passed_env=["TOKEN"]).canonical() == settings().canonical()
    assert settings(env={"A": "1", "B": "2"}) == settings(env={"B": "2", "A": "1"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"arch": {"arm64": {}}},
            "[mzbuild-cargo.arch] has no table `arm64`; the tables are `x86_64` and `aarch64`. "
            "Did you mean `aarch64`?",
        ),
        (
            {"sanitizer": {"none": {}}},
            "[mzbuild-cargo.sanitizer] has no table `none`; the tables are `address`, `hwaddress`, "
            "`cfi`, `thread`, `leak` and `undefined`.",
        ),
        (
            {"arch": {"aarch64": {"linkr": "ld"}}},
            "[mzbuild-cargo.arch.aarch64] has no key `linkr`; the keys are `target`, `linker`, "
            "`strip`, `objcopy`, `rustflags`, `env` and `args`. Did you mean `linker`?",
        ),
        (
            {"coverage": {"cargo_profile": "x"}},
            "[mzbuild-cargo.coverage] has no key `cargo_profile`; the keys are `rustflags`, `env` "
            "and `args`.",
        ),
        (
            {"profile": {"dev": "fast"}},
            "[mzbuild-cargo.profile.dev] must be a table with any of `cargo_profile`, `rustflags`, "
            "`env` and `args`.",
        ),
        (
            {"arch": {"x86_64": {"target": 1}}},
            "[mzbuild-cargo.arch.x86_64]: `target` must be a string that is not empty.",
        ),
        (
            {"coverage": {"rustflags": "-Cmine"}},
            '[mzbuild-cargo.coverage]: `rustflags` must be a list of strings: `["…"]`.',
        ),
        (
            {"coverage": {"env": ["A=b"]}},
            "[mzbuild-cargo.coverage]: `env` must be a table of names and values.",
        ),
        (
            {"coverage": {"env": {"A": 1}}},
            "[mzbuild-cargo.coverage]: the value of `A` in `env` must be a string.",
        ),
        (
            {"passed_env": ["A=b"]},
            "[mzbuild-cargo].passed_env: `A=b` cannot be the name of an environment variable.",
        ),
        (
            {"env": {"RUSTFLAGS": "-v"}},
            "[mzbuild-cargo]: `RUSTFLAGS` in `env` cannot be set here. Set `rustflags`, which adds "
            "to those of `.cargo/config`.",
        ),
        (
            {"profile": {"dev": {"args": ["--profile=x"]}}},
            "[mzbuild-cargo.profile.dev]: `--profile=x` cannot be in `args`. Set `cargo_profile` "
            "in [mzbuild-cargo.profile.…].",
        ),
    ],
)
def test_a_mistake_is_named_where_it_is(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MzbuildError) as error:
        parse_cargo_options(**options)
    assert str(error.value) == message
