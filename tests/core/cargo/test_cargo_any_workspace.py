"""Workspaces that nobody has thought of: what is made of them is what Cargo makes of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.cargo.workspaces import (
    Files,
    crate,
    load,
    members,
    members_by_cargo,
    problems,
    root,
)

DIRECTORIES = ["a", "b", "lib/c", "lib/d", "lib/d/in", "x/e"]
KINDS = [
    "dependencies",
    "dev-dependencies",
    "build-dependencies",
    "target.'cfg(unix)'.dependencies",
]


@st.composite
def workspaces(draw: st.DrawFn) -> Files:
    """Workspaces of some crates, whose manifests say what they like of one another."""
    files: dict[str, str] = {}
    patterns = [*DIRECTORIES, "lib/*", "*", "*/*", "lib/d*", "**/in", "x/?"]
    shared = draw(st.lists(st.sampled_from(DIRECTORIES), unique=True, max_size=2))
    table = "".join(f"{path[-1]} = {{ path = '{path}' }}\n" for path in shared)
    some = st.lists(st.sampled_from(patterns), unique=True, max_size=3)
    exclude = draw(st.lists(st.sampled_from([*DIRECTORIES, "lib", "x"]), max_size=2))
    files.update(root(*draw(some), more=f"exclude = {exclude}\n[workspace.dependencies]\n{table}"))
    for directory in draw(st.lists(st.sampled_from(DIRECTORIES), unique=True, min_size=1)):
        tables: dict[str, str] = {}
        up = "../" * (directory.count("/") + 1)
        for other in draw(st.lists(st.sampled_from(DIRECTORIES), unique=True, max_size=2)):
            key = other[-1]
            value = draw(st.sampled_from([f"path = '{up}{other}'", "workspace = true"]))
            kind = draw(st.sampled_from(KINDS))
            tables[kind] = tables.get(kind, "") + f"{key} = {{ {value} }}\n"
        more = "".join(f"[{kind}]\n{entries}" for kind, entries in tables.items())
        declared = draw(st.sampled_from(["", "x", "y"]))
        if declared:
            path = draw(st.sampled_from(["", "path = 'src/main.rs'\n"]))
            more += f"[[bin]]\nname = '{declared}'\n{path}"
        auto = draw(st.sampled_from(["", "autobins = false\n", "autoexamples = true\n"]))
        edition = draw(st.sampled_from(["2015", "2021"]))
        package = crate(directory, auto + more, name=directory[-1])
        manifest = package[f"{directory}/Cargo.toml"].replace("2021", edition)
        files.update({**package, f"{directory}/Cargo.toml": manifest})
        sources = ["src/main.rs", "src/bin/x.rs", "src/bin/y/main.rs", "examples/x.rs"]
        for source in draw(st.lists(st.sampled_from(sources), unique=True)):
            files[f"{directory}/{source}"] = ""
    return files


@settings(max_examples=60)
@given(workspaces())
def test_any_workspace_is_what_cargo_makes_of_it(files: Files) -> None:
    with tempfile.TemporaryDirectory() as directory:
        expected = members_by_cargo(files, Path(directory))
        if isinstance(expected, str):
            assert problems(files), expected
            return
        assert members(load(files)) == expected
        # Listing its members, Cargo does not look at what is excluded; building them, it does.
        if problems(files):
            refused = members_by_cargo(files, Path(directory), dependencies=True)
            assert isinstance(refused, str), problems(files)
