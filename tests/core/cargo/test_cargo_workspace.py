from __future__ import annotations

import pytest
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.workspace import (
    CargoWorkspace,
    config_files,
    shared_files,
    shared_globs,
    toolchain_files,
)
from mzbuild.core.configuration import Scheme
from mzbuild.core.errors import MzbuildError
from mzbuild.core.work_tree.listing import Listing

from tests.core.cargo.workspaces import Files, crate, depends_on, load, root
from tests.core.conftest import listing


def closure(workspace: CargoWorkspace, build: CargoBuild, scheme: Scheme) -> list[str]:
    roots = workspace.roots(build, scheme, "i/mzbuild.yml")
    return [crate.name for crate in workspace.closure(roots, scheme)]


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

    def test_one_of_a_crate_that_is_no_member_is_an_error_with_its_place(self) -> None:
        files = {**root("a", more="exclude = ['x']\n"), **crate("a", depends_on(x="../x"))}
        files.update({**crate("x"), "x/src/main.rs": ""})
        with pytest.raises(MzbuildError) as error:
            load(files).bin_crate("x", "i/mzbuild.yml")
        assert str(error.value) == (
            "i/mzbuild.yml: the binary `x` is in x/Cargo.toml, which is no member of the Cargo "
            "workspace. Add it to the members, or remove its exclusion."
        )


FEATURES = """
[[bin]]
name = "a"
path = "src/main.rs"
required-features = ["json"]
[[bin]]
name = "b"
path = "src/b.rs"
required-features = ["deep", "dep/x"]
[features]
default = ["std"]
std = ["json"]
deep = []
all = ["deep", "dep:tls", "log?/std", "log/serde"]
[dependencies]
tls = { version = "1", optional = true }
log = { version = "1", optional = true }
"""


class TestCheck:
    """What fingerprints do not ask about, but Cargo would refuse to build."""

    def check(
        self, *features: str, bins: tuple[str, ...] = ("a",), files: Files | None = None
    ) -> str:
        """The error for an action, or nothing."""
        given = files or {**root("a"), **crate("a", FEATURES)}
        given = {**given, "a/src/main.rs": "", "a/src/b.rs": ""}
        try:
            load(given).check(CargoBuild(bins, features=features), "i/mzbuild.yml")
        except MzbuildError as error:
            return str(error)
        return ""

    def test_a_required_feature_is_on_by_default_or_by_what_asks_for_it(self) -> None:
        assert self.check() == ""
        assert self.check("deep", bins=("a", "b")) == ""
        assert self.check("all", bins=("b",)) == ""
        assert self.check("log,a/all", bins=("b",)) == ""

    def test_a_required_feature_may_be_on_for_another_crate_s_sake(self) -> None:
        other = crate("c", "[dependencies]\na = { path = '../a', features = ['all'] }\n")
        files = {**root("a", "c"), **crate("a", FEATURES), **other, "c/src/main.rs": ""}
        assert self.check(bins=("b", "c"), files=files) == ""

    def test_one_that_is_off_is_an_error(self) -> None:
        assert self.check(bins=("b",)) == (
            "i/mzbuild.yml: `b` of a/Cargo.toml is compiled only with the feature `deep`. Add that "
            "to the action's `features`."
        )

    def test_one_that_no_crate_has_is_an_error_with_the_nearest(self) -> None:
        assert self.check("depp") == (
            "i/mzbuild.yml: `features: depp`: there is no such feature in `a/Cargo.toml`. Did you "
            "mean `deep`?"
        )
        # Its own manifest says `dep:tls`, so that this is no feature.
        assert self.check("tls").startswith("i/mzbuild.yml: `features: tls`: there is no such")
        assert self.check("log", "log/anything") == ""

    def test_one_of_a_package_is_looked_for_there(self) -> None:
        files = {
            **root("a", "b"),
            **crate("a", depends_on(b="../b") + "[features]\nx = []\n"),
            **crate("b", "[features]\ny = []\n"),
        }
        assert self.check("a/x", "b/y", "b?/y", files=files, bins=("a",)) == ""
        for feature in ("a/y", "b/x", "b?/x", "c/x", "a/", "/x"):
            assert self.check(feature, files=files, bins=("a",)).startswith(
                f"i/mzbuild.yml: `features: {feature}`: there is no such feature in `a/Cargo.toml`."
            )

    def test_a_mistake_anywhere_in_the_workspace_is_an_error(self) -> None:
        files = {**root("a", "x", "y"), **crate("a"), **crate("x", "[lints]\nworkspace = true\n")}
        message = self.check(files={**files, "y/Cargo.toml": "[package]\nname = 'y'\n"})
        assert [line.partition(":")[0] for line in message.splitlines()] == [
            "x/Cargo.toml",
            "y/Cargo.toml",
        ]


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

    def test_a_package_of_another_name_is_an_error(self) -> None:
        files = {**root("a"), **crate("a", depends_on(b="../b")), "a/src/main.rs": ""}
        with pytest.raises(MzbuildError) as error:
            closure(load({**files, **crate("b", name="bb")}), CargoBuild(("a",)), Scheme.MZBUILD)
        assert str(error.value) == (
            "a/Cargo.toml: `b` is a path dependency on the package `b`, but b/Cargo.toml names its "
            'package `bb`. Add `package = "bb"`, or correct the path.'
        )

    def test_what_the_workspace_patches_is_in_every_closure_that_has_no_gaps(self) -> None:
        patch = "[patch.crates-io]\np = { path = 'vendor/p' }\n"
        files = {**root("a", more=patch), **crate("a"), "a/src/main.rs": ""}
        files.update({**crate("vendor/p", depends_on(q="../q")), **crate("vendor/q")})
        build = CargoBuild(bins=("a",))
        assert closure(load(files), build, Scheme.MZBUILD) == ["a"]
        assert closure(load(files), build, Scheme.STRICT) == ["a", "p", "q"]


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
    # Of two in one directory, Cargo reads the one without `.toml`.
    assert config_files(files, "") == (".cargo/config",)
    assert set(shared_globs(Scheme.STRICT)) == {*strict - {"ci/builder/a/b"}, "ci/builder/**"}


