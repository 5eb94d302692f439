from __future__ import annotations

import re
from typing import Any, Callable

import pytest
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.yaml_reader import YamlMap, read_yaml

Read = Callable[[YamlMap], Any]
TOO_MUCH = (
    r"^i/mzbuild\.yml:\d+: with what aliases and `<<` repeat, the lists and maps of this file have "
    r"more than 20,000 entries\. Repeat less\.$"
)


def read(text: str) -> YamlMap:
    return read_yaml(text.encode(), "i/mzbuild.yml")


def error(text: str, ask: Read = YamlMap.names) -> str:
    with pytest.raises(MzbuildError) as raised:
        ask(read(text))
    return str(raised.value)


class TestWhatIsNotYaml:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "name: a\nlist: [1,\n",
                "i/mzbuild.yml:3: this is not valid YAML: while parsing a flow node, expected the "
                "node content, but found '<stream end>'.",
            ),
            (
                "name: a\n\tb: c\n",
                "i/mzbuild.yml:2: this is not valid YAML: while scanning for the next token, found "
                "character '\\t' that cannot start any token.",
            ),
            (
                "a: *b\n",
                "i/mzbuild.yml:1: this is not valid YAML: found undefined alias 'b'.",
            ),
            (
                "a: 1\n---\na: 2\n",
                "i/mzbuild.yml:2: this is not valid YAML: expected a single document in the "
                "stream, but found another document.",
            ),
            ('a: "\\UFFFFFFFF"\n', "i/mzbuild.yml: this is not valid YAML: "),
            (
                "[" * 5000,
                "i/mzbuild.yml:1: this is not valid YAML: lists and maps stand in one another more "
                "than 64 levels deep.",
            ),
            (
                "a: b\n" * 40_000,
                "i/mzbuild.yml: the file has 200,000 bytes, and no more than 65,536 are read. "
                "Make it smaller.",
            ),
            ("", "i/mzbuild.yml: the file is empty."),
            ("# a comment\n", "i/mzbuild.yml: the file is empty."),
        ],
    )
    def test_it_is_an_error_that_names_file_and_line(self, text: str, message: str) -> None:
        assert error(text).startswith(message)

    def test_bytes_that_are_not_text_are_an_error(self) -> None:
        with pytest.raises(MzbuildError) as raised:
            read_yaml(b"name: caf\xe9\n", "i/mzbuild.yml")
        assert str(raised.value) == (
            "i/mzbuild.yml: this is not valid YAML: unacceptable character #x00e9: invalid "
            "continuation byte."
        )


class TestWrongTypes:
    @pytest.mark.parametrize(
        ("text", "ask", "message"),
        [
            ("- a\n", YamlMap.names, "1: the file must be a map of fields, but is a list."),
            ("text\n", YamlMap.names, "1: the file must be a map of fields, but is a string."),
            (
                "\nname: 1\n",
                lambda file: file.string("name"),
                "2: `name` must be a string, but is an integer. Quote it: '1'.",
            ),
            (
                "name: 1.10\n",
                lambda file: file.strings("name"),
                "1: `name` must be a string, but is a number. Quote it: '1.10'.",
            ),
            (
                "name: [a,\n  2020-01-01]\n",
                lambda file: file.strings("name"),
                "2: `name` must be a string, but is a date. Quote it: '2020-01-01'.",
            ),
            (
                "name: yes\n",
                lambda file: file.required("name"),
                "1: `name` must be a string, but is a boolean. Quote it: 'yes'.",
            ),
            (
                "name:\n",
                lambda file: file.string("name"),
                "1: `name` must be a string, but is nothing.",
            ),
            (
                "name: {a: b}\n",
                lambda file: file.strings("name"),
                "1: `name` must be a string or a list of strings, but is a map.",
            ),
            (
                "name: [[a]]\n",
                lambda file: file.strings("name"),
                "1: `name` must be a string, but is a list.",
            ),
            (
                "flag: 1\n",
                lambda file: file.boolean("flag", True),
                "1: `flag` must be true or false, but is an integer.",
            ),
            (
                "flag: 'true'\n",
                lambda file: file.boolean("flag", True),
                "1: `flag` must be true or false, but is a string.",
            ),
            (
                "flag: !!bool [a]\n",
                lambda file: file.boolean("flag", True),
                "1: `flag` must be true or false, but is a list.",
            ),
            (
                "flag: !!bool maybe\n",
                lambda file: file.boolean("flag", True),
                "1: `flag` must be true or false, but is a boolean.",
            ),
            (
                "args: a\n",
                lambda file: file.scalars("args"),
                "1: args must be a map of fields, but is a string.",
            ),
            (
                "args:\n  A: [1]\n",
                lambda file: file.scalars("args"),
                "2: `args.A` must be a string, a number or a boolean, but is a list.",
            ),
            (
                "args: {A: ~}\n",
                lambda file: file.scalars("args"),
                "1: `args.A` must be a string, a number or a boolean, but is nothing.",
            ),
            (
                "list: {a: b}\n",
                lambda file: list(file.maps("list")),
                "1: `list` must be a list, but is a map.",
            ),
            (
                "list:\n- {a: b}\n- c\n",
                lambda file: list(file.maps("list")),
                "3: list[1] must be a map of fields, but is a string.",
            ),
            (
                "? [a]\n: b\n",
                YamlMap.names,
                "1: `a key` must be a string, but is a list.",
            ),
            ("name: !other x\n", lambda file: file.string("name"), "1: `name` must be a string, "),
        ],
    )
    def test_they_are_errors_that_name_line_field_and_what_is_wanted(
        self, text: str, ask: Read, message: str
    ) -> None:
        assert error(text, ask).startswith(f"i/mzbuild.yml:{message}")


