from __future__ import annotations

import pytest
from mzbuild.core.cargo.includes import Reference, crate_inputs, git_readers, rust_references
from mzbuild.core.cargo.manifest import parse_cargo_toml
from mzbuild.core.cargo.members import load_workspace
from mzbuild.core.work_tree.links import linked_listing

from tests.core.cargo.workspaces import crate, depends_on, load, root
from tests.core.conftest import listing


@pytest.mark.parametrize(
    ("source", "path", "to_package"),
    [
        ('const T: &str = include_str!("../../a.txt");', "../../a.txt", False),
        ('include_bytes! (\n    "a b.bin",\n)', "a b.bin", False),
        ('include!{r#"x.rs"#}', "x.rs", False),
        ('include_str!(r"x")', "x", False),
        ('std::include_str!["x"]', "x", False),
        ('include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../x"))', "../x", True),
        ('include_bytes!(concat!(\n  env!("CARGO_MANIFEST_DIR",),\n  r"/../x",\n))', "../x", True),
        ('include_dir!("$CARGO_MANIFEST_DIR/../site")', "../site", True),
        ('sqlx::migrate!("../migrations")', "../migrations", True),
        ('query_file!(\n  r"../queries/x.sql",\n  id)', "../queries/x.sql", True),
        ('#[path = "../other/mod.rs"]\nmod other;', "../other/mod.rs", False),
        ('#[cfg_attr(unix, path = "unix.rs")]', "unix.rs", False),
        ('#[derive(Embed)]\n#[folder = "../files"]\nstruct A;', "../files", True),
        ('#[graphql(\n    kind = "x",\n    schema_path = r"../a.gql",\n)]', "../a.gql", True),
        ('fn main() { tonic_build::compile_protos("../proto/x")?; }', "../proto/x", True),
        ('fn main() { say("cargo:x"); read(r"../x y"); read("../x y") }', "../x y", True),
        ('println!("cargo:rerun-if-changed=../proto/x.proto");', "../proto/x.proto", True),
        ('println!("cargo::rerun-if-changed=../proto");', "../proto", True),
        ('include_str!("é.txt")', "é.txt", False),
    ],
)
def test_what_a_source_names_is_found(source: str, path: str, to_package: bool) -> None:
    assert rust_references(f"fn f() {{}}\n{source}\n".encode()) == (Reference(path, to_package),)


@pytest.mark.parametrize(
    "source",
    [
        "",
        'include!(concat!(env!("OUT_DIR"), "/generated.rs"));',
        "include_str!(NAME)",
        'println!("cargo:rerun-if-changed={}", path);',
        'let path = "x";',
        'println!("../{name}");',
        'fn main() { open("../x"); }',
        'let path = "../x";',
        'let paths = [path == "x"];',
        'fn include_str(name: &str) {} include_str("x");',
        "\xff",
    ],
)
def test_what_is_no_literal_is_not(source: str) -> None:
    assert rust_references(source.encode("latin-1")) == ()


@pytest.mark.parametrize(
    "source",
    [
        b"include" * 60_000,
        b"path = " * 60_000,
        b'path = "x"' + b" " * 400_000,
        b'path = "x"' + b")" * 400_000,
        b"include!" + b" " * 400_000,
        b"include!(concat!(env!(" + b" " * 400_000,
        b"path = r" + b"#" * 400_000,
        b'include!("' * 40_000,
        b"x!(" * 100_000,
        b"x!(" + b" " * 400_000,
        b"[" + b"x" * 400_000,
        b"( " * 200_000,
        b"(x " * 100_000,
        b'fn main() { cc::"../' + b"x" * 400_000,
        b"fn main() { cc:: r" + b'"../' * 100_000,
    ],
)
def test_a_source_of_one_word_takes_no_more_time_than_others(source: bytes) -> None:
    # Each would take minutes if it were looked at in all ways.
    assert {reference.path for reference in rust_references(source)} <= {"include!("}


@pytest.mark.parametrize(
    "source",
    [
        'println!("cargo:rustc-env=X={}", run(Command::new("git").arg("describe")));',
        'println!("cargo::rustc-env=X={}", run("git describe"));',
        'println!("cargo:rerun-if-changed=../.git/HEAD");',
        "use proc_macro::TokenStream;\nlet repository = git2::Repository::discover(here)?;",
        "vergen_gitcl::Emitter::default().emit()?;",
        "shadow_rs::new()?;",
        "built::write_built_file()?;",
        "const VERSION: &str = git_version::git_version!();",
        "git_testament!(TESTAMENT);",
    ],
)
def test_what_asks_git_while_it_is_compiled_reads_it(source: str) -> None:
    references = {"a/build.rs": rust_references(source.encode()), "a/src/lib.rs": ()}
    assert git_readers(references) == {"a/build.rs"}
    # Of Git, nothing is a file of the repository.
    files = {**root("a"), **crate("a"), "a/build.rs": source}
    inputs = crate_inputs(load(files), listing(*files), references)
    assert inputs["a"] == ("a/Cargo.toml", "a/build.rs", "a/src/lib.rs")


