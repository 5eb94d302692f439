from __future__ import annotations

import pytest
from mzbuild.core.cargo.manifest import (
    CargoTarget,
    CargoToml,
    Dependency,
    DependencyKind,
    Manifest,
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
    [build_dependencies]
    old = { path = "../old" }
    """
    normal, build, dev = DependencyKind.NORMAL, DependencyKind.BUILD, DependencyKind.DEV
    assert set(package(text).dependencies) == {
        Dependency("b", "b", normal, "src/b"),
        Dependency("own-name", "c", normal, "src/c"),
        Dependency("serde", "serde", normal),
        Dependency("rand", "rand", normal),
        Dependency(
            *("shared", "shared", normal),
            inherited=True,
            missed=True,
            default_features=False,
            features=("x",),
        ),
        Dependency("d", "d", build, "src/a/d"),
        Dependency("e", "e", dev, "e"),
        Dependency("f", "f", normal, "src/f", missed=True, platform="cfg(unix)"),
        Dependency(
            *("g", "g", build),
            inherited=True,
            missed=True,
            default_features=False,
            platform="x86_64-unknown-linux-gnu",
        ),
        Dependency("old", "old", build, "src/old", missed=True),
    }


def test_what_a_dependency_says_of_features_is_read() -> None:
    text = """
    [dependencies]
    b = { version = "1", optional = true, default-features = false, features = ["x", "y"] }
    c = { workspace = true, default-features = true }
    """
    b, c = package(text).dependencies
    assert (b.optional, b.default_features, b.features) == (True, False, ("x", "y"))
    assert (c.inherited, c.default_features) == (True, True)


def test_a_dependency_on_the_root_has_the_root_s_path() -> None:
    text = '[dependencies]\nroot = { path = "../.." }\n'
    assert package(text).dependencies[0].directory == ""


def test_targets_and_what_finds_them_are_read() -> None:
    manifest = package(
        'autobins = false\nautoexamples = false\nbuild = "make.rs"\n[lib]\npath = "l.rs"\n'
        '[[bin]]\nname = "x"\npath = "./bin/x.rs"\n[[bin]]\nname = "y"\n[[example]]\nname = "z"\n'
        '[[test]]\nname = "t"\n[[bench]]\nname = "s"\n'
    )
    assert manifest.bins == (CargoTarget("x", "bin/x.rs"), CargoTarget("y"))
    assert manifest.examples == (CargoTarget("z"),)
    assert (manifest.autobins, manifest.autoexamples) == (False, False)
    assert {
        *("make.rs", "l.rs", "bin/x.rs", "src/bin/y.rs", "src/bin/y/main.rs", "examples/z.rs"),
        *("tests/t.rs", "benches/s.rs", "src/lib.rs", "src/main.rs", "build.rs"),
    } <= set(manifest.target_paths)


def test_what_a_package_does_not_say_has_cargo_s_defaults() -> None:
    manifest = package("")
    assert (manifest.directory, manifest.path) == ("src/a", "src/a/Cargo.toml")
    assert (manifest.autobins, manifest.autoexamples, manifest.edition) == (None, None, "2015")
    assert (manifest.workspace, manifest.inherited, manifest.proc_macro) == (None, (), False)


def test_what_a_package_says_of_itself_is_read() -> None:
    text = """version.workspace = true
    edition = { workspace = true }
    workspace = "../.."
    default-run = "x"
    [features]
    default = ["x"]
    x = ["dep:y"]
    [lib]
    proc-macro = true
    [[bin]]
    name = "x"
    required-features = ["x"]
    [lints]
    workspace = true
    """
    manifest = package(text)
    assert manifest.inherited == ("package.version", "package.edition", "lints")
    assert (manifest.edition, manifest.workspace) == (None, "")
    assert (manifest.default_run, manifest.declares_lib, manifest.proc_macro) == ("x", True, True)
    assert manifest.features == (("default", ("x",)), ("x", ("dep:y",)))
    assert manifest.bins == (CargoTarget("x", None, ("x",)),)


def test_a_package_may_be_called_a_project() -> None:
    parsed = parse_cargo_toml(b'[project]\nname = "a"\n', "Cargo.toml").package
    assert parsed is not None
    assert parsed.name == "a"


def test_a_workspace_is_read_with_its_dependencies_and_profiles() -> None:
    text = """
    [workspace]
    resolver = "2"
    members = ["./src/a", "src/*/"]
    exclude = ["src/b"]
    [workspace.dependencies]
    own-name = { path = "src/c", package = "c" }
    b = { path = "./src/b" }
    serde = "1"
    [workspace.package]
    version = "1.0.0"
    edition = "2021"
    [workspace.lints.rust]
    [profile.optimized]
    inherits = "release"
    [patch.crates-io]
    serde = { path = "vendor/serde" }
    rand = { git = "https://example.invalid/rand" }
    """
    assert parse_cargo_toml(text.encode(), "Cargo.toml") == CargoToml(
        package=None,
        workspace=WorkspaceTable(
            members=("src/a", "src/*"),
            exclude=("src/b",),
            dependencies=(
                Dependency("own-name", "c", directory="src/c"),
                Dependency("b", "b", directory="src/b"),
                Dependency("serde", "serde"),
            ),
            resolver="2",
            inheritable=frozenset({"package.version", "package.edition", "lints"}),
            edition="2021",
        ),
        profiles=("optimized",),
        patches=(Dependency("serde", "serde", directory="vendor/serde"),),
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
        (
            '[package]\nname = "a"\n[dependencies]\nb = { path = 1 }\n',
            ": `dependencies.b.path` must be a string.",
        ),
        (
            '[package]\nname = "a"\nautobins = 1\n',
            ": `package.autobins` must be `true` or `false`.",
        ),
        (
            '[package]\nname = "a"\n[[example]]\n',
            ": a `[[example]]` has no name. Add `name = …` to it.",
        ),
        ("workspace = 1\n", ": `workspace` must be a table."),
        ("[workspace]\nmembers = 'a'\n", ": `workspace.members` must be a list of strings."),
        ("[workspace]\nexclude = [1]\n", ": `workspace.exclude` must be a list of strings."),
        ("profile = 1\n", ": `profile` must be a table."),
    ],
)
def test_a_mistake_is_an_error_that_names_file_and_field(text: str, message: str) -> None:
    assert error(text).startswith(f"src/a/Cargo.toml{message}")
