from __future__ import annotations

import pytest
from mzbuild.actions.cargo_build import (
    BinField,
    ExampleField,
    FeaturesField,
    MzbuildCargoBuildTarget,
    SplitDebuginfoField,
    StripField,
)
from mzbuild.actions.copy import (
    CopyDestinationField,
    CopyMatchingField,
    CopySourceField,
    MzbuildCopyTarget,
)
from mzbuild.core.actions.copy import CopyAction, matching_files
from mzbuild.core.work_tree.listing import Listing
from mzbuild.rules.images import Images
from mzbuild.target_types import (
    BuildArgsField,
    CargoCrateTarget,
    CargoWorkspaceTarget,
    ImageNameField,
    InputsField,
    MainlineField,
    MzbuildFilesTarget,
    MzbuildImageTarget,
    PreImageField,
    PublishField,
)
from pants.engine.target import (
    DescriptionField,
    HydratedSources,
    HydrateSourcesRequest,
    Tags,
)

from tests.core.conftest import ENV
from tests.rules.conftest import Project, crate, image

DECLARATION = """\
name: daemon
description: The daemon.
publish: false
mainline: false
build-args: {VERSION: 1.10}
pre-image:
  - type: cargo-build
    bin: [one, two]
    example: three
    strip: false
    split_debuginfo: true
    features: fast
  - {type: copy, source: doc, destination: share, matching: '*.md'}
  - {type: copy, source: doc/, destination: again}
"""


def hydrated(project: Project, address: str) -> set[str]:
    """The files that a target owns by its globs."""
    request = HydrateSourcesRequest(project.targets()[address][InputsField])
    return set(project.request(HydratedSources, request).snapshot.files)


class TestAddressesAndFields:
    def test_an_image_has_a_target_named_like_its_directory(self, project: Project) -> None:
        project.write({"misc/i/mzbuild.yml": DECLARATION, "misc/i/Dockerfile": "", "doc/a.md": ""})
        target = project.targets()["misc/i:i"]
        assert isinstance(target, MzbuildImageTarget)
        assert target[ImageNameField].value == "daemon"
        assert target[DescriptionField].value == "The daemon."
        assert target[PublishField].value is False
        assert target[MainlineField].value is False
        assert dict(target[BuildArgsField].value or {}) == {"VERSION": "1.10"}
        assert target[PreImageField].value == (":cargo-build", ":copy", ":copy-2")

    def test_each_of_its_actions_has_one_beside_it(self, project: Project) -> None:
        project.write({"misc/i/mzbuild.yml": DECLARATION, "misc/i/Dockerfile": "", "doc/a.md": ""})
        targets = project.targets()
        build, copy = targets["misc/i:cargo-build"], targets["misc/i:copy"]
        assert isinstance(build, MzbuildCargoBuildTarget)
        assert build[BinField].value == ("one", "two")
        assert build[ExampleField].value == ("three",)
        assert build[StripField].value is False
        assert build[SplitDebuginfoField].value is True
        assert build[FeaturesField].value == ("fast",)
        assert isinstance(copy, MzbuildCopyTarget)
        assert copy[CopySourceField].value == "doc"
        assert copy[CopyDestinationField].value == "share"
        assert copy[CopyMatchingField].value == "*.md"
        assert targets["misc/i:copy-2"][CopyMatchingField].value == "*"

    def test_the_crates_and_their_workspace_have_targets(self, project: Project) -> None:
        project.write({"Cargo.toml": '[workspace]\nmembers = ["src/*"]\n', **crate("src/ore")})
        targets = project.targets()
        assert set(targets) == {"src/ore:ore", "//:cargo-workspace"}
        assert isinstance(targets["src/ore:ore"], CargoCrateTarget)
        assert isinstance(targets["//:cargo-workspace"], CargoWorkspaceTarget)

    def test_a_repository_without_anything_has_none(self, project: Project) -> None:
        project.write({"doc/a.md": "", "Cargo.lock": ""})
        assert project.targets() == {}

    def test_at_the_root_the_name_is_the_image_s_or_the_crate_s(self, project: Project) -> None:
        project.write({"mzbuild.yml": "name: whole\n", "Dockerfile": ""})
        project.write({"Cargo.toml": '[package]\nname = "app"\n', "src/main.rs": ""})
        assert set(project.targets()) == {"//:whole", "//:app", "//:cargo-workspace"}

    def test_an_image_s_name_goes_before_a_crate_s_in_the_same_directory(
        self, project: Project
    ) -> None:
        project.write({**image("a"), **crate("a"), "Cargo.toml": '[workspace]\nmembers = ["a"]\n'})
        targets = project.targets()
        assert isinstance(targets["a:a"], MzbuildImageTarget)
        assert isinstance(targets["a:a-2"], CargoCrateTarget)

    def test_an_action_s_name_gives_way_to_the_image_s(self, project: Project) -> None:
        more = "pre-image: [{type: copy, source: doc, destination: d}]\n"
        project.write({**image("copy", more), "doc/a.md": ""})
        targets = project.targets()
        assert isinstance(targets["copy:copy"], MzbuildImageTarget)
        assert isinstance(targets["copy:copy-2"], MzbuildCopyTarget)

    def test_targets_come_and_go_with_their_files(self, project: Project) -> None:
        project.write(image("a"))
        assert set(project.targets()) == {"a:a"}
        project.write(image("b"))
        assert set(project.targets()) == {"a:a", "b:b"}
        project.remove("a/mzbuild.yml")
        assert set(project.targets()) == {"b:b"}


