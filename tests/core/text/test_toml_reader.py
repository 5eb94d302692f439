from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
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

MALFORMED = {
    "value": (b"[package]\nname = \n", "Cargo.toml:2: this is not valid TOML: "),
    "table": (b"a = 1\n\n[b\n", "Cargo.toml:3: this is not valid TOML: "),
    "twice": (b"a = 1\na = 2\n", "Cargo.toml:2: this is not valid TOML: "),
    "nesting": (b"a = " + b"[" * 3000, "Cargo.toml: this is not valid TOML: "),
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


def test_toml_1_0_is_read() -> None:
    # A list of several types: what Pants' own parser refuses.
    assert read_toml(b"a = [1, 'x', { b.c = 2 }]", "x") == {"a": [1, "x", {"b": {"c": 2}}]}


@given(TEXTS)
def test_any_text_is_a_table_or_an_mzbuild_error(text: str) -> None:
    with suppress(MzbuildError):
        assert isinstance(read_toml(text.encode(), "Cargo.toml"), dict)


def test_the_fallback_parser_lets_no_other_error_escape_either() -> None:
    documents = [content for content, _ in MALFORMED.values()]
    documents += [b"a.b = 1\na = ", b"a = [1, 'x'", b"[a]\n[a]", b"= 1", b'a = "\\u12"', b"[[a]"]
    script = (
        "import sys\n"
        "sys.modules['tomli'] = None\n"
        "from mzbuild.core.errors import MzbuildError\n"
        "from mzbuild.core.text import toml_reader\n"
        "assert toml_reader.loads.__module__ == 'toml.decoder'\n"
        f"for document in {documents!r}:\n"
        "    try: toml_reader.read_toml(document, 'Cargo.toml')\n"
        "    except MzbuildError as error: assert str(error).startswith('Cargo.toml')\n"
        "    else: raise AssertionError(document)\n"
    )
    env = {**ENV, "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=env, check=True)
