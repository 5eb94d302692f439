"""The names that images have once there are registries, and what a command has selected."""

from __future__ import annotations

import pytest
from mzbuild.rules.registries import ImageTags, Registries
from mzbuild.rules.selection import SelectedImages

from tests.core.conftest import ENV
from tests.rules.conftest import Project, image

HUB = '"hub": {"address": "docker.io"}'
GHCR = '"ghcr": {"address": "ghcr.io/acme", "primary_env": "MZ_GHCR"}'
OPTIONS = (
    "--mzbuild-image-registry=acme",
    f"--mzbuild-registries={{{HUB}, {GHCR}}}",
    "--mzbuild-primary-registry=hub",
)


@pytest.fixture
def images(project: Project) -> Project:
    project.write({**image("base"), **image("tool", "publish: false\n")})
    return project


def test_without_registries_images_have_just_their_specs(images: Project) -> None:
    tags = images.request(ImageTags, options=OPTIONS[:1])
    base = f"acme/base:mzbuild-{images.fingerprints()['base']}"
    assert tags.local["base"] == base
    assert tags.published == {"base": (), "tool": ()}


def test_an_image_has_a_tag_in_each_registry_and_the_primary_s_is_the_local_one(
    images: Project,
) -> None:
    fingerprints = images.fingerprints()
    hub = f"docker.io/acme/base:mzbuild-{fingerprints['base']}"
    ghcr = f"ghcr.io/acme/base:mzbuild-{fingerprints['base']}"
    tags = images.request(ImageTags, options=OPTIONS)
    assert [tag for _, tag in tags.published["base"]] == [hub, ghcr]
    assert tags.published["tool"] == ()
    tool = f"docker.io/acme/tool:mzbuild-{fingerprints['tool']}"
    assert tags.local == {"base": hub, "tool": tool}

    chosen = (*OPTIONS[:-1], "--mzbuild-primary-registry=ghcr")
    assert images.request(ImageTags, options=chosen).local["base"] == ghcr


def test_a_variable_of_the_user_s_chooses_the_primary_registry(images: Project) -> None:
    for value, expected in (("1", "ghcr"), ("0", "hub"), ("", "hub"), ("yes", "ghcr")):
        env = {**ENV, "MZ_GHCR": value}
        first, _ = images.request(Registries, options=OPTIONS, env=env).registries
        assert first.name == expected


def test_a_mistake_in_the_configuration_names_the_place(images: Project) -> None:
    env = {**ENV, "PANTS_MZBUILD_REGISTRIES": '{"hub": {"adress": "docker.io"}}'}
    error = images.error(Registries, env=env)
    assert error.startswith("[mzbuild].registries: `hub` has no field `adress`")
    assert "Did you mean `address`?" in error


@pytest.mark.parametrize(
    ("specs", "directory", "names"),
    [
        (("::",), "", ("base", "tool")),
        (("base",), "", ("base",)),
        (("base:base", "tool::"), "", ("base", "tool")),
        (("::", "-tool"), "", ("base",)),
        ((":",), "base", ("base",)),
        (("../tool",), "base", ("tool",)),
        ((), "", ()),
        # Where the variable `PWD` is wrong, what Pants finds is not to be found again.
        (("nowhere",), "", ()),
        (("base",), "tool", ()),
        (("base:base",), "tool", ()),
        (("../tool",), "", ()),
    ],
)
def test_what_a_command_has_selected(
    images: Project, specs: tuple[str, ...], directory: str, names: tuple[str, ...]
) -> None:
    env = {**ENV, "PWD": str(images.root / directory)}
    selected = images.request(SelectedImages, options=("package", *specs), env=env)
    assert selected.names == names


def test_a_directory_elsewhere_has_no_meaning(images: Project) -> None:
    env = {**ENV, "PWD": f"{images.root}-and-more"}
    selected = images.request(SelectedImages, options=("package", "base"), env=env)
    assert selected.names == ("base",)


def test_what_has_changed_is_selected_too(images: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images.root)  # Where Pants always runs.
    images.git("add", "--all")
    images.git("commit", "--message", "first")
    images.write({"tool/new": ""})
    options = ("--changed-since=HEAD", "package")
    assert images.request(SelectedImages, options=options).names == ("tool",)
