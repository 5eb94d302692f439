from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from mzbuild.core.cargo_manifest import parse_cargo_toml
from mzbuild.core.cargo_workspace import (
    CargoWorkspace,
    load_workspace,
    shared_files,
    shared_globs,
)
from mzbuild.core.configuration import Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image import CargoBuild
from mzbuild.core.listing import Listing

from tests.core.conftest import ENV, listing

Files = Mapping[str, str]


def crate(directory: str, more: str = "", name: str = "") -> dict[str, str]:
    """A library; `more` is what else its manifest says."""
    name = name or directory.rpartition("/")[2]
    manifest = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{more}'
    return {f"{directory}/Cargo.toml": manifest, f"{directory}/src/lib.rs": ""}


def root(*members: str, more: str = "") -> dict[str, str]:
    return {"Cargo.toml": f'[workspace]\nresolver = "2"\nmembers = {list(members)}\n{more}'}


def load(files: Files) -> CargoWorkspace:
    return load_workspace(
        listing(*files), lambda path: parse_cargo_toml(files[path].encode(), path)
    )


def depends_on(**paths: str) -> str:
    return "[dependencies]\n" + "".join(
        f'{name} = {{ path = "{path}" }}\n' for name, path in paths.items()
    )


def names(workspace: CargoWorkspace) -> list[str]:
    return [crate.name for crate in workspace.crates]


def closure(workspace: CargoWorkspace, build: CargoBuild, scheme: Scheme) -> list[str]:
    roots = workspace.roots(build, scheme, "i/mzbuild.yml")
    return [crate.name for crate in workspace.closure(roots, scheme)]


class TestMembers:
    """Each workspace is laid out on disk too, and Cargo asked for its members."""

    @pytest.mark.parametrize(
        ("members", "exclude"),
        [
            (["src/a", "src/b"], []),
            (["./src/a", "src/b/"], []),
            (["src/*"], []),
            (["src/*"], ["src/b"]),
            (["src/*", "other/*"], ["other"]),
            (["src/[a-b]"], []),
            (["src/[!a]"], []),
            (["src/?"], []),
            (["*/a"], ["other/a"]),
            (["**/deep"], []),
            (["src/**/a"], []),
            (["*/*"], []),
            (["src/a*"], []),
            (["s[1]/*", "src/a"], []),
        ],
    )
    def test_they_are_those_that_cargo_finds(
        self, tmp_path: Path, members: list[str], exclude: list[str]
    ) -> None:
        files = {
            **root(*members, more=f"exclude = {exclude}\n"),
            **crate("src/a"),
            **crate("src/b"),
            **crate("src/b/in/deep", name="deep"),
            **crate("src/ab"),
            **crate("other/a", name="other-a"),
            **crate("s1/x", name="s1-x"),
        }
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        command = ["cargo", "metadata", "--offline", "--no-deps", "--format-version=1"]
        result = subprocess.run(command, cwd=tmp_path, env=ENV, check=True, stdout=subprocess.PIPE)
        packages = json.loads(result.stdout)["packages"]
        assert names(load(files)) == sorted(package["name"] for package in packages)

    def test_an_exclusion_may_be_a_glob_as_in_mzbuild_though_not_in_cargo(self) -> None:
        files = {**root("*/*", more='exclude = ["o*/*"]\n'), **crate("src/a"), **crate("other/b")}
        assert names(load(files)) == ["a"]

    def test_a_path_dependency_is_one_without_being_listed(self) -> None:
        files = {
            **root("src/a", more='[workspace.dependencies]\nd = { path = "d" }\n'),
            **crate("src/a", depends_on(b="../../lib/b")),
            **crate("lib/b", '[dev-dependencies]\nc = { path = "../c" }\n'),
            **crate("lib/c"),
            **crate("d"),
            **crate("lib/unrelated"),
        }
        assert names(load(files)) == ["a", "b", "c", "d"]

    def test_the_root_may_be_a_package_itself(self) -> None:
        files = {**crate("."), "Cargo.toml": '[package]\nname = "whole"\n', "src/main.rs": ""}
        workspace = load(files)
        assert names(workspace) == ["whole"]
        assert workspace.bin_crate("whole", "x").directory == ""

    def test_a_repository_without_a_root_manifest_has_none(self) -> None:
        assert load(crate("src/a")) == CargoWorkspace()

    def test_one_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(MzbuildError) as error:
            load(root("src/a"))
        assert str(error.value) == (
            "Cargo.toml: the workspace's member `src/a` has no `Cargo.toml` that Git sees. Add it, "
            "or remove the member."
        )

    def test_two_packages_of_one_name_are_an_error_that_has_both_places(self) -> None:
        with pytest.raises(MzbuildError) as error:
            load({**root("x", "y"), **crate("x", name="a"), **crate("y", name="a")})
        assert str(error.value) == (
            "x/Cargo.toml and y/Cargo.toml both name their package `a`. Rename one of them."
        )


