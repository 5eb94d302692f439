"""Which crates are members and what they build: as Cargo itself says, wherever it can be asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.cargo.arguments import cargo_build_args
from mzbuild.core.cargo.build import CargoBuild
from mzbuild.core.cargo.lock import parse_cargo_lock
from mzbuild.core.cargo.manifest import DependencyKind
from mzbuild.core.cargo.options import parse_cargo_options
from mzbuild.core.cargo.staged_files import DIRECTORY, SOURCES
from mzbuild.core.cargo.workspace import CargoWorkspace
from mzbuild.core.configuration import Profile, Scheme
from mzbuild.core.errors import MzbuildError

from tests.core.cargo.workspaces import (
    Files,
    crate,
    depends_on,
    load,
    members,
    members_by_cargo,
    problems,
    root,
)
from tests.core.conftest import CONFIGURATION

A = crate("a")


def names(workspace: CargoWorkspace) -> list[str]:
    return [crate.name for crate in workspace.crates]


@pytest.mark.parametrize(
    ("members_field", "exclude"),
    [
        (["src/a", "src/b"], []),
        (["./src/a", "src/b/"], []),
        (["src/*"], []),
        (["src/*"], ["src/b"]),
        (["src/*", "other/*"], ["other"]),
        (["src/*", "other/a"], ["other"]),
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
def test_globs_select_what_cargo_selects_by_them(
    tmp_path: Path, members_field: list[str], exclude: list[str]
) -> None:
    files = {
        **root(*members_field, more=f"exclude = {exclude}\n"),
        **crate("src/a"),
        **crate("src/b"),
        **crate("src/b/in/deep", name="deep"),
        **crate("src/ab"),
        **crate("other/a", name="other-a"),
        **crate("s1/x", name="s1-x"),
    }
    assert members(load(files)) == members_by_cargo(files, tmp_path)


WORKSPACE_DEPENDENCY = '[workspace.dependencies]\nd = { path = "d" }\n'

ACCEPTED: dict[str, Files] = {
    "a path dependency is a member without being listed": {
        **root("a"),
        **crate("a", depends_on(b="../lib/b")),
        **crate("lib/b", "[dev-dependencies]\nc = { path = '../c' }\n"),
        **crate("lib/c"),
        **crate("lib/unrelated"),
    },
    "what only the workspace's table has is none": {
        **root("a", more=WORKSPACE_DEPENDENCY),
        **A,
        **crate("d"),
    },
    "what is inherited from that table is one": {
        **root("a", more=WORKSPACE_DEPENDENCY),
        **crate("a", "[dependencies]\nd.workspace = true\n"),
        **crate("d"),
    },
    "under another name": {
        **root("a", more="[workspace.dependencies]\nx = { path = 'd', package = 'd' }\n"),
        **crate("a", "[dev-dependencies]\nx = { workspace = true, features = ['f'] }\n"),
        **crate("d", "[features]\nf = []\n"),
    },
    "an excluded path dependency is none": {
        **root("a", more="exclude = ['x']\n"),
        **crate("a", depends_on(d="../x/d")),
        **crate("x/d"),
    },
    "nor is one in a workspace of its own that is excluded": {
        **root("a", more="exclude = ['x']\n"),
        **crate("a", depends_on(d="../x/d")),
        "x/Cargo.toml": "[workspace]\n[workspace.dependencies]\ne = { path = 'e' }\n",
        **crate("x/d", "[dependencies]\ne.workspace = true\n"),
        **crate("x/e"),
    },
    "an old table's name counts": {
        **root("a"),
        **crate("a", "[build_dependencies]\nd = { path = '../d' }\n"),
        **crate("d"),
    },
    "the dependencies of a platform count, and optional ones": {
        **root("a"),
        **crate(
            "a",
            "[target.'cfg(windows)'.dependencies]\nd = { path = '../d' }\n"
            "[dependencies]\ne = { path = '../e', optional = true }\n",
        ),
        **crate("d"),
        **crate("e"),
    },
    "a root that is a package without a workspace is alone": {
        "Cargo.toml": "[package]\nname = 'whole'\n" + depends_on(d="d"),
        "src/main.rs": "",
        **crate("d"),
    },
    "a root that is a package with a workspace is a member": {
        "Cargo.toml": "[package]\nname = 'whole'\n[workspace]\n" + depends_on(d="d"),
        "src/main.rs": "",
        **crate("d"),
    },
    "fields may be inherited": {
        **root("a", more="[workspace.package]\nversion = '1.0.0'\nedition = '2021'\n"),
        "a/Cargo.toml": "[package]\nname = 'a'\nversion.workspace = true\n"
        "edition = { workspace = true }\n[[bin]]\nname = 'x'\npath = 'x.rs'\n",
        **dict.fromkeys(["a/x.rs", "a/src/bin/y.rs"], ""),
    },
    "a declared binary takes the place of the automatic one at its path": {
        **root("a"),
        **crate("a", "[[bin]]\nname = 'x'\npath = 'src/main.rs'\n"),
        "a/src/main.rs": "",
    },
    "the first edition finds nothing beside what is declared": {
        **root("a"),
        "a/Cargo.toml": "[package]\nname = 'a'\n[[bin]]\nname = 'x'\n[[example]]\nname = 'y'\n",
        **dict.fromkeys(["a/src/bin/x.rs", "a/src/main.rs", "a/examples/y.rs"], ""),
        "a/examples/z.rs": "",
    },
    "the first edition when told to": {
        **root("a"),
        "a/Cargo.toml": "[package]\nname = 'a'\nautobins = true\n[[bin]]\nname = 'x'\n",
        **dict.fromkeys(["a/src/bin/x.rs", "a/src/main.rs"], ""),
    },
    "a required feature hides no binary": {
        **root("a"),
        **crate("a", "[[bin]]\nname = 'a'\nrequired-features = ['f']\n[features]\nf = []\n"),
        "a/src/main.rs": "",
    },
    "default-run names a binary": {
        **root("a"),
        "a/Cargo.toml": "[package]\nname = 'a'\ndefault-run = 'x'\n",
        **dict.fromkeys(["a/src/bin/x.rs", "a/src/bin/.hidden.rs", "a/src/main.rs"], ""),
    },
    "a project is a package": {**root("a"), **A, "a/Cargo.toml": "[project]\nname = 'a'\n"},
}


@pytest.mark.parametrize("files", ACCEPTED.values(), ids=list(ACCEPTED))
def test_members_and_targets_are_those_that_cargo_lists(tmp_path: Path, files: Files) -> None:
    workspace = load(files)
    assert members(workspace) == members_by_cargo(files, tmp_path)
    assert workspace.problems == ()


REFUSED: dict[str, tuple[Files, str]] = {
    "a glob that selects a directory without a crate": (
        {**root("src/*"), **crate("src/a"), "src/data/x": ""},
        "Cargo.toml: `members` selects `src/data`, which has no `Cargo.toml` that Git sees. "
        "Exclude it, or select less.",
    ),
    "a glob that selects nothing": (
        {**root("a", "lib/*"), **A},
        "Cargo.toml: the workspace's member `lib/*` has no `Cargo.toml` that Git sees. Add it, or "
        "remove the member.",
    ),
    "a path dependency that is not there": (
        {**root("a"), **crate("a", "[target.x86_64.dependencies]\nb = { path = '../b' }\n")},
        "a/Cargo.toml: `b` is a path dependency on `b`, but Git sees no `Cargo.toml` there. "
        "Correct the path, or have Git see the crate.",
    ),
    "a member that is a root itself": (
        {**root("a"), **crate("a", "[workspace]\n")},
        "a/Cargo.toml: a member of the workspace of Cargo.toml has a `[workspace]` of its own. "
        "Remove that, or exclude the member.",
    ),
    "a member without a package": (
        {**root("a"), "a/Cargo.toml": "[profile.release]\n"},
        "a/Cargo.toml: Cargo.toml has this as a package, but it has no `[package]`.",
    ),
    "a member of another workspace": (
        {
            **root("a"),
            "a/Cargo.toml": "[package]\nname = 'a'\nworkspace = '../w'\n",
            "a/src/lib.rs": "",
            "w/Cargo.toml": "[workspace]\nmembers = ['../a']\n",
        },
        "a/Cargo.toml: Cargo.toml has this as a member, but it belongs to the workspace of "
        "w/Cargo.toml. Remove it from one of them.",
    ),
    "a field that the workspace does not have": (
        {**root("a"), "a/Cargo.toml": "[package]\nname = 'a'\nversion.workspace = true\n"},
        "a/Cargo.toml: `package.version.workspace = true`, but the workspace has no "
        "`workspace.package.version`. Add it to the workspace's `Cargo.toml`.",
    ),
    "lints that the workspace does not have": (
        {**root("a"), **crate("a", "[lints]\nworkspace = true\n")},
        "a/Cargo.toml: `lints.workspace = true`, but the workspace has no `workspace.lints`. Add "
        "it to the workspace's `Cargo.toml`.",
    ),
    "a dependency that the workspace does not have": (
        {
            **root("a", more="[workspace.dependencies]\nserde = '1'\n"),
            **crate("a", "[dependencies]\nserd.workspace = true\n"),
        },
        "a/Cargo.toml: `serd.workspace = true`, but the workspace has no `serd` in "
        "`[workspace.dependencies]`. Did you mean `serde`?",
    ),
    "a default-run that is no binary": (
        {
            **root("a"),
            "a/Cargo.toml": "[package]\nname = 'a'\ndefault-run = 'main'\n",
            "a/src/bin/maine.rs": "",
        },
        'a/Cargo.toml: `default-run = "main"` names no binary of this package. Did you mean '
        "`maine`?",
    ),
    "a binary in two places": (
        {**root("a"), **A, "a/src/bin/x.rs": "", "a/src/bin/x/main.rs": ""},
        "a/Cargo.toml: 2 targets are the binary `x`. Rename all but one.",
    ),
    "a binary that is nowhere": (
        {**root("a"), **crate("a", "[[bin]]\nname = 'x'\n")},
        "a/Cargo.toml: the binary `x` has no `path`, and Git sees neither `src/bin/x.rs` nor "
        "`src/bin/x/main.rs`. Add the file, or `path = …`.",
    ),
    "a package with nothing in it": (
        {**root("a"), "a/Cargo.toml": "[package]\nname = 'a'\n"},
        "a/Cargo.toml: the package has nothing to compile that Git sees. Add a `src/lib.rs` or a "
        "`src/main.rs`.",
    ),
}


@pytest.mark.parametrize(("files", "message"), REFUSED.values(), ids=list(REFUSED))
def test_what_cargo_refuses_is_refused_in_words(tmp_path: Path, files: Files, message: str) -> None:
    refused = members_by_cargo(files, tmp_path)
    assert isinstance(refused, str), refused
    assert message in problems(files)


OUTSIDE: Files = {
    "ws/Cargo.toml": "[workspace]\nmembers = ['b', '../a']\n",
    **crate("ws/b", depends_on(c="../../c", d="../../d")),
    "a/Cargo.toml": "[package]\nname = 'a'\nworkspace = '../ws'\n",
    "a/src/main.rs": "",
    "c/Cargo.toml": "[package]\nname = 'c'\nworkspace = '../ws'\n",
    "c/src/lib.rs": "",
    **crate("d", depends_on(e="../e") + "[dev-dependencies]\nf = { path = '../f' }\n"),
    **crate("e"),
    **crate("f"),
}


class TestAWorkspaceElsewhere:
    def test_what_lies_outside_is_a_member_if_it_says_so(self, tmp_path: Path) -> None:
        workspace = load(OUTSIDE, "ws")
        assert members(workspace) == members_by_cargo(OUTSIDE, tmp_path, "ws")
        assert list(members(workspace)) == ["a", "b", "c"]
        # What is only depended on has files too; its tests are nobody's concern.
        assert names(workspace) == ["a", "b", "c", "d", "e"]
        assert (workspace.problems, workspace.root) == ((), "ws")

    def test_what_lies_outside_and_does_not_say_so_is_refused(self, tmp_path: Path) -> None:
        files = {**OUTSIDE, **crate("a")}
        assert isinstance(members_by_cargo(files, tmp_path, "ws"), str)
        assert problems(files, "ws") == (
            "a/Cargo.toml: ws/Cargo.toml has this as a member, but it lies elsewhere and does not "
            "say so. Add `workspace = …`, the path to the workspace, under `[package]`.",
        )

    def test_a_member_is_no_root(self) -> None:
        assert problems({**root("a"), **A}, "a") == (
            "a/Cargo.toml: this package is in the workspace of `Cargo.toml`, so Cargo would not "
            "take it for a root. Set [mzbuild-cargo].workspace to `.`.",
        )

    def test_a_directory_without_a_manifest_is_an_error(self) -> None:
        assert problems(OUTSIDE, "w") == (
            "[mzbuild-cargo].workspace is `w`, but Git sees no `w/Cargo.toml`. Correct the option, "
            "or have Git see the file.",
        )


def test_an_exclusion_is_a_path_and_no_glob(tmp_path: Path) -> None:
    files = {
        **root("*/*", more='exclude = ["o*/*", "src/b"]\n'),
        **crate("src/a"),
        **crate("src/b"),
        **crate("other/c"),
    }
    assert names(load(files)) == ["a", "c"]
    assert members(load(files)) == members_by_cargo(files, tmp_path)


def test_a_repository_without_a_root_manifest_has_no_workspace() -> None:
    assert load(crate("src/a")) == CargoWorkspace()


def test_a_member_that_is_not_there_is_an_error_unless_files_may_be_missing() -> None:
    with pytest.raises(MzbuildError) as error:
        load({**root("src/a", "b"), **crate("b")})
    assert str(error.value) == (
        "Cargo.toml: the workspace's member `src/a` has no `Cargo.toml` that Git sees. Add it, "
        "or remove the member."
    )
    assert names(load({**root("src/a", "b"), **crate("b")}, lenient=True)) == ["b"]


NAMESAKES = {
    **root("app", "v2/foo", more='exclude = ["v1", "v0"]\n'),
    **crate(
        "app",
        '[[bin]]\nname = "app"\n[dependencies]\nfoo = { path = "../v2/foo" }\n'
        'foo1 = { path = "../v1/foo", package = "foo" }\n'
        'bar = { path = "../v1/bar" }\nbar0 = { path = "../v0/bar", package = "bar" }\n',
    ),
    "app/src/main.rs": "",
    **crate("v2/foo", '[[bin]]\nname = "food"\npath = "src/lib.rs"\n'),
    **crate("v1/foo"),
    **crate("v1/bar"),
    **crate("v0/bar"),
}


def test_packages_of_one_name_are_told_apart_by_their_directories() -> None:
    workspace = load(NAMESAKES)
    assert {crate.name: crate.directory for crate in workspace.crates} == {
        "app": "app",
        # The member is the one that is known by its name.
        "foo": "v2/foo",
        "foo (v1/foo)": "v1/foo",
        "bar (v0/bar)": "v0/bar",
        "bar (v1/bar)": "v1/bar",
    }
    closure = workspace.closure([workspace.by_name["app"]], Scheme.MZBUILD)
    assert {crate.directory for crate in closure} == {"app", "v2/foo", "v1/foo", "v0/bar", "v1/bar"}


def test_a_package_is_named_to_cargo_by_its_place_where_its_name_is_not_enough() -> None:
    workspace = load(NAMESAKES)
    settings = parse_cargo_options().settings(replace(CONFIGURATION, profile=Profile.DEV))

    def packages(bin_: str, lock: str | None = "") -> list[str]:
        parsed = None if lock is None else parse_cargo_lock(lock.encode(), "Cargo.lock")
        build = CargoBuild((bin_,), ())
        args = cargo_build_args(build, workspace, settings, parsed, "i")
        return [arg for arg in args if arg.startswith("--package=")]

    assert packages("app") == ["--package=app"]
    assert packages("food") == [f"--package=file://{DIRECTORY}/{SOURCES}/v2/foo#foo"]
    external = '[[package]]\nname = "app"\nversion = "9.0.0"\nsource = "registry+https://x"\n'
    by_place = [f"--package=file://{DIRECTORY}/{SOURCES}/app#app"]
    assert packages("app", external) == by_place
    # Nobody knows yet what Cargo will write into the lock file.
    assert packages("app", None) == by_place


def test_two_members_of_one_name_are_an_error_that_has_both_places() -> None:
    with pytest.raises(MzbuildError) as error:
        load({**root("x", "y"), **crate("x", name="a"), **crate("y", name="a")})
    assert str(error.value) == (
        "x/Cargo.toml and y/Cargo.toml both name their package `a`. Rename one of them."
    )


def test_what_is_inherited_is_filled_in() -> None:
    table = "d = { path = 'd', package = 'dd', default-features = false, features = ['x'] }\n"
    files = {
        **root("a", more=f"[workspace.dependencies]\n{table}"),
        **crate("a", "[build-dependencies]\nd = { workspace = true, features = ['y'] }\n"),
        **crate("d", name="dd"),
    }
    (dependency,) = load(files).by_name["a"].dependencies
    assert (dependency.package, dependency.directory) == ("dd", "d")
    assert (dependency.features, dependency.default_features) == (("x", "y"), False)
    assert (dependency.kind, dependency.missed) == (DependencyKind.BUILD, True)


def test_the_root_of_another_workspace_counts_where_it_is_inherited_from() -> None:
    files = ACCEPTED["nor is one in a workspace of its own that is excluded"]
    workspace = load(files)
    assert names(workspace) == ["a", "d", "e"]
    assert workspace.manifests == ("x/Cargo.toml",)


@pytest.mark.parametrize(
    ("manifest", "resolver"),
    [
        ("[workspace]\n", "1"),
        ('[workspace]\nresolver = "2"\n', "2"),
        ("[package]\nname = 'a'\n", "1"),
        ("[package]\nname = 'a'\nedition = '2021'\n[workspace]\n", "2"),
        (
            "[package]\nname = 'a'\nedition.workspace = true\n[workspace.package]\n"
            "edition = '2024'\n",
            "3",
        ),
    ],
)
def test_the_feature_resolver_is_said_or_follows_from_the_edition(
    manifest: str, resolver: str
) -> None:
    assert load({"Cargo.toml": manifest}).resolver == resolver