class TestBuildFiles:
    def test_a_target_of_the_same_name_says_more_of_it(self, project: Project) -> None:
        more = "publish: false\npre-image: [{type: copy, source: doc, destination: d}]\n"
        project.write({**image("a", more), "doc/x": "", "lib/run": ""})
        project.link("a/run", "../lib/run")
        build_file = 'mzbuild_image(tags=["hub"])\n'
        before = project.dependencies("a:a")
        project.write({"a/BUILD": build_file})
        assert project.targets()["a:a"][Tags].value == ("hub",)
        assert project.request(Images).graph.by_name["a"].publish is False
        assert project.dependencies("a:a") == before

    def test_a_crate_may_be_declared_too(self, project: Project) -> None:
        project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x")})
        project.write({"lib/more": "", "lib/BUILD": 'mzbuild_files(name="more")\n'})
        project.write({"x/BUILD": 'cargo_crate(tags=["hub"], dependencies=["lib:more"])\n'})
        assert project.targets()["x:x"][Tags].value == ("hub",)
        assert project.dependencies("x:x") == {"lib:more"}

    def test_one_of_another_type_leaves_an_image_and_a_crate_another_name(
        self, project: Project
    ) -> None:
        copy = "pre-image: [{type: copy, source: doc, destination: d}]\n"
        project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x")})
        project.write({**image("a", copy), **image("b"), "doc/a.md": "", "b/run.sh": ""})
        files = 'mzbuild_files(sources=["*"])\n'
        project.write(
            {
                "a/BUILD": f'{files}mzbuild_files(name="copy")\n',
                "b/BUILD": f'{files}mzbuild_files(name="image")\nmzbuild_files(name="image-2")\n',
                "x/BUILD": files,
                "BUILD": 'mzbuild_files(name="cargo-workspace", sources=["*.md"])\n',
            }
        )
        targets = project.targets()
        assert {name: target.alias for name, target in targets.items() if name[0] in "abx/"} == {
            "a:a": "mzbuild_files",
            "a:copy": "mzbuild_files",
            "a:copy-2": "mzbuild_copy",
            "a:image": "mzbuild_image",
            "b:b": "mzbuild_files",
            "b:image": "mzbuild_files",
            "b:image-2": "mzbuild_files",
            "b:image-3": "mzbuild_image",
            "x:x": "mzbuild_files",
            "x:x-2": "cargo_crate",
            "//:cargo-workspace": "mzbuild_files",
            "//:cargo-workspace-2": "cargo_workspace",
        }
        assert targets["a:image"][PreImageField].value == (":copy-2",)
        assert {str(address) for address in project.request(Images).names} == {
            "a:image",
            "b:image-3",
        }

    def test_then_what_a_build_file_says_of_the_image_may_have_any_name(
        self, project: Project
    ) -> None:
        declared = 'mzbuild_files(sources=["*"])\nmzbuild_image(name="daemon", tags=["hub"])\n'
        project.write({**image("a", "publish: false\n"), "a/BUILD": declared})
        assert project.targets()["a:daemon"][Tags].value == ("hub",)
        images = project.request(Images)
        assert images.graph.by_name["a"].publish is False
        assert [str(address) for address in images.names] == ["a:daemon"]
        project.remove("a/BUILD")
        assert set(project.targets()) == {"a:a"}

    def test_a_name_that_the_environment_gives_may_not_be_the_image_s(
        self, project: Project
    ) -> None:
        project.write({**image("a"), "a/BUILD": 'mzbuild_files(name=env("NAME") or "b")\n'})
        assert project.error(Images, env={**ENV, "NAME": "a"}) == (
            "a/BUILD:1: the `mzbuild_files` target `a` has the name of the `mzbuild_image` target "
            "that a/mzbuild.yml stands for. Give it another one, such as "
            '`name="a-mzbuild_files"`.'
        )

    def test_when_it_goes_away_the_other_is_back(self, project: Project) -> None:
        project.write({**image("a"), "a/BUILD": 'mzbuild_image(tags=["hub"])\n'})
        assert project.targets()["a:a"][Tags].value == ("hub",)
        project.remove("a/BUILD")
        assert project.targets()["a:a"][Tags].value is None
        assert project.targets()["a:a"][ImageNameField].value == "a"


