"""What the real builder selects by the patterns that the linter reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from mzbuild.core.docker.patterns import Paths, ignoring, parse_ignore_file
from mzbuild.core.docker.syntax import parse_dockerfile

from tests.e2e.repo import Docker, Result

FILES = [
    *("a", "ab", "axb", "b", "*", "[a", "]x", "é", "q'r", "$x", "arr[0].txt", "arr0.txt", "x.md"),
    *("d/a", "d/xa", "d/x.md", "d/e/a", "d/e/f/ab", "e/a"),
]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / "context" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "context"


def build(docker: Docker, context: Path, files: Mapping[str, str]) -> Result:
    """Has the builder write what it builds into a directory beside the context."""
    for name, content in files.items():
        (context / name).write_text(content)
    output = f"--output=type=local,dest={context.parent / 'output'}"
    builder = "--builder=default"
    return docker("buildx", "build", builder, "--progress=plain", output, str(context), check=False)


def contents(directory: Path) -> set[str]:
    """What the files there have in them: their paths in the context."""
    found = (Path(parent) / name for parent, _, names in os.walk(directory) for name in names)
    return {path.read_text() for path in found} & set(FILES)


SOURCES = [
    *("a", "d", "/d/e", "../a", "*", "*.md", "*/a", "?", "[a-b]", "[^a]", "[[]a", "[!a]"),
    *("arr[[]0].txt", "arr\\[0].txt", '"a"', "'a'b", "\\*", "\\\\**", "a\\ b", "'*'", '"a*b"'),
    *("**", "**a", "**/a", "d/**", "d/**/a", "a**b", "q\\'r", "nothing*", "[[:alpha:]]"),
    *('["a", "{0}/"]', '["\\\\*", "{0}/"]'),
]


def test_copy_selects_what_the_linter_thinks(docker: Docker, context: Path) -> None:
    lines = ["FROM scratch"]
    for number, source in enumerate(SOURCES):
        is_json = source.startswith('["')
        rest = source.replace("{0}", f"/{number}") if is_json else f"{source} /{number}/"
        lines.append(f"COPY {rest}")
    text = "\n".join(lines)
    result = build(docker, context, {"Dockerfile": text, ".dockerignore": "Dockerfile\n.*\n"})
    assert result.returncode == 0, result.stderr
    _, *instructions = parse_dockerfile(text.encode()).instructions
    paths = Paths(FILES)
    for number, instruction in enumerate(instructions):
        expected = {path for source in instruction.words[:-1] for path in paths.selected(source)}
        # Of directories, the builder copies what is in them: one file may replace another.
        output = context.parent / "output" / str(number)
        copied = contents(output)
        assert copied <= expected, instruction
        assert all((output / path).exists() for path in expected if "/" not in path), instruction
        assert bool(copied) == bool(expected), instruction


@pytest.mark.parametrize(
    "patterns",
    [
        "a/**\n**a*b\n",
        "d/**",
        "**a",
        "*\n!**/a",
        "*\n!d/e\nd/**/f",
        "[^d]*\n!\\*",
        "/a\n./b\n d/e \n# x.md\n",
        "*/**",
        "**.md\nd**",
    ],
)
def test_an_ignore_file_hides_what_the_linter_thinks(
    docker: Docker, context: Path, patterns: str
) -> None:
    text = "FROM scratch\nCOPY . /\n"
    result = build(docker, context, {"Dockerfile": text, ".dockerignore": patterns})
    assert result.returncode == 0, result.stderr
    read = parse_ignore_file(patterns.encode(), ".dockerignore")
    hidden = {path for path in FILES if ignoring(read, path)}
    assert contents(context.parent / "output") == set(FILES) - hidden


@pytest.mark.parametrize("pattern", ["[", "[a-]", "[^]", "[a--c]", "a["])
def test_what_is_no_pattern_the_builder_refuses(
    docker: Docker, context: Path, pattern: str
) -> None:
    result = build(docker, context, {"Dockerfile": f"FROM scratch\nCOPY {pattern} /x/\n"})
    assert result.returncode != 0
    assert "syntax error in pattern" in result.stderr
