"""Which actions share an invocation of Cargo."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.groups import CargoGroup, group_builds
from mzbuild.core.cargo.lock import CargoLock, parse_cargo_lock
from mzbuild.core.cargo.resolution import FeatureRules
from mzbuild.core.cargo.settings import CargoFlags

from tests.core.cargo.workspaces import Files, crate, load, root

TRIPLE = "x86_64-unknown-linux-gnu"
A, B, C = (CargoBuild(bins=(name,)) for name in "abc")


def program(name: str, *dependencies: str, more: str = "") -> dict[str, str]:
    """A program with a library, an example, a feature of its own, and dependencies."""
    lines = ["[features]", "own = []", "[dependencies]", *dependencies, more, ""]
    files = crate(name, "\n".join(lines))
    return {**files, f"{name}/src/main.rs": "", f"{name}/examples/example-{name}.rs": ""}


def on(name: str, fields: str = "") -> str:
    return f'{name} = {{ path = "../{name}"{fields} }}'


WITH_F = on("shared", ', features = ["f"]')

SHARED = crate("shared", '[features]\ndefault = ["d"]\nd = []\nf = []\n')


def groups(
    files: Files,
    *builds: CargoBuild,
    workspace: str = 'resolver = "2"',
    lock: CargoLock | None = None,
    args: tuple[str, ...] = (),
    unified: bool = False,
) -> tuple[CargoGroup, ...]:
    manifest = f"[workspace]\n{workspace}\nmembers = ['*']\n"
    files = {**root(), **files, "Cargo.toml": manifest + files.get("Cargo.toml", "")}
    rules = FeatureRules(load(files), lock, TRIPLE, args)
    return group_builds(builds, rules, unified=unified)


def parts(found: Iterable[CargoGroup]) -> list[list[CargoBuild]]:
    return [list(group.builds) for group in found]


class TestSharedCrates:
    def test_equal_features_are_built_at_once(self) -> None:
        files = {**SHARED, **program("a", on("shared")), **program("b", on("shared"))}
        (group,) = groups(files, B, A, B)
        assert group.builds == (B, A)
        assert group.together == CargoBuild(bins=("a", "b"))

    def test_a_feature_that_one_switches_on_keeps_them_apart(self) -> None:
        files = {
            **SHARED,
            **program("a", WITH_F),
            **program("b", on("shared")),
            **program("c", on("shared", ", features = ['f', 'd']")),
        }
        assert parts(groups(files, A, B, C)) == [[A, C], [B]]

    def test_it_may_come_through_another_crate(self) -> None:
        between = crate("between", f"[dependencies]\n{WITH_F}\n")
        files = {
            **SHARED,
            **between,
            **program("a", on("between")),
            **program("b", on("shared")),
            **program("c", on("between"), on("shared")),
        }
        assert parts(groups(files, A, B, C)) == [[A, C], [B]]

    def test_what_is_built_itself_has_its_default_features(self) -> None:
        files = {
            **program("a"),
            **program("b", on("a", ", default-features = false")),
        }
        features = "[features]\ndefault = ['own']\n"
        files["a/Cargo.toml"] = files["a/Cargo.toml"].replace("[features]\n", features)
        assert parts(groups(files, A, B)) == [[A], [B]]
        assert parts(groups(files, A, B, args=("--no-default-features",))) == [[A, B]]

    def test_the_features_of_the_compiling_machine_are_others(self) -> None:
        files = {
            **SHARED,
            **program(
                "a",
                more=f"[build-dependencies]\n{WITH_F}",
            ),
            **program("b", on("shared")),
        }
        assert parts(groups(files, A, B)) == [[A, B]]
        assert parts(groups(files, A, B, workspace="")) == [[A], [B]]

    def test_an_example_has_its_crate_s_development_dependencies(self) -> None:
        example = CargoBuild(examples=("example-a",))
        files = {
            **SHARED,
            **program("a", more=f"[dev-dependencies]\n{WITH_F}"),
            **program("b", on("shared")),
        }
        assert parts(groups(files, example, A, B)) == [[example, A], [B]]
        assert parts(groups(files, A, B)) == [[A, B]]

    @pytest.mark.parametrize(
        ("platform", "expected"),
        [("cfg(windows)", [[A, B]]), ("cfg(unix)", [[A], [B]]), ("cfg(flag)", [[A], [B]])],
    )
    def test_other_platforms_do_not_count(
        self, platform: str, expected: list[list[CargoBuild]]
    ) -> None:
        table = f"[target.'{platform}'.dependencies]\n{WITH_F}"
        files = {**SHARED, **program("a", more=table), **program("b", on("shared"))}
        assert parts(groups(files, A, B)) == expected

    def test_the_workspace_may_say_which_features(self) -> None:
        shared = "[workspace.dependencies]\nshared = { path = 'shared', features = ['f'] }\n"
        files = {
            **SHARED,
            "Cargo.toml": shared,
            **program("a", "shared.workspace = true"),
            **program("b", on("shared")),
            **program("c", WITH_F),
        }
        assert parts(groups(files, A, B, C)) == [[A, C], [B]]


class TestFeaturesOfActions:
    def test_they_are_those_of_their_own_crates(self) -> None:
        asking = CargoBuild(bins=("a",), features=("own",))
        (group,) = groups({**program("a"), **program("b")}, B, asking)
        assert group.together == CargoBuild(bins=("a", "b"), features=("a/own",))

    def test_the_same_program_with_and_without_is_built_twice(self) -> None:
        asking = CargoBuild(bins=("a",), features=("own",))
        found = groups(program("a"), A, asking)
        assert [group.together for group in found] == [A, asking]

    @pytest.mark.parametrize("feature", ["unknown", "shared/f"])
    def test_what_is_no_plain_feature_of_theirs_is_left_to_cargo(self, feature: str) -> None:
        asking = CargoBuild(bins=("a",), features=(feature,))
        files = {**SHARED, **program("a", on("shared")), **program("b")}
        assert [group.together for group in groups(files, asking, B)] == [asking, B]

    def test_some_arguments_of_cargo_keep_all_apart(self) -> None:
        files = {**program("a"), **program("b")}
        assert parts(groups(files, A, B, args=("--features=own",))) == [[A], [B]]
        assert parts(groups(files, A, B, args=("-Zbuild-std",))) == [[A, B]]

    def test_in_an_old_workspace_they_are_those_of_the_root(self) -> None:
        asking = CargoBuild(bins=("a",), features=("own",))
        package = "[package]\nname = 'top'\nversion = '1.0.0'\n"
        files = {"Cargo.toml": package, "src/lib.rs": "", **program("a"), **program("b")}
        assert parts(groups(files, asking, B, A, workspace="")) == [[asking], [B, A]]
        assert len(groups(files, asking, B, workspace='resolver = "2"')) == 1


LOCK = """\
[[package]]
name = "a"
dependencies = ["one", "base"]