class TestRequiredFields:
    def test_one_that_is_missing_is_an_error(self) -> None:
        assert error("\n\na: b\n", lambda file: file.required("name")) == (
            "i/mzbuild.yml:3: the required field `name` is missing. Add `name: …`."
        )

    def test_one_that_is_empty_is_an_error(self) -> None:
        def ask(file: YamlMap) -> object:
            return [action.required("source") for action in file.maps("pre-image")]

        assert error("pre-image:\n- type: copy\n  source: ''\n", ask) == (
            "i/mzbuild.yml:3: the required field `pre-image[0].source` is empty. Add `source: …`."
        )


class TestKeys:
    def test_one_that_is_there_twice_is_an_error_with_both_lines(self) -> None:
        assert error("name: a\nb: c\nname: d\n") == (
            "i/mzbuild.yml:3: `name` is given twice, first on line 1. Remove one of them."
        )

    def test_one_that_nobody_asked_for_is_a_warning_with_the_nearest(self) -> None:
        file = read("name: a\nbuild_args: {}\nxyz: 1\n")
        file.string("name")
        file.scalars("build-args")
        assert file.unknown() == [
            "i/mzbuild.yml:2: unknown field `build_args` is ignored. Did you mean `build-args`?",
            "i/mzbuild.yml:3: unknown field `xyz` is ignored.",
        ]

    def test_a_warning_has_the_full_name_of_a_field_that_is_further_in(self) -> None:
        (action,) = read("pre-image:\n- type: copy\n  sources: a\n").maps("pre-image")
        action.string("type")
        action.string("source")
        assert action.unknown() == [
            "i/mzbuild.yml:3: unknown field `pre-image[0].sources` is ignored. "
            "Did you mean `source`?"
        ]


