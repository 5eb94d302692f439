from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toml
from mzbuild.core.cargo.options import parse_cargo_options
from mzbuild.core.cargo.settings import CargoSettings
from mzbuild.core.configuration import Arch, Profile, Sanitizer
from mzbuild.core.errors import MzbuildError

from tests.core.conftest import CONFIGURATION

ARM = replace(CONFIGURATION, arch=Arch.AARCH64)
KEYS = (
    "the keys are `rustflags`, `env`, `args`, `passed_env`, `command_prefix`, `toolchain`, "
    "`target`, `linker`, `strip`, `objcopy` and `cargo_profile`"
)


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


@pytest.mark.parametrize("before", [["--jobs=8"], ["--jobs", "8"], ["-j8"], ["-j", "8"]])
@pytest.mark.parametrize("after", [["--jobs={cores/2}"], ["-j", "2"], ["-j8"], ["-j{cores}"]])
def test_the_last_number_of_jobs_is_the_one(before: list[str], after: list[str]) -> None:
    options = {"args": ["-v", *before, "-q"], "profile": {"optimized": {"args": after}}}
    assert settings(**options).flags.args == ("-v", "-q", *after)


@pytest.mark.parametrize(
    ("text", "on_eight", "on_one"),
    [
        ("--jobs={cores}", "--jobs=8", "--jobs=1"),
        ("{cores/2}", "4", "1"),
        ("{cores*2/3}-{cores*2}", "5-16", "1-2"),
        ("{cares}", "{cares}", "{cares}"),
    ],
)
def test_numbers_are_computed_from_the_cores(text: str, on_eight: str, on_one: str) -> None:
    written = settings(rustflags=[text], env={"N": text}, args=[text])
    assert written.on_cores(8) == settings(
        rustflags=[on_eight], env={"N": on_eight}, args=[on_eight]
    )
    assert written.on_cores(1).flags.args == (on_one,)
    assert text.encode() in written.canonical(), "it is the same for all machines"


def test_a_table_with_when_is_for_any_combination() -> None:
    tables: list[dict[str, Any]] = [
        {
            "when": {"profile": "optimized", "sanitizer": "none", "coverage": False},
            "args": ["a"],
        },
        {"when": {"sanitizer": "address", "arch": "aarch64"}, "command_prefix": ["arm-asan"]},
        {"when": {"sanitizer": ["address", "thread"]}, "toolchain": "+nightly"},
        {"when": {"arch": ["x86_64"]}, "linker": "ld", "strip": "x-strip", "passed_env": ["X*"]},
        {"when": {}, "objcopy": "any-objcopy"},
        {"target": "x86_64-unknown-linux-musl", "cargo_profile": "bench"},
    ]

    named = {f"table-{number}": table for number, table in enumerate(tables)}

    def found(**configuration: Any) -> CargoSettings:
        options = {"command_prefix": ["common"], "passed_env": ["A"], "settings": named}
        return settings(replace(CONFIGURATION, **configuration), **options)

    plain = found()
    assert plain.flags.args == ("a",)
    assert (plain.linker, plain.strip, plain.objcopy) == ("ld", "x-strip", "any-objcopy")
    assert (plain.target, plain.cargo_profile) == ("x86_64-unknown-linux-musl", "bench")
    assert (plain.command_prefix, plain.toolchain) == (("common",), "")
    assert plain.passed_env == ("A", "X*")
    assert found(coverage=True).flags.args == ()
    assert found(profile=Profile.RELEASE).flags.args == ()
    address = found(sanitizer=Sanitizer.ADDRESS)
    assert (address.flags.args, address.toolchain) == ((), "nightly")
    assert address.command_prefix == ("common",)
    arm = found(sanitizer=Sanitizer.ADDRESS, arch=Arch.AARCH64)
    assert (arm.command_prefix, arm.linker, arm.passed_env) == (("arm-asan",), None, ("A",))
    assert found(sanitizer=Sanitizer.THREAD).toolchain == "nightly"
    assert found(sanitizer=Sanitizer.LEAK).toolchain == ""


def test_a_table_of_a_dimension_is_short_for_one_with_when() -> None:
    keys: dict[str, Any] = {
        "command_prefix": ["p"],
        "toolchain": "beta",
        "passed_env": ["T"],
        "args": ["-v"],
    }
    values = {"arch": "x86_64", "profile": "optimized", "sanitizer": "address", "coverage": ""}
    for dimension, name in values.items():
        value: object = name or True
        named: dict[str, Any] = {dimension: {name: keys} if name else keys}
        listed: dict[str, Any] = {"settings": {"own": {"when": {dimension: value}, **keys}}}
        for special in (
            CONFIGURATION,
            ARM,
            replace(CONFIGURATION, sanitizer=Sanitizer.ADDRESS, profile=Profile.DEV, coverage=True),
        ):
            assert settings(special, **named) == settings(special, **listed)


def test_a_later_table_prevails_and_may_take_away() -> None:
    tables = {"b": {"linker": "second", "command_prefix": []}, "a": {"linker": "first"}}
    found = settings(command_prefix=["p"], arch={"x86_64": {"linker": "own"}}, settings=tables)
    assert (found.linker, found.command_prefix) == ("second", ())


def test_a_table_that_holds_for_less_prevails_whatever_its_place_and_name() -> None:
    every, one = {"linker": "every"}, {"linker": "one", "when": {"arch": "x86_64"}}
    other = {"when": {"arch": "aarch64", "profile": "dev"}, "linker": "other"}
    for tables in ({"a": one, "b": every, "c": other}, {"c": every, "b": other, "a": one}):
        assert settings(settings=tables).linker == "one"


