from __future__ import annotations

import pytest
from mzbuild.core.actions.cargo_build import CargoBuildAction
from mzbuild.core.actions.copy import CopyAction
from mzbuild.core.cargo.settings import CargoFlags
from mzbuild.core.image.declaration import Image
from mzbuild.rules.fingerprints import Fingerprints
from mzbuild.rules.images import Images, ImageWarnings

from tests.rules.conftest import Project, crate, image

DECLARATION = """\
mzbuild_cargo_build(
    name="binaries",
    bin=["app"],
    features=["fast"],
    strip=False,
    split_debuginfo=True,
    rustflags=["-Cx"],
    env={"A": "b"},
    args=["-v"],
)
mzbuild_copy(name="manual", source="doc", destination="share", matching="*.md")
mzbuild_image(
    name="target",
    image_name="daemon",
    description="The daemon.",
    publish=False,
    mainline=False,
    build_args={"VERSION": "1.10"},
    pre_image=[":manual", ":binaries"],
)
"""


@pytest.fixture
def declared(project: Project) -> Project:
    """A repository with an image that a BUILD file declares."""
    project.write({"Cargo.toml": '[workspace]\nmembers = ["app"]\n', "doc/a.md": ""})
    project.write({**crate("app", "[features]\nfast = []\n", main=True)})
    project.write({"i/BUILD": DECLARATION, "i/Dockerfile": "FROM scratch\n", "i/file": ""})
    return project