def test_a_workspace_elsewhere_shares_its_own_files_and_what_is_above_it() -> None:
    files = listing(
        *("Cargo.toml", "Cargo.lock", "a/b/Cargo.toml", "a/b/Cargo.lock", "a/b/rust-toolchain"),
        *(".cargo/config", "a/.cargo/config", "a/b/.cargo/config", "a/b/c/.cargo/config"),
        *("a/rust-toolchain.toml", "ci/builder/x", "a/b/ci/builder/x", "x/Cargo.toml"),
    )
    workspace = CargoWorkspace(root="a/b", manifests=("x/Cargo.toml",))
    mzbuild = {".cargo/config", "a/.cargo/config", "a/b/.cargo/config", "a/b/Cargo.lock"}
    mzbuild |= {"a/b/Cargo.toml", "ci/builder/x"}
    assert shared_files(files, Scheme.MZBUILD, workspace) == tuple(sorted(mzbuild))
    assert set(toolchain_files(files, workspace)) == {
        *("a/b/Cargo.toml", "a/b/rust-toolchain", "a/rust-toolchain.toml"),
    }
    assert set(config_files(files, workspace.root)) == {
        *(".cargo/config", "a/.cargo/config", "a/b/.cargo/config"),
    }
    strict = {*mzbuild, "a/b/rust-toolchain", "a/rust-toolchain.toml", "x/Cargo.toml"}
    assert shared_files(files, Scheme.STRICT, workspace) == tuple(sorted(strict))
    assert strict - {"ci/builder/x"} <= set(shared_globs(Scheme.STRICT, workspace))


def test_vendored_crates_are_among_what_may_be_shared_in_the_strict_scheme() -> None:
    files = {
        **root("app"),
        **crate("app"),
        **crate("vendor/forked"),
        ".cargo/config": "[source.there]\ngit = 'https://git/forked'\nreplace-with = 'here'\n"
        "[source.here]\ndirectory = 'vendor'\n",
    }
    workspace = load(files)
    assert "vendor/**" in shared_globs(Scheme.STRICT, workspace)
    assert "vendor/**" not in shared_globs(Scheme.MZBUILD, workspace)