class TestMergedMaps:
    def test_a_map_takes_over_what_it_lacks(self) -> None:
        file = read("a: &a {x: '1', y: '2'}\nb: {<<: *a, y: '3', z: '4'}\n")
        assert dict(file.scalars("b")) == {"x": "1", "y": "3", "z": "4"}

    def test_the_first_of_several_goes_before_the_others(self) -> None:
        text = "a: &a {x: '1'}\nb: &b {x: '2', y: '3'}\nc: {<<: [*a, *b]}\n"
        assert dict(read(text).scalars("c")) == {"x": "1", "y": "3"}

    def test_merging_what_has_merged_works(self) -> None:
        text = "a: &a {x: '1'}\nb: &b {<<: *a, y: '2'}\nc: {<<: *b, x: '3'}\n"
        assert dict(read(text).scalars("c")) == {"x": "3", "y": "2"}

    def test_the_place_is_where_the_field_stands(self) -> None:
        text = "a: &a\n  x: 1\nb:\n  <<: *a\n"
        assert error(text, lambda file: (file.map("b") or file).string("x")).startswith(
            "i/mzbuild.yml:2: `b.x` must be a string"
        )

    def test_what_is_no_map_cannot_be_merged(self) -> None:
        assert error("<<: 3\n") == (
            "i/mzbuild.yml:1: << must be a map of fields, but is an integer."
        )

    def test_a_map_cannot_be_merged_into_itself(self) -> None:
        assert error("&a\nname: a\n<<: *a\n") == "i/mzbuild.yml:3: a map is merged into itself."
        assert error("&a\nx: &b {<<: *a}\n<<: *b\n").endswith("a map is merged into itself.")

    def test_maps_that_multiply_are_refused(self) -> None:
        for smallest in ("{k: v}", "{}"):
            lines = [f"a0: &a0 {smallest}"]
            lines += [
                f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)
            ]
            lines.append("all: {<<: *a9}")
            with pytest.raises(MzbuildError, match=TOO_MUCH):
                read("\n".join(lines)).map("all")

    def test_maps_of_one_file_share_what_may_be_merged(self) -> None:
        lines = ["a: &a", *(f"  k{n}: v" for n in range(1000))]
        lines += [f"b{n}: {{<<: *a}}" for n in range(200)]
        file = read("\n".join(lines))
        assert len(file.names()) == 201
        with pytest.raises(MzbuildError, match=TOO_MUCH):
            [file.map(name) for name in file.names()]

    def test_a_long_chain_of_merges_is_refused(self) -> None:
        chain = "\n".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 200))
        with pytest.raises(MzbuildError) as raised:
            read(f"a0: &a0 {{}}\n{chain}\n").map("a199")
        assert str(raised.value) == (
            "i/mzbuild.yml:136: maps are merged into one another more than 64 levels deep. Merge "
            "them directly."
        )


MAP, LIST = f"{{{', '.join(f'k{n}: v' for n in range(2000))}}}", f"[{'a, ' * 2000}]"


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        (f"x: &x {MAP}\ny: [{'*x, ' * 20}]", lambda file: [*file.maps("y")]),
        (
            f"x: &x {MAP}\ny: {{{', '.join(f'k{n}: *x' for n in range(20))}}}",
            lambda file: [file.map("y").scalars(name) for name in file.map("y").names()],
        ),
        (
            f"x: &x {LIST}\ny: [{'{k: *x}, ' * 20}]",
            lambda file: [each.strings("k") for each in file.maps("y")],
        ),
        (
            f"x: &x {LIST}\ny: &y {{k: *x}}\nz: [{'*y, ' * 20}]",
            lambda file: [each.strings("k") for each in file.maps("z")],
        ),
    ],
)
def test_what_aliases_repeat_is_counted(text: str, ask: Read) -> None:
    assert re.search(TOO_MUCH, error(text, ask))


def test_scalars_are_kept_as_they_are_written() -> None:
    text = "args:\n  A: 1.10\n  B: 010\n  C: yes\n  D: 'x y'\n  E: 2020-01-01\n"
    text += "  F: |-\n    1\n    2\n"
    assert dict(read(text).scalars("args")) == {
        "A": "1.10",
        "B": "010",
        "C": "yes",
        "D": "x y",
        "E": "2020-01-01",
        "F": "1\n2",
    }


@pytest.mark.parametrize(
    ("written", "value"),
    [("true", True), ("True", True), ("yes", True), ("on", True), ("false", False), ("No", False)],
)
def test_a_boolean_may_be_written_as_yaml_has_it(written: str, value: bool) -> None:
    assert read(f"flag: {written}\n").boolean("flag", not value) is value


def test_what_is_absent_has_its_default() -> None:
    file = read("a: b\n")
    assert file.string("x") is None
    assert file.boolean("x", True) is True
    assert file.strings("x") == ()
    assert file.scalars("x") == ()
    assert file.map("x") is None
    assert list(file.maps("x")) == []


def test_a_string_stands_for_a_list_of_one() -> None:
    assert read("bin: a\n").strings("bin") == ("a",)
    assert read("bin: [a, b]\n").strings("bin") == ("a", "b")