class TestInBuildFiles:
    def test_an_image_is_what_its_fields_say(self, declared: Project) -> None:
        images = declared.request(Images)
        assert images.graph.by_name["daemon"] == Image(
            name="daemon",
            context="i",
            origin="i/BUILD:12",
            description="The daemon.",
            publish=False,
            mainline=False,
            build_args=(("VERSION", "1.10"),),
            pre_image=(
                CopyAction("doc", "share", "*.md"),
                CargoBuildAction(
                    bins=("app",),
                    features=("fast",),
                    strip=False,
                    split_debuginfo=True,
                    flags=CargoFlags(("-Cx",), (("A", "b"),), ("-v",)),
                ),
            ),
        )
        assert images.addresses["daemon"].spec == "i:target"

    def test_its_name_is_the_target_s_if_not_given(self, project: Project) -> None:
        project.write({"i/BUILD": "mzbuild_image()\n", "i/Dockerfile": ""})
        assert set(project.fingerprints()) == {"i"}

    def test_its_declaration_is_an_input_and_the_build_file_is_not(self, declared: Project) -> None:
        inputs = declared.inputs()["daemon"]
        assert {"i/mzbuild.yml", "i/Dockerfile", "i/file", "doc/a.md", "app/Cargo.toml"} <= set(
            inputs
        )
        assert "i/BUILD" not in inputs

    def test_a_comment_or_another_target_in_the_build_file_does_not_move_its_fingerprint(
        self, declared: Project
    ) -> None:
        before = declared.fingerprints()
        declared.write({"i/BUILD": f"# A comment.\n{DECLARATION}\nmzbuild_files(name='other')\n"})
        assert declared.fingerprints() == before

    @pytest.mark.parametrize(
        ("field", "changed"),
        [
            ('description="The daemon."', 'description="A daemon."'),
            ("publish=False", "publish=True"),
            ("mainline=False", "mainline=True"),
            ('"1.10"', '"1.1"'),
            ('features=["fast"]', "features=[]"),
            ("strip=False", "strip=True"),
            ("split_debuginfo=True", "split_debuginfo=False"),
            ('destination="share"', 'destination="doc"'),
            ('[":manual", ":binaries"]', '[":binaries", ":manual"]'),
            ('[":manual", ":binaries"]', '[":manual"]'),
        ],
    )
    def test_a_change_of_any_field_does(self, declared: Project, field: str, changed: str) -> None:
        before = declared.fingerprints()
        assert DECLARATION.count(field) == 1
        declared.write({"i/BUILD": DECLARATION.replace(field, changed)})
        assert declared.fingerprints() != before

    def test_others_can_build_on_it(self, declared: Project) -> None:
        declared.write(image("top", dockerfile="MZFROM daemon\n"))
        assert declared.dependencies("top:top") == {"i:target"}
        before = declared.fingerprints()["top"]
        declared.write({"i/file": "changed"})
        assert declared.fingerprints()["top"] != before

    @pytest.mark.parametrize(
        ("build_file", "message"),
        [
            (
                'mzbuild_image(image_name="under_score")',
                "i/BUILD:1: `under_score` cannot name an image: a name has lower-case letters and "
                "digits, with `-` between them, and up to 127 characters. Write `under-score`.",
            ),
            (
                'mzbuild_files(name="f", sources=["x"])\nmzbuild_image(pre_image=[":f"])',
                "i/BUILD:2: `pre_image` names i:f, which is a target of type `mzbuild_files`. Name "
                "targets of the types `mzbuild_cargo_build`, `mzbuild_copy`, `mzbuild_package`, "
                "`mzbuild_shell` and `mzbuild_sources`.",
            ),
            (
                'mzbuild_cargo_build(name="b")\nmzbuild_image(pre_image=[":b"])',
                "i/BUILD:1: a `cargo-build` needs a `bin` or an `example` to build. Add a `bin`.",
            ),
            (
                'mzbuild_cargo_build(name="b", bin=["app"], args=["--release"])\n'
                'mzbuild_image(pre_image=[":b"])',
                "i/BUILD:1: `--release` cannot be in `args`. Set `cargo_profile` in "
                "[mzbuild-cargo.profile.…].",
            ),
            (
                'mzbuild_image(name="a")\nmzbuild_image(name="b")',
                "i/BUILD:2: i:a and i:b both stand for the image in `i`. Remove one of them from "
                "the BUILD file; beside an `mzbuild.yml`, leave out the target's name.",
            ),
        ],
    )
    def test_a_mistake_is_an_error_at_the_target(
        self, project: Project, build_file: str, message: str
    ) -> None:
        project.write({"i/BUILD": f"{build_file}\n", "i/Dockerfile": "", "i/x": ""})
        assert list(project.mistakes().values()) == [message]

    def test_dependencies_are_an_error_that_says_what_to_use(self, project: Project) -> None:
        project.write({"i/BUILD": 'mzbuild_image(dependencies=[":x", "d"])\n', "i/Dockerfile": ""})
        project.write({**image("a"), "a/BUILD": 'mzbuild_image(dependencies=["//d"])\n'})
        copy = 'mzbuild_copy(name="c", source="lib", destination="d", dependencies=[":x"])\n'
        project.write({"b/BUILD": f'{copy}mzbuild_image(pre_image=[":c"])\n', "b/Dockerfile": ""})
        project.write({"lib/run": "", **image("fine"), "fine/BUILD": "mzbuild_image()\n"})
        project.link("fine/run", "../lib/run")

        def said(place: str, named: str, kind: str = "mzbuild_image") -> str:
            return (
                f"{place}: the field `dependencies` of an `{kind}` has no effect: nothing of "
                f"{named} would get into the image. Remove the field. To build on another image, "
                "name it by `MZFROM` in the Dockerfile; to have files or programs in the context, "
                "use a `pre_image` action: an `mzbuild_copy` or an `mzbuild_cargo_build`."
            )

        assert project.mistakes() == {
            "a": said("a/BUILD:1", "`//d`"),
            "b": said("b/BUILD:1", "`:x`", "mzbuild_copy"),
            "i": said("i/BUILD:1", "`:x` and `d`"),
        }

    def test_a_copy_without_a_source_is_an_error(self, project: Project) -> None:
        build_file = 'mzbuild_copy(name="c", destination="d")\nmzbuild_image(pre_image=[":c"])\n'
        project.write({"i/BUILD": build_file, "i/Dockerfile": ""})
        error = project.error(Fingerprints)
        assert "source" in error
        assert "i:c" in error

    def test_an_action_that_is_not_there_is_an_error(self, project: Project) -> None:
        project.write({"i/BUILD": 'mzbuild_image(pre_image=[":x"])\n', "i/Dockerfile": ""})
        (message,) = project.mistakes().values()
        assert message.startswith(
            "i/BUILD:1: The address i:x from the `pre_image` from the target i:i does not"
        )


