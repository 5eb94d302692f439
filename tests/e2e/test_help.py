"""What `pants help` tells of all that this backend adds: nothing without an example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from mzbuild import target_types

from tests.e2e.repo import Repo

OWN_FIELDS = {
    field.alias
    for target in target_types.target_types()
    for field in target.core_fields
    if field.__module__ == target_types.__name__
}


class Text(NamedTuple):
    """A help text, what it is of, and the type and default of that."""

    name: str
    text: str
    type: str = ""
    default: Any = True


@pytest.fixture(scope="module")
def repo(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    repo = Repo(tmp_path_factory.mktemp("help") / "repo", {}, cold_caches)
    yield repo
    repo.stop_pantsd()


@pytest.fixture(scope="module")
def texts(repo: Repo) -> list[Text]:
    told = json.loads(repo.pants("help-all").stdout)
    texts = []
    for scope, info in told["scope_to_help_info"].items():
        if scope.startswith("mzbuild"):
            texts.append(Text(scope, info["description"]))
            texts += [
                Text(f"[{scope}].{option['config_key']}", *_of(option, "help", "typ"))
                for option in info["basic"] + info["advanced"]
                # Pants says itself what these mean, in words of its own, wherever they are.
                if option["config_key"] not in ("output_file", "skip")
            ]
    for alias, info in told["name_to_target_type_info"].items():
        if info["provider"] == "mzbuild":
            texts.append(Text(alias, info["description"]))
            texts += [
                Text(f"{alias}.{field['alias']}", *_of(field, "description", "type_hint"))
                for field in info["fields"]
                if field["alias"] in OWN_FIELDS
            ]
    return texts


def _of(info: Mapping[str, Any], text: str, type_: str) -> tuple[str, str, Any]:
    # What is required has no default.
    return info[text], info[type_], True if info.get("required") else info["default"]


def test_everything_is_told_of(texts: list[Text]) -> None:
    names = [text.name for text in texts]
    assert len(set(names)) == len(names)
    assert {target.alias for target in target_types.target_types()} <= set(names)
    fields = {name.partition(".")[2] for name in names if not name.startswith("[")}
    assert fields >= OWN_FIELDS
    assert {"mzbuild", "mzbuild-bake", "mzbuild-compose", "[mzbuild].arch"} <= set(names)


def test_every_text_has_an_example(texts: list[Text]) -> None:
    example = re.compile(
        r"(\bfor\s+example\b|\be\.g\.).*(`[^`]+`|\n {4}\S)", re.IGNORECASE | re.DOTALL
    )
    assert [text.name for text in texts if not example.search(text.text)] == []


def test_every_number_has_a_unit(texts: list[Text]) -> None:
    unit = re.compile(r"\b(seconds|bytes|[KMG]i?B|how many|number of)\b", re.IGNORECASE)
    numbers = [text for text in texts if text.type.split(" ")[0] in ("int", "float")]
    assert numbers
    assert [text.name for text in numbers if not unit.search(text.text)] == []


def test_every_text_says_what_nothing_means(texts: list[Text]) -> None:
    said = re.compile(r"\b(default|not set|instead of)\b", re.IGNORECASE)
    strings = [text for text in texts if text.type in ("str", "str | None") and not text.default]
    assert strings
    assert [text.name for text in strings if not said.search(text.text)] == []


def test_every_flag_that_is_named_exists(repo: Repo, texts: list[Text]) -> None:
    told = json.loads(repo.pants("help-all").stdout)
    flags = {
        argument.partition("=")[0].replace("[no-]", "")
        for info in told["scope_to_help_info"].values()
        for option in info["basic"] + info["advanced"]
        for argument in option["display_args"]
    }
    named = {flag for text in texts for flag in re.findall(r"`(--mzbuild-[a-z-]+[a-z])", text.text)}
    assert "--mzbuild-docker-run-args" in named
    assert named - flags == set()


@pytest.mark.parametrize(
    ("flag", "meant"),
    [("arch=arm64", "aarch64"), ("arch=amd64", "x86_64"), ("profile=debug", "dev")],
)
def test_a_value_that_other_tools_have_gets_the_right_one_suggested(
    repo: Repo, flag: str, meant: str
) -> None:
    result = repo.pants(f"--mzbuild-{flag}", "mzbuild-list", "::", check=False)
    assert result.returncode == 1
    assert f"Did you mean `{meant}`?" in result.text
    assert "Traceback" not in result.text


@pytest.mark.parametrize("name", ["mzbuild", "mzbuild-compose", "mzbuild_image"])
def test_help_is_found_by_name(repo: Repo, name: str) -> None:
    shown = repo.pants("help", name).stdout
    assert re.search(r"\bfor example\b", shown, re.IGNORECASE)