class TestOwners:
    def test_an_image_owns_its_context_but_a_nested_one(self, project: Project) -> None:
        project.write({**image("a"), "a/d/file": "", "a/inner/mzbuild.yml": "name: inner\n"})
        project.write({"a/inner/Dockerfile": "", "a/inner/file": ""})
        assert project.owners("a/d/file") == {"a:a"}
        assert project.owners("a/inner/file") == {"a/inner:inner"}

    def test_a_crate_owns_its_directory_but_mzcompose_and_a_nested_crate(
        self, project: Project
    ) -> None:
        project.write({"Cargo.toml": '[workspace]\nmembers = ["x", "x/y"]\n'})
        project.write({**crate("x"), **crate("x/y"), "x/mzcompose.py": "", "x/mzcompose/z": ""})
        assert project.owners("x/src/lib.rs") == {"x:x"}
        assert project.owners("x/y/src/lib.rs") == {"x/y:y"}
        assert project.owners("x/mzcompose.py") == set()
        assert project.owners("x/mzcompose/z") == set()

    @pytest.mark.parametrize(
        ("path", "schemes"),
        [
            ("Cargo.lock", {"mzbuild", "strict"}),
            (".cargo/config", {"mzbuild", "strict"}),
            ("ci/builder/a/b", {"mzbuild", "strict"}),
            (".cargo/config.toml", {"strict"}),
            ("rust-toolchain.toml", {"strict"}),
            ("README.md", set()),
        ],
    )
    def test_the_workspace_owns_what_all_cargo_builds_share(
        self, project: Project, path: str, schemes: set[str]
    ) -> None:
        project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x"), path: ""})
        for scheme in ("mzbuild", "strict"):
            owners = project.owners(path, f"--mzbuild-fingerprint-scheme={scheme}")
            assert owners == ({"//:cargo-workspace"} if scheme in schemes else set())

    @pytest.mark.parametrize(
        ("path", "owner"),
        [
            ("data/included", "data:linked-by-x"),
            ("assets/deep/y", "assets/deep:linked-by-x"),
            ("vendor/tiny/src/lib.rs", "//:cargo-workspace"),
            ("patched/src/lib.rs", "//:cargo-workspace"),
            ("more.toml", "//:cargo-workspace"),
        ],
    )
    def test_what_sources_symlinks_and_configuration_lead_to_has_an_owner_in_the_strict_scheme(
        self, project: Project, path: str, owner: str
    ) -> None:
        config = (
            "include = ['../more.toml']\npaths = ['patched']\n"
            "[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'vendor'\n"
        )
        project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x")})
        project.write({".cargo/config.toml": config, "more.toml": "", "data/included": ""})
        project.write({**crate("vendor/tiny"), **crate("patched"), "assets/deep/y": ""})
        project.write({"x/src/lib.rs": 'const D: &str = include_str!("../../data/included");'})
        project.link("x/assets", "../assets")
        assert project.owners(path, "--mzbuild-fingerprint-scheme=strict") == {owner}
        assert project.owners(path) == set()

    @pytest.mark.parametrize("source", ["doc", "./doc/", "doc/../doc"])
    def test_what_a_copy_copies_has_a_target_beside_it(self, project: Project, source: str) -> None:
        more = f"pre-image: [{{type: copy, source: {source}, destination: d, matching: '*.md'}}]\n"
        project.write({**image("a", more), "doc/x.md": "", "doc/sub/y.md": "", "doc/z.txt": ""})
        target = project.targets()["doc:copied-by-a"]
        assert isinstance(target, MzbuildFilesTarget)
        assert project.owners("doc/x.md") == {"doc:copied-by-a"}
        assert project.owners("doc/sub/y.md") == {"doc:copied-by-a"}
        assert project.owners("doc/z.txt") == set()

    @pytest.mark.parametrize("source", [".", ".hidden"])
    def test_a_copy_may_be_of_the_root_or_a_hidden_directory(
        self, project: Project, source: str
    ) -> None:
        more = f"pre-image: [{{type: copy, source: {source}, destination: d, matching: '*.md'}}]\n"
        project.write({**image("a", more), ".hidden/x.md": "", "y.md": ""})
        # Pants has no targets in a hidden directory.
        assert isinstance(project.targets()["//:copied-by-a"], MzbuildFilesTarget)
        assert project.dependencies("a:copy") == {"//:copied-by-a"}

    @pytest.mark.parametrize(
        "matching",
        [
            *("*", "*.md", "a*", "sub", "sub/", "sub/*", "**/*.md", "?.md", "[ab].md", "[^a]*.md"),
            *("[!a]*.md", "[a-b]/*", "*/deep/*", "./*.md", ".", "*d*", r"\**", "x*y*z"),
        ],
    )
    def test_globs_own_just_what_is_copied(self, project: Project, matching: str) -> None:
        names = ["a.md", "b.md", "c.md", "a", "sub/x.md", "sub/deep/y.md", "b/z", "*star"]
        names += ["sub/deep/er/z", "xyz", "x1y/2z", ".dot.md", "deep/deep/deep"]
        more = f"pre-image: [{{type: copy, source: doc, destination: d, matching: '{matching}'}}]\n"
        project.write({**image("i", more), **{f"doc/{name}": "" for name in names}})
        listing = Listing(tuple(sorted(f"doc/{name}" for name in names)))
        copied = set(matching_files(CopyAction("doc", "d", matching), listing))
        assert copied
        assert hydrated(project, "doc:copied-by-i") == copied

    def test_two_copies_of_one_directory_have_a_target_each(self, project: Project) -> None:
        action = "{type: copy, source: doc, destination: d}"
        project.write({**image("a", f"pre-image: [{action}, {action}]\n"), "doc/x": ""})
        project.write(image("b", f"pre-image: [{action}]\n"))
        assert project.owners("doc/x") == {
            "doc:copied-by-a",
            "doc:copied-by-a-2",
            "doc:copied-by-b",
        }

    def test_what_a_symlink_leads_to_has_a_target_beside_it(self, project: Project) -> None:
        project.write({**image("a"), "lib/run": "", "lib/[x]": "", "a/inside": "", "top": ""})
        project.link("a/one", "../lib/run")
        project.link("a/two", "../lib/[x]")
        project.link("a/three", "inside")
        project.link("a/four", "../top")
        project.link("a/five", "nowhere")
        assert project.owners("lib/run") == {"lib:linked-by-a"}
        assert project.owners("lib/[x]") == {"lib:linked-by-a"}
        assert project.owners("top") == {"//:linked-by-a"}
        assert project.owners("a/inside") == {"a:a"}

    def test_a_crate_s_symlinks_count_too(self, project: Project) -> None:
        project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x"), "data/d": ""})
        project.link("x/data", "../data/d")
        assert project.owners("data/d") == {"data:linked-by-x"}
        assert project.dependencies("x:x") == {"data:linked-by-x"}


class TestMistakes:
    @pytest.mark.parametrize("source", ["../x", "/etc", "nowhere"])
    def test_a_copy_that_cannot_be_carried_out_does_not_keep_pants_from_listing(
        self, project: Project, source: str
    ) -> None:
        more = f"pre-image: [{{type: copy, source: {source}, destination: d}}]\n"
        project.write({**image("a", more), **image("b")})
        assert {"a:a", "a:copy", "b:b"} <= set(project.targets())