class TestBesideAFile:
    @pytest.mark.parametrize(
        "fields",
        [
            'tags=["x"], run_args=["--network=host"]',
            'image_name="a", publish=False, mainline=True, build_args={"A": "1"}',
        ],
    )
    def test_a_target_may_add_to_the_file_or_repeat_it(self, project: Project, fields: str) -> None:
        project.write(image("a", "publish: false\nbuild-args: {A: '1'}\n"))
        before = project.fingerprints()
        # The BUILD file is an input then, as any file of a context.
        project.write({"a/BUILD": f"mzbuild_image({fields})\n"})
        images = project.request(Images)
        assert images.graph.by_name["a"].declared_in_file
        assert images.addresses["a"].spec == "a:a"
        assert list(project.fingerprints()) == list(before)

    @pytest.mark.parametrize(
        ("more", "field", "value"),
        [
            ("", "image_name", '"b"'),
            ("", "publish", "False"),
            ("", "mainline", "False"),
            ("description: One.\n", "description", '"Another."'),
            ("build-args: {A: '1'}\n", "build_args", '{"A": "2"}'),
            ("", "build_args", '{"A": "2"}'),
        ],
    )
    def test_a_target_that_contradicts_it_is_an_error(
        self, project: Project, more: str, field: str, value: str
    ) -> None:
        project.write({**image("a", more), "a/BUILD": f"mzbuild_image({field}={value})\n"})
        assert project.mistakes()["a"] == (
            f"a/BUILD:1: the field `{field}` contradicts a/mzbuild.yml. Remove the field, or "
            "declare the image in the BUILD file alone."
        )

    def test_pre_image_belongs_into_the_file(self, project: Project) -> None:
        build_file = (
            'mzbuild_copy(name="c", source="doc", destination="d")\n'
            'mzbuild_image(pre_image=[":c"])\n'
        )
        project.write({**image("a"), "a/BUILD": build_file, "doc/x": ""})
        assert project.mistakes()["a"] == (
            "a/BUILD:2: the field `pre_image` contradicts a/mzbuild.yml. Remove the field, or "
            "declare the image in the BUILD file alone."
        )

    def test_a_target_of_another_name_is_a_second_one(self, project: Project) -> None:
        project.write({**image("a"), "a/BUILD": 'mzbuild_image(name="other")\n'})
        error = project.mistakes()["a"]
        assert "both stand for the image in `a`" in error
        assert "leave out the target's name" in error


class TestWarnings:
    def test_an_unknown_field_is_warned_about_with_the_nearest(self, project: Project) -> None:
        project.write(image("a", "publsh: false\n"))
        assert project.request(ImageWarnings).texts == (
            "a/mzbuild.yml:2: unknown field `publsh` is ignored. Did you mean `publish`?",
        )

    def test_a_build_argument_that_sounds_like_a_secret_is_warned_about(
        self, project: Project
    ) -> None:
        project.write(image("a", "build-args: {API_TOKEN: x, VERSION: '1'}\n"))
        (warning,) = project.request(ImageWarnings).texts
        assert warning.startswith(
            "a/mzbuild.yml: the build argument `API_TOKEN` sounds like a secret"
        )

    def test_a_repository_without_faults_has_none(self, project: Project) -> None:
        project.write(image("a"))
        assert project.request(ImageWarnings).texts == ()


def test_an_image_that_git_does_not_see_is_none(project: Project) -> None:
    project.write({**image("a"), **image("b"), ".gitignore": "/b\n"})
    assert list(project.fingerprints()) == ["a"]