def test_coverage_with_a_sanitizer_has_the_flags_of_both_or_those_that_are_wanted() -> None:
    both = replace(CONFIGURATION, coverage=True, sanitizer=Sanitizer.ADDRESS)
    flags = ("-Cinstrument-coverage", "-Zsanitizer=address")
    assert settings(both).flags.rustflags == flags
    either: dict[str, Any] = {
        "sanitizer": {"address": {"rustflags": []}},
        "settings": {
            "alone": {
                "when": {"sanitizer": "address", "coverage": False},
                "rustflags": ["-Zsanitizer=address"],
            }
        },
    }
    assert settings(both, **either).flags.rustflags == flags[:1]
    assert settings(replace(both, coverage=False), **either).flags.rustflags == flags[1:]


def test_variables_are_passed_by_patterns_of_their_names() -> None:
    patterns = settings(passed_env=["BUILDKITE*", "TOKEN_?", "PROXY", "RUST*", "[a]"])
    variables = {
        "BUILDKITE": "1",
        "BUILDKITE_BRANCH": "2",
        "TOKEN_A": "3",
        "PROXY": "4",
        "a": "5",
        "buildkite": "-",
        "TOKEN_AB": "-",
        "MY_PROXY": "-",
        "RUSTFLAGS": "is an option",
        "RUST_BACKTRACE": "6",
    }
    passed = patterns.passed(variables)
    assert sorted(passed.values()) == ["1", "2", "3", "4", "5", "6"]
    assert passed["RUST_BACKTRACE"] == "6"


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
    unified = settings(unified_features=True).canonical()
    assert unified not in {settings(**options).canonical() for options in several}
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
            f"[mzbuild-cargo.arch.aarch64] has no key `linkr`; {KEYS}. Did you mean `linker`?",
        ),
        (
            {"settings": {"a": {}, "own": {"when": {}, "passed": ["A"]}}},
            "[mzbuild-cargo.settings.own] has no key `passed`; "
            + KEYS.replace("are ", "are `when`, ")
            + ". Did you mean `passed_env`?",
        ),
        (
            {"settings": {"own": {"when": {"profil": "release"}}}},
            "[mzbuild-cargo.settings.own].when has no key `profil`; the keys are `arch`, "
            "`profile`, `coverage` and `sanitizer`. Did you mean `profile`?",
        ),
        (
            {"settings": {"own": {"when": {"profile": ["dev", "relase"]}}}},
            "[mzbuild-cargo.settings.own].when: `profile` cannot be `relase`; the values are "
            "`optimized`, `release` and `dev`, and lists of them. Did you mean `release`?",
        ),
        (
            {"settings": {"own": {"when": {"coverage": "false"}}}},
            "[mzbuild-cargo.settings.own].when: `coverage` cannot be `false`; the values are true "
            "and false, without quotes.",
        ),
        (
            {"settings": {"own": {"when": "release"}}},
            "[mzbuild-cargo.settings.own].when must be a table with any of `arch`, `profile`, "
            "`coverage` and `sanitizer`.",
        ),
        (
            {"settings": {"own": {"rustflags": "-Cmine"}}},
            '[mzbuild-cargo.settings.own]: `rustflags` must be a list of strings: `["…"]`.',
        ),
        (
            {"settings": {"own": {"args": ["--jobs={cores/0}"]}}},
            "[mzbuild-cargo.settings.own]: `{cores/0}` in `--jobs={cores/0}` is no number of "
            "cores. Those are `{cores}`, `{cores/2}`, `{cores*2/3}` and the like.",
        ),
        (
            {"env": {"N": "{cores-1"}},
            "[mzbuild-cargo]: `{cores-1` in `{cores-1` is no number of cores. Those are "
            "`{cores}`, `{cores/2}`, `{cores*2/3}` and the like.",
        ),
        (
            {"profile": {"dev": "fast"}},
            "[mzbuild-cargo.profile.dev] must be a table with any of "
            + KEYS.replace("the keys are ", "")
            + ".",
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
            "[mzbuild-cargo]: `A=b` in `passed_env` cannot be the name of an environment variable.",
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


def test_the_whole_fragment_of_the_readme_says_what_it_says_it_says() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    fragment = readme.partition("<details><summary>The whole fragment")[2]
    # Pants' own reader of its configuration.
    options = toml.loads(fragment.partition("```toml\n")[2].partition("```")[0])["mzbuild-cargo"]

    def found(**configuration: Any) -> CargoSettings:
        return settings(replace(CONFIGURATION, **configuration), **options)

    release = found(profile=Profile.RELEASE)
    assert release.flags.rustflags[1:] == (
        "--cfg=tokio_unstable",
        "-Clink-arg=-Wl,--compress-debug-sections=zlib",
    )
    assert found(profile=Profile.RELEASE, coverage=True).flags.rustflags[1:] == (
        "-Cinstrument-coverage",
    )
    address = found(sanitizer=Sanitizer.ADDRESS)
    assert address.command_prefix[-1] == "nightly"
    assert address.flags.rustflags[1:] == ("-Zsanitizer=address", "-Cllvm-args=-asan-stack=false")
    assert dict(address.flags.env)["CFLAGS"].startswith("--target=x86_64")
    both = found(sanitizer=Sanitizer.ADDRESS, coverage=True)
    assert both.flags.rustflags[1:] == ("-Cinstrument-coverage",)
    arm = found(arch=Arch.AARCH64, profile=Profile.RELEASE)
    assert (arm.command_prefix[-1], arm.linker) == ("release-arm", "aarch64-unknown-linux-gnu-cc")
