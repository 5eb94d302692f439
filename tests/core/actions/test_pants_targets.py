"""What Pants says of targets, as it counts for fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from mzbuild.core.actions.action import InputGroup, Repository, Result, ResultKind
from mzbuild.core.actions.pants_targets import (
    DefinedTarget,
    TargetInputs,
    TargetReference,
    TargetUse,
    definition,
    definition_lines,
    named_files,
    past_inputs,
    relevant_options,
)
from mzbuild.core.actions.taking_targets import FilesAction, PackageAction
from mzbuild.core.errors import MzbuildError
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.mzbuild_yml import parse_mzbuild_yml

from tests.core.conftest import ACTION_TYPES, listing

IMAGE = Image("i", "misc/i", "misc/i/mzbuild.yml")
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "GLOBAL": {"backend_packages": ["a"], "local_cache": False},
    "python": {
        "default_resolve": "main",
        "resolves": {"main": "main.lock", "old": "old.lock", "tool": "tool.lock"},
    },
    "golang": {"go_search_paths": ["/usr/lib/go/bin"]},
    "source": {"root_patterns": ["/src"]},
    "mzbuild": {"archs": ["aarch64"]},
}


def target(alias: str, module: str = "pants.core.target_types", **fields: Any) -> DefinedTarget:
    return DefinedTarget(f"src:{alias}", alias, module, fields)


ARCHIVE = target("archive", format="tar")
PEX = target("pex_binary", "pants.backend.python.target_types", resolve="old")
ODD = target("odd", "acme.odd.targets")


def test_a_definition_is_lines_of_targets_options_and_the_version() -> None:
    described = target("a", format="tar", tags=("x",), description="d", dependencies=(":a",))
    lines = list(definition_lines([target("z"), described], OPTIONS, "2.31.0"))
    assert lines == [
        '["src:a", "a", {"format": "tar"}]',
        '["src:z", "z", {}]',
        '["GLOBAL", {"backend_packages": ["a"]}]',
        '["source", {"root_patterns": ["/src"]}]',
        '["Pants", "2.31.0"]',
    ]


@pytest.mark.parametrize(
    "other",
    [
        target("archive", format="zip"),
        target("archive2", format="tar"),
        DefinedTarget("src/b:archive", "archive", "pants.core", {"format": "tar"}),
        target("archive", format="tar", files=(":x",)),
    ],
)
def test_what_is_built_in_another_way_has_another_definition(other: DefinedTarget) -> None:
    assert definition([ARCHIVE], {}, "2.17.1") != definition([other], {}, "2.17.1")


def test_what_has_no_effect_makes_no_difference() -> None:
    described = target("archive", format="tar", tags=("t",), description="d", files=None)
    assert definition([ARCHIVE, ODD], {}, "1") == definition([ODD, described], {}, "1")
    assert definition([ARCHIVE], {}, "1") != definition([ARCHIVE], {}, "2")


def test_options_count_by_the_backends_that_read_them() -> None:
    assert set(relevant_options([ARCHIVE], OPTIONS)) == {"GLOBAL", "source"}
    assert set(relevant_options([PEX], OPTIONS)) == {"GLOBAL", "source", "python"}
    # Of a backend that is not known, nobody can tell.
    assert set(relevant_options([ODD], OPTIONS)) == {"GLOBAL", "source", "python", "golang"}


def test_the_lock_files_of_other_resolves_do_not_count() -> None:
    python = relevant_options([PEX], OPTIONS)["python"]
    assert python["resolves"] == {"main": "main.lock", "old": "old.lock"}
    files = set(named_files(relevant_options([PEX], OPTIONS)))
    assert {"main.lock", "old.lock"} <= files
    assert "tool.lock" not in files


def test_values_of_any_type_have_a_canonical_form() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd"

    odd = target("t", a=Odd(), b=frozenset({"y", "x"}), c={"k": (1, None)}, d=TargetUse.FILES)
    (line, _) = definition_lines([odd], {}, "1")
    assert line == (
        '["src:t", "t", {"a": "odd", "b": ["\\"x\\"", "\\"y\\""], "c": {"k": [1, null]}, '
        '"d": "files"}]'
    )


def test_an_action_has_the_files_and_the_definition_of_its_targets() -> None:
    action = PackageAction(("src:bin", ":own"), "bin")
    targets = {
        TargetReference(TargetUse.PACKAGE, "src:bin", "misc/i"): TargetInputs(("src/a",), "d1"),
        TargetReference(TargetUse.PACKAGE, ":own", "misc/i"): TargetInputs(("b",), "d2"),
    }
    repository = Repository(listing(), targets=targets)
    assert list(action.inputs(IMAGE, repository)) == [
        InputGroup("package", "src:bin", ("src/a",), "d1"),
        InputGroup("package", ":own", ("b",), "d2"),
    ]
    assert action.results(IMAGE, repository) == {"bin": Result(ResultKind.EXTRACTED)}


def test_what_pants_cannot_tell_is_an_error_of_the_image() -> None:
    reference = TargetReference(TargetUse.FILES, "src:x", "misc/i")
    repository = Repository(listing(), targets={reference: TargetInputs(error="It is gone.")})
    with pytest.raises(MzbuildError) as error:
        list(FilesAction(("src:x",)).inputs(IMAGE, repository))
    assert str(error.value) == "misc/i/mzbuild.yml: It is gone."


def test_a_destination_stays_in_the_context() -> None:
    with pytest.raises(MzbuildError) as error:
        list(PackageAction(("src:x",), "../y").inputs(IMAGE, Repository(listing())))
    assert str(error.value).startswith("misc/i/mzbuild.yml: `destination: ../y` leads out of ")


def test_a_target_is_required() -> None:
    text = b"name: i\npre-image:\n  - type: package\n    destination: bin\n"
    with pytest.raises(MzbuildError) as error:
        parse_mzbuild_yml(text, "i/mzbuild.yml", ACTION_TYPES)
    assert str(error.value) == (
        "i/mzbuild.yml:3: the required field `target` is missing. Add the address of a target, or "
        "a list of them."
    )


def test_of_the_past_those_files_are_told_that_there_were() -> None:
    now = TargetInputs(("a", "b"), "d")
    assert past_inputs(now, listing("a", "c")) == TargetInputs(("a",), "d")
    assert past_inputs(None, listing("a")) == TargetInputs()
    assert past_inputs(TargetInputs(error="x"), listing("a")) == TargetInputs()
