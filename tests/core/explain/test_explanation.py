"""Why fingerprints differ, between revisions of real repositories."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mzbuild.core.configuration import Arch, Configuration, Profile
from mzbuild.core.explain.explanation import Explanation, explain
from mzbuild.core.explain.report import explanation_json, explanation_lines
from mzbuild.core.explain.snapshot import Snapshot, revision_snapshot
from mzbuild.core.image.declaration import Image
from mzbuild.core.revisions.revision_tree import RevisionTree
from mzbuild.core.text.table import MORE

from tests.core.conftest import (
    ACTION_TYPES,
    CONFIGURATION,
    ENV,
    Repository,
    describe,
    make_vectors_repository,
)

CARGO = "pre-image: [{type: cargo-build, bin: app}]\n"
MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\n[dependencies]\n{}\n'
FILES = {
    "base/mzbuild.yml": "name: base\n",
    "base/Dockerfile": "FROM scratch\n",
    "middle/mzbuild.yml": "name: middle\n",
    "middle/Dockerfile": "MZFROM base\n",
    "top/mzbuild.yml": f"name: top\n{CARGO}",
    "top/Dockerfile": "MZFROM middle\n",
    "other/mzbuild.yml": "name: other\npre-image: [{type: copy, source: doc, destination: d}]\n",
    "other/Dockerfile": "FROM scratch\n",
    "doc/page": "",
    "Cargo.toml": '[workspace]\nmembers = ["src/*"]\n',
    "src/app/Cargo.toml": MANIFEST.format("app", 'ore = { path = "../ore" }'),
    "src/app/src/main.rs": "",
    "src/ore/Cargo.toml": MANIFEST.format("ore", ""),
    "src/ore/src/lib.rs": "",
    "src/new/Cargo.toml": MANIFEST.format("new", ""),
    "src/new/src/lib.rs": "",
}


def snapshot(
    root: Path, revision: str = "HEAD", configuration: Configuration = CONFIGURATION
) -> Snapshot:
    return revision_snapshot(RevisionTree(str(root), ENV, revision), configuration, ACTION_TYPES)


def told(repository: Repository, *, since: str = "HEAD~1") -> dict[str, Any]:
    """The JSON of what differs, by image."""
    explained = explain(snapshot(repository.root, since), snapshot(repository.root))
    return {name: explanation_json(explanation) for name, explanation in explained.items()}


def printed(explained: Mapping[str, Explanation], *, everything: bool = False) -> list[str]:
    return list(
        explanation_lines(
            *([*explained.values()], explained, ("`a`", "`b`")),
            everything=everything,
            paint_name=str,
            paint_change=str,
        )
    )


def text(before: Snapshot, after: Snapshot) -> list[str]:
    explained = explain(before, after)
    lines = printed(explained)
    return [line if line[0] in " N`" else line.partition(" ")[0] for line in lines]


def shown(repository: Repository) -> list[str]:
    """The text of what differs, without fingerprints."""
    return text(snapshot(repository.root, "HEAD~1"), snapshot(repository.root))


@pytest.fixture
def images(repository: Repository) -> Repository:
    repository.commit(FILES)
    return repository


def test_a_revision_has_the_fingerprints_of_a_checkout(tmp_path: Path) -> None:
    root = make_vectors_repository(tmp_path / "vectors")
    repository = Repository(root)
    # The work tree's states become history of their own: modified, deleted, changed modes.
    repository.commit({})
    for revision in ("HEAD~1", "HEAD"):
        checkout = tmp_path / revision
        repository.git("worktree", "add", "--quiet", "--detach", str(checkout), revision)
        for configuration in (CONFIGURATION, replace(CONFIGURATION, arch=Arch.AARCH64)):
            found = snapshot(root, revision, configuration)
            expected = describe(checkout, configuration)
            assert not found.survey.errors
            assert found.survey.fingerprints == expected.fingerprints
            assert found.dependencies == expected.graph.dependencies
    assert snapshot(root, "HEAD~1").survey.fingerprints != snapshot(root).survey.fingerprints


def test_nothing_changed(images: Repository) -> None:
    images.commit({"README": "no input of any image"})
    assert told(images) == {}
    assert shown(images) == ["Nothing changed: the fingerprints in `a` and `b` are the same."]


def test_each_way_in_which_a_file_differs(images: Repository) -> None:
    (images.root / "base/Dockerfile").chmod(0o755)
    (images.root / "doc/page").unlink()
    images.commit({"doc/new": "", "other/Dockerfile": "FROM scratch\n\n"})
    found = told(images)
    assert found["other"]["files"] == [
        {
            "path": "doc/new",
            "change": "added",
            "mode_before": None,
            "mode_after": "100644",
            "brought_in_by": [{"kind": "copy", "name": "doc"}],
        },
        {
            "path": "doc/page",
            "change": "removed",
            "mode_before": "100644",
            "mode_after": None,
            "brought_in_by": [{"kind": "copy", "name": "doc"}],
        },
        {
            "path": "other/Dockerfile",
            "change": "changed",
            "mode_before": "100644",
            "mode_after": "100644",
            "brought_in_by": [{"kind": "context", "name": "other"}],
        },
    ]
    (file,) = found["base"]["files"]
    assert (file["change"], file["mode_before"], file["mode_after"]) == ("mode", "100644", "100755")


def test_a_dependency_down_to_the_file_at_the_root_of_it(images: Repository) -> None:
    images.commit({"base/Dockerfile": "FROM scratch\n\n"})
    found = told(images)
    assert list(found) == ["base", "middle", "top"]
    assert found["base"]["dependencies"] == found["top"]["files"] == []
    (dependency,) = found["top"]["dependencies"]
    assert dependency["name"] == "middle"
    assert dependency["because_of"] == ["base"]
    assert (dependency["before"], dependency["after"]) == (
        found["middle"]["before"],
        found["middle"]["after"],
    )
    assert shown(images) == [
        "base:",
        "  changed  base/Dockerfile  context",
        "middle:",
        "  builds on  base  base/Dockerfile (changed)",
        "top:",
        "  builds on  middle  base/Dockerfile (changed)",
    ]


def test_an_image_that_differs_by_itself_and_by_what_it_builds_on(images: Repository) -> None:
    images.commit({"base/Dockerfile": "FROM scratch\n\n", "middle/Dockerfile": "MZFROM base\n\n"})
    (dependency,) = told(images)["top"]["dependencies"]
    assert dependency["because_of"] == ["middle"]
    assert shown(images)[-1] == "  builds on  middle  middle/Dockerfile (changed)"


def test_a_crate_that_comes_in(images: Repository) -> None:
    manifest = MANIFEST.format("ore", 'new = { path = "../new" }')
    images.commit({"src/ore/Cargo.toml": manifest})
    assert shown(images) == [
        "top:",
        "  added    src/new/Cargo.toml  crate new",
        "  added    src/new/src/lib.rs  crate new",
        "  changed  src/ore/Cargo.toml  crate ore",
    ]


def test_what_all_cargo_builds_share(images: Repository) -> None:
    images.commit({"Cargo.lock": ""})
    assert shown(images) == ["top:", "  added  Cargo.lock  all Cargo builds"]


def test_another_base(images: Repository) -> None:
    images.commit({"middle/Dockerfile": "MZFROM other\n"})
    found = told(images)
    gone, come = found["middle"]["dependencies"]
    assert (gone["name"], gone["after"], gone["because_of"]) == ("base", None, [])
    assert (come["name"], come["before"], come["because_of"]) == ("other", None, [])
    assert shown(images) == [
        "middle:",
        "  changed    middle/Dockerfile  context",
        "  builds on  base               no more",
        "  builds on  other              which it did not",
        "top:",
        "  builds on  middle  middle/Dockerfile (changed), base (removed), other (added)",
    ]


def test_images_on_one_side_alone(images: Repository) -> None:
    (images.root / "other/mzbuild.yml").unlink()
    images.commit({"fresh/mzbuild.yml": "name: fresh\n", "fresh/Dockerfile": "FROM scratch\n"})
    before, after = snapshot(images.root, "HEAD~1"), snapshot(images.root)
    explained = explain(before, after)
    assert printed(explained) == [
        f"fresh: not in `a` -> {after.survey.fingerprints['fresh']}",
        f"other: {before.survey.fingerprints['other']} -> not in `b`",
    ]
    assert told(images)["other"]["after"] is None


def test_many_files_are_told_of_together(images: Repository) -> None:
    many = {f"doc/{number:02}": "" for number in range(12)}
    images.commit({**many, "other/Dockerfile": "FROM scratch\n\n"})
    assert shown(images) == [
        "other:",
        "  changed  other/Dockerfile    context",
        "  added    doc/00 and 11 more  copy doc",
        MORE,
    ]
    explained = explain(snapshot(images.root, "HEAD~1"), snapshot(images.root))
    everything = printed(explained, everything=True)[1:]
    assert [line.split()[1] for line in everything] == [*sorted(many), "other/Dockerfile"]
    assert len(told(images)["other"]["files"]) == 13


def test_a_name_that_a_terminal_would_not_show(images: Repository) -> None:
    images.commit({"doc/line\nbreak": "", "doc/\x1b[31m": ""})
    images.commit({"doc/line\nbreak": "x", "doc/\x1b[31m": "x"})
    assert shown(images)[1:] == [
        r"  changed  'doc/\x1b[31m'     copy doc",
        r"  changed  'doc/line\nbreak'  copy doc",
    ]


def test_the_configuration(images: Repository) -> None:
    before = snapshot(images.root)
    after = snapshot(images.root, "HEAD", replace(CONFIGURATION, profile=Profile.DEV))
    found = explain(before, after)
    assert len(found) == 4
    assert {name for name in found if found[name].dependencies} == {"middle", "top"}
    (dependency,) = found["top"].dependencies
    assert dependency.roots == ("middle",)
    expected: Mapping[str, object] = {"profile": {"before": "optimized", "after": "dev"}}
    assert explanation_json(found["top"])["configuration"] == expected
    assert text(before, after)[1] == "  option  profile  optimized -> dev"


def test_an_image_without_a_fingerprint(images: Repository) -> None:
    images.commit({"middle/mzbuild.yml": f"name: middle\n{CARGO.replace('app', 'no-such')}"})
    after = snapshot(images.root)
    assert "no-such" in after.survey.errors["middle"]
    assert after.survey.errors["top"] == "built on `middle`, which has no fingerprint."
    assert told(images) == {}


def test_an_image_that_a_build_file_declares(images: Repository) -> None:
    images.commit({"declared/Dockerfile": "FROM scratch\n", "declared/BUILD": "mzbuild_image()\n"})
    tree = RevisionTree(str(images.root), ENV, "HEAD")
    image = Image(name="declared", context="declared", origin="declared:declared")
    found = revision_snapshot(tree, CONFIGURATION, ACTION_TYPES, [image])
    (group,) = found.survey.inputs["declared"]
    assert group.paths == ("declared/Dockerfile", "declared/mzbuild.yml")


def test_a_revision_with_mistakes_has_all_other_images(images: Repository) -> None:
    sound = snapshot(images.root).survey
    images.commit({"middle/Dockerfile": "MZFROM bas\n", "new/mzbuild.yml": "name: [\n"})
    found = snapshot(images.root).survey
    assert found.errors == {
        "middle": "middle/Dockerfile:1: `MZFROM bas`: there is no image of that name. Did you mean "
        "`base`?",
        "new/mzbuild.yml": found.errors["new/mzbuild.yml"],
        "top": "built on `middle`, which has no fingerprint.",
    }
    assert "new/mzbuild.yml:2: this is not valid YAML" in found.errors["new/mzbuild.yml"]
    others = sound.fingerprints.keys() - found.errors.keys()
    assert found.fingerprints == {name: sound.fingerprints[name] for name in others}


@pytest.mark.parametrize("source", ["../../../../../download", "$CARGO_TARGET_DIR/download"])
def test_a_revision_that_extracts_from_the_target_directory(
    images: Repository, source: str
) -> None:
    extracting = CARGO.replace("bin: app", f"bin: app, extract: {{ore: {{{source}: d}}}}")
    images.commit({"top/mzbuild.yml": f"name: top\n{extracting}"})
    images.commit({"src/ore/src/lib.rs": "// changed\n"})
    assert not snapshot(images.root, "HEAD~1").survey.errors
    assert told(images).keys() == {"top"}


def test_an_image_whose_declaration_cannot_be_read_is_not_said_to_be_gone(
    images: Repository,
) -> None:
    before = snapshot(images.root)
    images.commit({"base/mzbuild.yml": "name: [\n"})
    after = snapshot(images.root)
    assert "base" in before.survey.fingerprints
    assert "base/mzbuild.yml" in after.survey.errors
    assert "base" not in explain(before, after)
    assert "base" not in explain(after, before)


def test_a_revision_whose_workspace_makes_no_sense(images: Repository) -> None:
    sound = snapshot(images.root).survey
    images.commit({"Cargo.toml": "[workspace"})
    found = snapshot(images.root).survey
    built_by_cargo = {name for name in found.errors if "Cargo.toml" in found.errors[name]}
    assert built_by_cargo
    others = sound.fingerprints.keys() - found.errors.keys()
    assert found.fingerprints == {name: sound.fingerprints[name] for name in others} != {}


def test_names_that_are_not_text(images: Repository) -> None:
    images.commit({os.fsdecode(b"doc/\xff"): ""})
    assert "is not UTF-8 text" in snapshot(images.root).survey.errors["other"]
