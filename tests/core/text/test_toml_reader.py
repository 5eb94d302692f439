from __future__ import annotations

import subprocess
import sys
from datetime import time

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from mzbuild.core.errors import MzbuildError
from mzbuild.core.text.toml_reader import read_toml

from tests.core.conftest import ENV

# Documents that are nearly TOML.
TEXTS = st.lists(
    st.sampled_from(
        [*"[]{}=.,#'\"\\\n a1-+_é\t\r", "[[", "]]", "a = ", '"""', "true", "inf", "1979-05-27"]
    ),
    max_size=12,
).map("".join)

TOO_DEEP = (
    "this is not valid TOML: tables and arrays stand in one another more than 64 levels deep."
)
TOO_MANY = "this is not valid TOML: it has more than 100,000 lines and values."
MALFORMED = {
    "value": (b"[package]\nname = \n", "Cargo.toml:2: this is not valid TOML: "),
    "table": (b"a = 1\n\n[b\n", "Cargo.toml:3: this is not valid TOML: "),
    "twice": (b"a = 1\na = 2\n", "Cargo.toml:2: this is not valid TOML: "),
    "nesting": (b"\na = " + b"[" * 30000, f"Cargo.toml:2: {TOO_DEEP}"),
    "nested tables": (b"a = " + b"{a = " * 30000, f"Cargo.toml:1: {TOO_DEEP}"),
    "parts of a key": (b"\na" + b".a" * 200_000 + b" = 1", f"Cargo.toml:2: {TOO_DEEP}"),
    "parts of a header": (b"[" + b"a." * 200_000 + b"a]", f"Cargo.toml:1: {TOO_DEEP}"),
    "parts of keys in tables": (
        b"[" + b".".join([b"a"] * 60) + b"]\nb = 1\na.a.a = {a = [[1]]}",
        f"Cargo.toml:3: {TOO_DEEP}",
    ),
    "values": (b"a = [" + b"1," * 200_000 + b"]", f"Cargo.toml:1: {TOO_MANY}"),
    "lines": (b"[[a]]\n" * 200_000, f"Cargo.toml:100001: {TOO_MANY}"),
    "size": (
        b"#" * 3_000_000,
        "Cargo.toml: the file has 3,000,000 bytes, and no more than 2,097,152 are read. "
        "Make it smaller.",
    ),
    "encoding": (
        b'name = "\xff"\n',
        "Cargo.toml: this is not valid TOML: it is not UTF-8 text.",
    ),
}


@pytest.mark.parametrize("document", MALFORMED)
def test_what_is_not_toml_is_an_error_that_names_file_and_line(document: str) -> None:
    content, message = MALFORMED[document]
    with pytest.raises(MzbuildError) as error:
        read_toml(content, "Cargo.toml")
    assert str(error.value).startswith(message)


def nested(key: str, levels: int, value: object) -> object:
    return {key: nested(key, levels - 1, value)} if levels else value


READ = {
    "many levels": (b"[a.b]\n" + b"c." * 59 + b"c = [[1]]", {"a": {"b": nested("c", 60, [[1]])}}),
    "several types in an array": (b"a = [1, 'x', { b.c = 2 }]", {"a": [1, "x", {"b": {"c": 2}}]}),
    "inline table over lines": (
        b'dep = {\n  path = "x", # why\n  features = [\n    "a",\n  ],\n}\n',
        {"dep": {"path": "x", "features": ["a"]}},
    ),
    "escapes of TOML 1.1": (b'a = "\\e\\x41"', {"a": "\x1bA"}),
    "seconds left out": (b"a = 07:32", {"a": time(7, 32)}),
    "byte order mark": (b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", {"a": 1, "b": 2}),
    "quotation marks at an end": (b'a = """"x"""""', {"a": '"x""'}),
    "lines that are joined": (b'a = """\nx \\  \n\n  y"""', {"a": "x y"}),
    "header after its own subtable": (b"[a.b]\nc=1\n[a]\nd=2", {"a": {"b": {"c": 1}, "d": 2}}),
    "subtable of an element": (b"[[a]]\n[a.b]\n[[a]]\nb=1", {"a": [{"b": {}}, {"b": 1}]}),
    "numbers": (
        b"a = [0xAb_c, -0, +1_0, 1e-3, 0o17, 0b1]",
        {"a": [0xABC, 0, 10, 0.001, 15, 1]},
    ),
}

REFUSED = {
    "dotted key into a table of a header": b"[a.b.c]\n[a]\nb.c.d = 1",
    "header of a dotted table": b"[a]\nb.c = 1\n[a.b]",
    "more in an inline table": b"a = { b = 1 }\n[a.c]",
    "more in a static array": b"a = [{}]\n[[a]]",
    "leading zero": b"a = 01",
    "surrogate": b'a = "\\ud800"',
    "unknown escape": b'a = "\\q"',
    "day that is not": b"a = 1979-02-30",
    "control character": b"a = 1 # \x01",
    "endless number": b"a = 1" + b"0" * 5000,
}


@pytest.mark.parametrize("document", READ)
def test_what_cargo_reads_is_read(document: str) -> None:
    content, table = READ[document]
    assert read_toml(content, "Cargo.toml") == table


@pytest.mark.parametrize("document", REFUSED)
def test_what_toml_forbids_is_refused_at_its_line(document: str) -> None:
    content = b"# A comment.\n" + REFUSED[document]
    line = content.count(b"\n") + 1
    with pytest.raises(MzbuildError, match=rf"^Cargo\.toml:{line}: this is not valid TOML: .*\.$"):
        read_toml(content, "Cargo.toml")


KEYS = ("a", "b", "a.b", "a.c", "b.c", "a.b.c", '"a".b', "'b'", "b . c")
VALUES = (
    *("1", "-0", "1.5", "-inf", "+nan", "0xAb_c", '"s\\n\\e"', "'l'", '"""\nx\\  \n  y"""""'),
    *("'''z''''", "[]", '[1, "x", {a = 1,}, # c\n ]', "{a.b=1,a.c=2}", "{a={b=1},\n# c\n}", "{}"),
    *("{a={b=1},a.c=2}", "1979-05-27T07:32:00.123456789Z", "1979-05-27 07:32", "07:32:01.5", "01"),
    *("1979-13-01", "1.", ".1", "1__0", "true", "false", "1979-05-27t07:32-07:30", '"\\U00110000"'),
)
# Documents that are mostly TOML.
LINES = st.lists(
    st.one_of(
        st.sampled_from([f"[{key}]" for key in KEYS] + [f"[[{key}]]" for key in KEYS]),
        st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(" = ".join),
        st.sampled_from(["# c", " \t", ""]),
    ),
    max_size=8,
).map("\n".join)


@given(st.one_of(TEXTS, LINES))
def test_any_text_is_read_as_another_parser_of_toml_1_1_reads_it(text: str) -> None:
    try:
        expected = tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError):
        with pytest.raises(MzbuildError, match=r"^x(:[0-9]+)?: this is not valid TOML: "):
            read_toml(text.encode(), "x")
    else:
        # By their texts: no nan is equal to another.
        assert repr(read_toml(text.encode(), "x")) == repr(expected)


def test_nothing_is_needed_beside_python() -> None:
    script = (
        "import sys\n"
        "sys.modules.update(tomli=None, tomllib=None, toml=None)\n"
        "from mzbuild.core.text.toml_reader import read_toml\n"
        "assert read_toml(b'a = {\\n}', 'x') == {'a': {}}\n"
    )
    env = {**ENV, "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=env, check=True)