WITH_TARGETS: Files = {
    **root("src/a", "src/manual"),
    **crate("src/a"),
    **dict.fromkeys(
        [
            *("src/a/src/main.rs", "src/a/src/bin/one.rs", "src/a/src/bin/two/main.rs"),
            *("src/a/src/bin/two/part.rs", "src/a/src/bin/not.txt", "src/a/examples/e.rs"),
            *("src/a/examples/f/main.rs", "src/a/examples/f/more.rs"),
        ],
        "",
    ),
    **crate(
        "src/manual",
        'autobins = false\nautoexamples = false\n[[bin]]\nname = "m"\n[[example]]\nname = "n"\n',
    ),
    **dict.fromkeys(["src/manual/src/main.rs", "src/manual/examples/hidden.rs"], ""),
}


class TestBinariesAndExamples:
    def test_they_are_the_declared_and_the_automatic_ones(self) -> None:
        workspace = load(WITH_TARGETS)
        assert workspace.by_name["a"].bins == {"a", "one", "two"}
        assert workspace.by_name["a"].examples == {"e", "f"}
        assert workspace.by_name["manual"].bins == {"m"}
        assert workspace.by_name["manual"].examples == {"n"}
        assert workspace.bin_crate("two", "x").name == "a"
        assert workspace.example_crate("n", "x").name == "manual"

    def test_a_binary_in_no_crate_is_an_error_with_the_nearest(self) -> None:
        workspace = load(WITH_TARGETS)
        with pytest.raises(MzbuildError) as error:
            workspace.bin_crate("tow", "i/mzbuild.yml")
        assert str(error.value) == (
            "i/mzbuild.yml: no crate of the Cargo workspace has the binary `tow`. "
            "Did you mean `two`?"
        )
        with pytest.raises(MzbuildError) as error:
            workspace.example_crate("one", "i/mzbuild.yml")
        assert str(error.value) == (
            "i/mzbuild.yml: no crate of the Cargo workspace has the example `one`."
        )

    def test_a_binary_in_two_crates_is_an_error_that_has_both_places(self) -> None:
        files = {**root("x", "y"), **crate("x"), **crate("y")}
        files.update(dict.fromkeys(["x/src/bin/b.rs", "y/src/bin/b/main.rs"], ""))
        with pytest.raises(MzbuildError) as error:
            load(files).bin_crate("b", "i/mzbuild.yml")
        assert str(error.value) == (
            "i/mzbuild.yml: the binary `b` is in 2 crates, `x/Cargo.toml` and `y/Cargo.toml`. "
            "Rename all but one."
        )


WITH_DEPENDENCIES: Files = {
    **root(
        "src/*",
        more='[workspace.dependencies]\nshared = { path = "src/shared" }\nserde = "1"\n',
    ),
    **crate(
        "src/app",
        "[dependencies]\nserde = { workspace = true }\nshared = { workspace = true }\n"
        'own-name = { path = "../renamed", package = "renamed" }\n'
        '[build-dependencies]\nbuild = { path = "../build" }\n'
        '[dev-dependencies]\ndev = { path = "../dev" }\n'
        '[target."cfg(unix)".dependencies]\nunix = { path = "../unix" }\n',
    ),
    "src/app/src/main.rs": "",
    "src/app/examples/demo.rs": "",
    **crate("src/renamed", depends_on(deep="../deep")),
    **crate("src/deep", '[dev-dependencies]\napp = { path = "../app" }\n'),
    **crate("src/build"),
    **crate("src/dev", depends_on(further="../further")),
    **crate("src/further", '[dev-dependencies]\nunused = { path = "../unused" }\n'),
    **crate("src/unix"),
    **crate("src/shared"),
    **crate("src/unused"),
}