@pytest.mark.parametrize(
    "source",
    [
        'let said = Command::new("git").arg("status").output();',
        "let repository = git2::Repository::discover(here)?;",
        'println!("cargo:rerun-if-changed=digits");',
        'include!(concat!(env!("OUT_DIR"), "/built.rs"));',
    ],
)
def test_a_program_that_asks_git_when_it_is_run_does_not(source: str) -> None:
    assert git_readers({"a/src/main.rs": rust_references(source.encode())}) == set()


def test_all_of_a_source_are_found() -> None:
    source = b'#[path = "a.rs"] mod a;\nconst B: &str = include_str!("b");\n' * 2
    assert {reference.path for reference in rust_references(source)} == {"a.rs", "b"}


FILES = {
    **root("src/a", "src/b"),
    **crate("src/a"),
    "src/a/src/lib.rs": '#[path = "../../../shared/mod.rs"]\nmod shared;\n'
    'const OWN: &str = include_str!("own.txt");\nconst GONE: &str = include_str!("../gone");\n',
    "src/a/src/own.txt": "",
    "src/a/build.rs": 'fn main() { println!("cargo:rerun-if-changed=../../proto"); '
    'println!("cargo:rerun-if-changed=.."); println!("cargo:rerun-if-changed=../.."); }',
    "shared/mod.rs": 'include!("more.rs");\n',
    "shared/more.rs": 'include!("mod.rs");\n',
    "shared/unrelated.rs": "",
    "proto/a.proto": "",
    "proto/deep/b.proto": "",
    **crate("src/b"),
    "src/b/src/lib.rs": 'const MANIFEST: &str = include_str!("../../a/Cargo.toml");\n',
}


def test_a_crate_s_inputs_are_its_files_and_what_its_sources_name_elsewhere() -> None:
    workspace, files = load(FILES), listing(*FILES)
    references = {
        path: rust_references(content.encode())
        for path, content in FILES.items()
        if path.endswith(".rs")
    }
    plain = crate_inputs(workspace, files)
    assert plain["a"] == workspace.files(workspace.by_name["a"], files)
    inputs = crate_inputs(workspace, files, references)
    assert set(inputs["a"]) - set(plain["a"]) == {
        *("shared/mod.rs", "shared/more.rs", "proto/a.proto", "proto/deep/b.proto"),
    }
    assert set(inputs["b"]) - set(plain["b"]) == {"src/a/Cargo.toml"}
    assert inputs["a"] == tuple(sorted(inputs["a"]))


TARGETS_OUTSIDE = {
    **root("app", "other"),
    **crate(
        "app",
        'build = "../common/build.rs"\n[lib]\npath = "../common/lib.rs"\n'
        + depends_on(inner="../common/inner"),
    ),
    **crate("other", '[[bin]]\nname = "b"\npath = "../app/src/x/b.rs"\n'),
    **crate("common/inner"),
    "common/build.rs": "",
    "common/lib.rs": "mod beside;",
    "common/beside/mod.rs": "",
    "common/notes.md": "",
    "app/src/x/b.rs": "",
    "app/src/x/c.rs": "",
}


def test_targets_outside_of_a_crate_lead_to_their_sources_and_those_beside_them() -> None:
    workspace, paths = load(TARGETS_OUTSIDE), listing(*TARGETS_OUTSIDE)
    outside = ["common/beside/mod.rs", "common/build.rs", "common/lib.rs"]
    assert workspace.outside_files(workspace.by_name["app"], paths) == tuple(outside)
    strict = crate_inputs(workspace, paths, {})
    assert strict["app"] == (
        "app/Cargo.toml",
        "app/src/lib.rs",
        "app/src/x/b.rs",
        "app/src/x/c.rs",
        *outside,
    )
    assert set(strict["other"]) >= {"app/src/x/b.rs", "app/src/x/c.rs"}
    assert not {*outside} & {*crate_inputs(workspace, paths)["app"]}
    # Cargo wants to see them of a crate that it only reads the manifest of, too.
    assert "common/lib.rs" in workspace.placeholders(workspace.by_name["app"], paths)


def test_what_is_behind_symlinks_is_found_as_the_kernel_finds_it() -> None:
    files = {
        **root("app", "dep"),
        **crate("app", depends_on(dep="../dep")),
        **crate("upstream/dep-1", name="dep"),
        **dict.fromkeys(("upstream/beside", "upstream/words/one", "app/words", "dep"), ""),
    }
    texts = {"app/words": "../upstream/words", "dep": "upstream/dep-1"}
    linked = linked_listing(sorted(files), texts)
    workspace = load_workspace(
        linked, lambda path: parse_cargo_toml(files[linked.real(path)].encode(), path)
    )
    references = {
        "upstream/dep-1/src/lib.rs": (Reference("../beside", True),),
        "app/src/lib.rs": (Reference("../words/one", False), Reference("words", True)),
    }
    found = crate_inputs(workspace, linked, references)
    words = ("app/words", "upstream/words/one")
    own = ("app/Cargo.toml", "app/src/lib.rs")
    assert found["app"] == (*own, *words)
    dep = ("upstream/dep-1/Cargo.toml", "upstream/dep-1/src/lib.rs")
    assert found["dep"] == ("dep", "upstream/beside", *dep)
    # The other scheme goes through none.
    plain = crate_inputs(workspace, listing(*files))
    assert plain == {"app": (*own, "app/words"), "dep": ()}