[[package]]
name = "b"
dependencies = ["two 2.0.0"]

[[package]]
name = "c"
dependencies = ["lone"]

[[package]]
name = "one"
version = "1.0.0"
source = "registry"
dependencies = ["base"]

[[package]]
name = "two"
version = "1.0.0"
source = "registry"

[[package]]
name = "two"
version = "2.0.0"
source = "registry"
dependencies = ["base"]

[[package]]
name = "lone"
version = "1.0.0"
source = "registry"

[[package]]
name = "base"
version = "1.0.0"
source = "registry"
"""


USING: Files = {
    **program("a", 'one = "1"', 'base = "1"'),
    **program("b", 'two = "2"'),
    **program("c", 'lone = "1"'),
}


class TestPackagesFromElsewhere:
    def test_those_that_may_meet_are_built_apart(self) -> None:
        # What `two` asks of `base` is not known here.
        lock = parse_cargo_lock(LOCK.encode(), "Cargo.lock")
        assert parts(groups(USING, A, B, C, lock=lock)) == [[A, C], [B]]

    def test_those_that_are_asked_for_the_same_are_built_at_once(self) -> None:
        same = LOCK.replace(
            'name = "b"\ndependencies = [', 'name = "b"\ndependencies = ["one", "base", '
        )
        lock = parse_cargo_lock(same.replace('"two 2.0.0"', "").encode(), "Cargo.lock")
        files = {**USING, **program("b", 'one = "1"', 'base = "1"')}
        assert parts(groups(files, A, B, lock=lock)) == [[A, B]]
        more = {**files, **program("b", 'one = { version = "1", features = ["x"] }', 'base = "1"')}
        assert parts(groups(more, A, B, lock=lock)) == [[A], [B]]

    def test_without_a_lock_file_they_are_built_apart(self) -> None:
        assert parts(groups(USING, A, B, C)) == [[A], [B], [C]]

    def test_two_versions_are_not_told_apart(self) -> None:
        both = LOCK.replace('"two 2.0.0"', '"two 2.0.0", "two 1.0.0"')
        lock = parse_cargo_lock(both.encode(), "Cargo.lock")
        assert parts(groups(USING, C, B, lock=lock)) == [[C], [B]]
        assert parts(groups(USING, C, A, lock=lock)) == [[C, A]]


class TestUnifiedFeatures:
    def test_all_are_built_at_once_and_those_that_may_change_are_known(self) -> None:
        files = {**SHARED, **program("a", WITH_F), **program("b", on("shared")), **program("c")}
        asking = CargoBuild(bins=("c",), features=("own",))
        (group,) = groups(files, A, B, asking, unified=True)
        assert group.builds == (A, B, asking)
        assert group.together == CargoBuild(bins=("a", "b", "c"), features=("c/own",))
        assert group.changed == (B,)

    def test_where_it_is_not_certain_they_may_change(self) -> None:
        lock = parse_cargo_lock(LOCK.encode(), "Cargo.lock")
        (group,) = groups(USING, A, B, C, lock=lock, unified=True)
        assert group.changed == (A, B)
        (group,) = groups(USING, A, C, lock=lock, unified=True)
        assert group.changed == ()
        files = {**program("a"), **program("b")}
        (group,) = groups(files, A, B, args=("--all-features",), unified=True)
        assert group.changed == (A, B)

    def test_the_same_program_with_and_without_a_feature_gets_it(self) -> None:
        asking = CargoBuild(bins=("a",), features=("own",))
        (group,) = groups(program("a"), A, asking, unified=True)
        assert (group.together, group.changed) == (
            CargoBuild(bins=("a",), features=("a/own",)),
            (A,),
        )

    def test_what_cannot_be_said_in_one_call_takes_another(self) -> None:
        flagged = CargoBuild(bins=("a",), flags=CargoFlags(args=("--no-default-features",)))
        unknown = CargoBuild(bins=("c",), features=("unknown",))
        files = {**program("a"), **program("b"), **program("c")}
        found = groups(files, flagged, B, unknown, C, unified=True)
        assert parts(found) == [[flagged], [B, C], [unknown]]
