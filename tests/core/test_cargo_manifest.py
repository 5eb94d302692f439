from __future__ import annotations

import pytest
from mzbuild.core.cargo_manifest import (
    CargoToml,
    DependencyKind,
    Manifest,
    PathDependency,
    WorkspaceTable,
    parse_cargo_toml,
)
from mzbuild.core.errors import MzbuildError


def package(text: str, path: str = "src/a/Cargo.toml") -> Manifest:
    manifest = parse_cargo_toml(f'[package]\nname = "a"\n{text}'.encode(), path).package
    assert manifest is not None
    return manifest


def error(text: str) -> str:
    with pytest.raises(MzbuildError) as raised:
        parse_cargo_toml(text.encode(), "src/a/Cargo.toml")
    return str(raised.value)


def test_path_dependencies_are_read_from_every_table() -> None:
    text = """
    [dependencies]
    b = { path = "../b" }
    own-name = { path = "../c", package = "c" }
    serde = "1"
    rand = { version = "0.8" }
    shared = { workspace = true, features = ["x"] }
    [build-dependencies.d]
    path = "d"
    [dev-dependencies]
    e = { path = "../../e/./" }
    [target.'cfg(unix)'.dependencies]
    f = { path = "../f" }
    [target.x86_64-unknown-linux-gnu.build-dependencies]
    g = { workspace = true }
    """
    normal, build, dev = DependencyKind.NORMAL, DependencyKind.BUILD, DependencyKind.DEV
    assert set(package(text).dependencies) == {
        PathDependency("b", normal, "src/b", for_target=False),
        PathDependency("c", normal, "src/c", for_target=False),
        PathDependency("shared", normal, None, for_target=False),
        PathDependency("d", build, "src/a/d", for_target=False),
        PathDependency("e", dev, "e", for_target=False),
        PathDependency("f", normal, "src/f", for_target=True),
        PathDependency("g", build, None, for_target=True),
    }


def test_a_dependency_on_the_root_has_the_root_s_path() -> None:
    text = '[dependencies]\nroot = { path = "../.." }\n'
    assert package(text).dependencies[0].directory == ""


def test_targets_and_what_finds_them_are_read() -> None:
    manifest = package(
        'autobins = false\nautoexamples = false\nbuild = "make.rs"\n[lib]\npath = "l.rs"\n'
        '[[bin]]\nname = "x"\npath = "./bin/x.rs"\n[[bin]]\nname = "y"\n[[example]]\nname = "z"\n'
        '[[test]]\nname = "t"\n[[bench]]\nname = "s"\n'
    )
    assert (manifest.bins, manifest.examples) == (("x", "y"), ("z",))
    assert (manifest.autobins, manifest.autoexamples) == (False, False)
    assert {
        *("make.rs", "l.rs", "bin/x.rs", "src/bin/y.rs", "src/bin/y/main.rs", "examples/z.rs"),
        *("tests/t.rs", "benches/s.rs", "src/lib.rs", "src/main.rs", "build.rs"),
    } <= set(manifest.target_paths)


def test_targets_are_found_automatically_unless_that_is_off() -> None:
    manifest = package("")
    assert (manifest.autobins, manifest.autoexamples) == (True, True)
    assert (manifest.directory, manifest.path) == ("src/a", "src/a/Cargo.toml")


def test_a_workspace_is_read_with_its_dependencies_and_profiles() -> None:
    text = """
    [workspace]
    members = ["./src/a", "src/*/"]
    exclude = ["src/b"]
    [workspace.dependencies]
    own-name = { path = "src/c", package = "c" }
    b = { path = "./src/b" }
    serde = "1"
    [profile.optimized]
    inherits = "release"
    """
    assert parse_cargo_toml(text.encode(), "Cargo.toml") == CargoToml(
        package=None,
        workspace=WorkspaceTable(
            members=("src/a", "src/*"),
            exclude=("src/b",),
            dependencies=(("b", ("b", "src/b")), ("own-name", ("c", "src/c"))),
        ),
        profiles=("optimized",),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[package\n", ":1: this is not valid TOML: "),
        ("package = 1\n", ": `package` must be a table."),
        ("[package]\n", ": the package has no name. Add `name = …` under `[package]`."),
        ("[package]\nname = 1\n", ": `package.name` must be a string."),
        ('[package]\nname = "a"\n[bin]\nname = "b"\n', ": `bin` must be a list of tables."),
        ('bin = [1]\n[package]\nname = "a"\n', ": `bin` must be a list of tables."),
        ('[package]\nname = "a"\n[[bin]]\nname = 1\n', ": `[bin].name` must be a string."),
        ('dependencies = []\n[package]\nname = "a"\n', ": `dependencies` must be a table."),
        (
            '[package]\nname = "a"\n[target.x]\ndependencies = 1\n',
            ": `target.x.dependencies` must be a table.",
        ),
        ("workspace = 1\n", ": `workspace` must be a table."),
        ("[workspace]\nmembers = 'a'\n", ": `workspace.members` must be a list of strings."),
        ("[workspace]\nexclude = [1]\n", ": `workspace.exclude` must be a list of strings."),
        ("profile = 1\n", ": `profile` must be a table."),
    ],
)
def test_a_mistake_is_an_error_that_names_file_and_field(text: str, message: str) -> None:
    assert error(text).startswith(f"src/a/Cargo.toml{message}")