class TestClosure:
    @pytest.mark.parametrize(
        ("scheme", "more"), [(Scheme.MZBUILD, []), (Scheme.STRICT, ["shared", "unix"])]
    )
    def test_a_binary_has_its_normal_and_build_dependencies(
        self, scheme: Scheme, more: list[str]
    ) -> None:
        assert closure(load(WITH_DEPENDENCIES), CargoBuild(bins=("app",)), scheme) == sorted(
            ["app", "build", "deep", "renamed", *more]
        )

    @pytest.mark.parametrize(
        ("scheme", "more"), [(Scheme.MZBUILD, []), (Scheme.STRICT, ["shared", "unix"])]
    )
    def test_an_example_also_has_the_development_dependencies_of_its_own_crate(
        self, scheme: Scheme, more: list[str]
    ) -> None:
        assert closure(load(WITH_DEPENDENCIES), CargoBuild(examples=("demo",)), scheme) == sorted(
            ["app", "build", "deep", "dev", "further", "renamed", *more]
        )

    def test_a_cycle_through_development_dependencies_ends(self) -> None:
        files = {
            **root("a", "b"),
            **crate("a", depends_on(b="../b")),
            **crate("b", '[dev-dependencies]\na = { path = "../a" }\n'),
            "b/examples/e.rs": "",
        }
        assert closure(load(files), CargoBuild(examples=("e",)), Scheme.MZBUILD) == ["a", "b"]

    def test_a_path_without_a_crate_is_an_error(self) -> None:
        files = {**root("a"), **crate("a", depends_on(b="../b")), "a/src/main.rs": ""}
        with pytest.raises(MzbuildError) as error:
            closure(load(files), CargoBuild(bins=("a",)), Scheme.MZBUILD)
        assert str(error.value) == (
            "a/Cargo.toml: `b` is a path dependency on `b`, but Git sees no `Cargo.toml` there. "
            "Correct the path, or have Git see the crate."
        )


WITH_NESTED: Files = {
    **root("a", "a/inner"),
    **crate("a", 'build = "make.rs"\n[[test]]\nname = "t"\npath = "checks/t.rs"\n'),
    **crate("a/inner"),
    **crate("ab"),
    **dict.fromkeys(
        [
            *("a/mzcompose", "a/mzcompose.py", "a/mzcompose-2", "a/sub/mzcompose", "a/data"),
            *("a/make.rs", "a/checks/t.rs", "a/src/main.rs", "a/src/bin/x/main.rs"),
            *("a/examples/e.rs", "a/inner/mzcompose/x"),
        ],
        "",
    ),
}


class TestFiles:
    def test_they_are_all_in_the_directory_but_a_nested_crate_s_and_mzcompose(self) -> None:
        workspace = load(WITH_NESTED)
        files = listing(*WITH_NESTED)
        assert workspace.files(workspace.by_name["a"], files) == (
            *("a/Cargo.toml", "a/checks/t.rs", "a/data", "a/examples/e.rs", "a/make.rs"),
            *("a/mzcompose-2", "a/src/bin/x/main.rs", "a/src/lib.rs", "a/src/main.rs"),
            "a/sub/mzcompose",
        )
        assert workspace.files(workspace.by_name["inner"], files) == (
            "a/inner/Cargo.toml",
            "a/inner/src/lib.rs",
        )

    def test_placeholders_are_the_files_that_the_manifest_makes_cargo_look_for(self) -> None:
        workspace = load(WITH_NESTED)
        placeholders = workspace.placeholders(workspace.by_name["a"], listing(*WITH_NESTED))
        assert {"a/make.rs", "a/checks/t.rs", "a/src/lib.rs", "a/src/main.rs"} <= set(placeholders)
        assert "a/src/bin/x/main.rs" in placeholders
        assert "a/data" not in placeholders


def test_what_all_builds_share_is_what_is_there_of_it() -> None:
    files = listing(
        *("Cargo.toml", "Cargo.lock", ".cargo/config", ".cargo/config.toml", "rust-toolchain"),
        *("rust-toolchain.toml", "ci/builder/a/b", "ci/builders/x", "sub/Cargo.lock"),
    )
    mzbuild = (".cargo/config", "Cargo.lock", "Cargo.toml", "ci/builder/a/b")
    strict = {*mzbuild, ".cargo/config.toml", "rust-toolchain", "rust-toolchain.toml"}
    assert shared_files(files, Scheme.MZBUILD) == mzbuild
    assert shared_files(files, Scheme.STRICT) == tuple(sorted(strict))
    assert shared_files(Listing(()), Scheme.STRICT) == ()
    assert set(shared_globs(Scheme.STRICT)) == {*strict - {"ci/builder/a/b"}, "ci/builder/**"}
