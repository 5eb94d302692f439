from __future__ import annotations

import pytest
from pants.engine.internals.scheduler import ExecutionError

from tests.rules.conftest import Project, crate, image

STRICT = "--mzbuild-fingerprint-scheme=strict"


def build(more: str) -> str:
    return f"pre-image:\n- type: cargo-build\n  {more}\n"


@pytest.fixture
def workspace(project: Project) -> Project:
    """Crates with a dependency of every kind."""
    members = '[workspace]\nmembers = ["src/*"]\n'
    shared = '[workspace.dependencies]\nshared = { path = "src/shared" }\n'
    app = (
        '[dependencies]\nore = { path = "../ore" }\nshared = { workspace = true }\nserde = "1"\n'
        'own-name = { path = "../renamed", package = "renamed" }\n'
        '[build-dependencies]\ninfo = { path = "../info" }\n'
        '[dev-dependencies]\nkit = { path = "../kit" }\n'
        '[target."cfg(unix)".dependencies]\nunix = { path = "../unix" }\n'
    )
    project.write({"Cargo.toml": members + shared, **crate("src/app", app, main=True)})
    project.write({"src/app/examples/demo.rs": "", "src/ore/src/bin/tool.rs": ""})
    for name in ("ore", "shared", "renamed", "info", "kit", "unix"):
        project.write(crate(f"src/{name}"))
    return project


def test_an_image_depends_on_its_actions_and_on_what_it_builds_on(project: Project) -> None:
    more = build("bin: app") + "- {type: copy, source: doc, destination: d}\n"
    project.write({**image("base"), **image("other"), "doc/x": ""})
    project.write(image("top", more, dockerfile="MZFROM base AS b\nMZFROM other\n"))
    expected = {"base:base", "other:other", "top:cargo-build", "top:copy"}
    assert project.dependencies("top:top") == expected
    assert project.dependencies("base:base") == set()


def test_a_crate_depends_on_those_that_its_fingerprint_covers(workspace: Project) -> None:
    normal = {"src/ore:ore", "src/renamed:renamed", "src/info:info"}
    assert workspace.dependencies("src/app:app") == normal
    strict = {"src/shared:shared", "src/unix:unix"}
    assert workspace.dependencies("src/app:app", STRICT) == normal | strict


def test_a_binary_depends_on_its_crate_and_the_workspace(workspace: Project) -> None:
    workspace.write(image("i", build("bin: [app, tool]")))
    expected = {"//:cargo-workspace", "src/app:app", "src/ore:ore"}
    assert workspace.dependencies("i:cargo-build") == expected


def test_an_example_also_depends_on_its_crate_s_development_dependencies(
    workspace: Project,
) -> None:
    workspace.write(image("i", build("example: demo")))
    found = workspace.dependencies("i:cargo-build")
    assert {"//:cargo-workspace", "src/app:app", "src/kit:kit"} <= found
    assert "src/unix:unix" not in found
    assert "src/unix:unix" in workspace.dependencies("i:cargo-build", STRICT)


def test_a_copy_depends_on_the_files_that_it_copies(project: Project) -> None:
    more = "pre-image: [{type: copy, source: doc, destination: d}]\n"
    project.write({**image("i", more), "doc/x": ""})
    assert project.dependencies("i:copy") == {"doc:copied-by-i"}


def test_a_copy_does_not_depend_on_a_crate_that_has_the_files_too(project: Project) -> None:
    more = "pre-image: [{type: copy, source: x/data, destination: d}]\n"
    project.write({"Cargo.toml": '[workspace]\nmembers = ["x"]\n', **crate("x"), "x/data/f": ""})
    project.write(image("i", more))
    assert project.dependencies("i:copy") == {"x/data:copied-by-i"}
    assert project.owners("x/data/f") == {"x:x", "x/data:copied-by-i"}


def test_an_image_depends_on_the_files_that_its_symlinks_lead_to(project: Project) -> None:
    project.write({**image("i"), "lib/run": ""})
    project.link("i/run", "../lib/run")
    assert project.dependencies("i:i") == {"lib:linked-by-i"}


def test_an_image_in_a_build_file_depends_on_the_actions_that_it_names(project: Project) -> None:
    declaration = (
        'mzbuild_copy(name="used", source="doc", destination="d")\n'
        'mzbuild_copy(name="unused", source="doc", destination="e")\n'
        'mzbuild_image(name="i", pre_image=[":used"])\n'
    )
    project.write({**image("base"), "i/BUILD": declaration, "i/Dockerfile": "MZFROM base\n"})
    project.write({"doc/x": "", "doc/BUILD": 'mzbuild_files(name="all", sources=["**"])\n'})
    assert project.dependencies("i:i") == {"base:base", "i:used"}
    assert project.dependencies("i:used") == {"doc:all"}


def test_a_crate_outside_of_the_workspace_depends_on_nothing(workspace: Project) -> None:
    workspace.write(
        {"lone/Cargo.toml": '[package]\nname = "lone"\n', "lone/BUILD": "cargo_crate()"}
    )
    assert workspace.dependencies("lone:lone") == set()


def test_what_no_crate_has_depends_on_none(workspace: Project) -> None:
    more = "pre-image: [{type: cargo-build, bin: gone}]\n"
    workspace.write({**image("base"), **image("i", more, "MZFROM base\n")})
    assert workspace.dependencies("i:cargo-build") == {"//:cargo-workspace"}
    assert workspace.dependencies("i:i") == {"base:base", "i:cargo-build"}


def test_a_broken_workspace_is_an_error_where_its_crates_are_asked_for(workspace: Project) -> None:
    workspace.write({**image("i"), "Cargo.toml": "[workspace"})
    assert workspace.dependencies("i:i") == set()
    workspace.write({"Cargo.toml": "[workspace]\nmembers = ['src/*', 'gone']\n"})
    with pytest.raises(ExecutionError, match="the workspace's member `gone` has no"):
        workspace.dependencies("src/app:app")
