from __future__ import annotations

import json
from dataclasses import replace

from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.memory import ENVIRONMENT
from mzbuild.core.cargo.plan import action_key, action_steps, group_args, names, process_plan
from mzbuild.core.cargo.settings import CargoFlags, CargoSettings
from mzbuild.core.cargo.sources import CargoSources

A, B = CargoBuild(bins=("a",)), CargoBuild(bins=("b",), examples=("e",))
SETTINGS = CargoSettings("t", "release")


def test_a_group_goes_on_where_one_of_it_fails_if_cargo_can_do_that() -> None:
    for release, goes_on in (("1.95.0", True), ("1.74.0", True), ("1.73.0", False), ("?", False)):
        args = group_args(["build"], [A, B], f"rustc\nrelease: {release}\nhost: h\n")
        assert args == (("build", "--keep-going") if goes_on else ("build",))
    assert group_args(["build"], [A], "release: 1.95.0\n") == ("build",)


def test_the_key_tells_all_apart_that_results_depend_on() -> None:
    def key(
        build: CargoBuild = A,
        digest: str = "1",
        args: tuple[str, ...] = ("build",),
        settings: CargoSettings = SETTINGS,
        compiler: str = "c",
        program: bytes = b"p",
    ) -> str:
        steps = action_steps(build, settings, "i")
        return action_key(steps, [("x", digest)], args, settings, compiler, {"p.py": program})

    flags = CargoSettings("t", "release", CargoFlags(env=(("CC", "clang"),)))
    keys = {
        *(key(), key(B), key(digest="2"), key(args=("build", "-v")), key(settings=flags)),
        *(key(compiler="d"), key(program=b"q"), key(CargoBuild(bins=("a",), strip=False))),
    }
    assert len(keys) == 8
    assert key() in keys


def test_a_variable_or_a_linker_is_what_all_packages_are_compiled_with() -> None:
    def known(settings: CargoSettings) -> str:
        plan = process_plan("d", "/r", "", CargoSources((), ()), {}, ["cargo"], settings, {})
        return str(json.loads(plan)["packages"][ENVIRONMENT][1])

    variables = replace(SETTINGS, flags=CargoFlags(env=(("CC", "clang"),)))
    # Of these, Cargo knows.
    flags = replace(SETTINGS, flags=CargoFlags(rustflags=("-g",), args=("-v",)))
    others = [variables, replace(SETTINGS, linker="lld"), flags]
    assert len({known(each) for each in (SETTINGS, *others)}) == 3
    assert known(flags) == known(SETTINGS)


def test_people_are_told_each_name_once() -> None:
    assert names([B, A, A]) == "b, e, a"
