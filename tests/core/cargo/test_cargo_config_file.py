from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from mzbuild.core.cargo.config_file import NO_CONFIG, CargoConfig, merged_config, read_config
from mzbuild.core.cargo.manifest import Dependency

from tests.core.cargo.workspaces import crate, load, root
from tests.core.conftest import ENV, listing

# As `cargo vendor` prints it.
VENDORED = b"""\
[source.crates-io]
replace-with = "vendored-sources"

[source."git+https://example.com/forked"]
git = "https://example.com/forked"
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
"""


def seen(files: Mapping[str, str], at: str = "") -> CargoConfig:
    return replace(merged(files, at), unseen=())


def merged(files: Mapping[str, str], at: str = "") -> CargoConfig:
    paths = listing(*files)
    return merged_config(
        at,
        paths,
        lambda path: read_config(files[path].encode(errors="surrogateescape"), path),
    )


def test_directories_are_relative_to_where_the_configuration_applies() -> None:
    vendored = VENDORED.decode()
    assert merged({".cargo/config.toml": vendored}).vendored == ("vendor",)
    assert merged({"rust/ws/.cargo/config": vendored}, "rust/ws").vendored == ("rust/ws/vendor",)


def test_each_source_may_name_one() -> None:
    config = "[source]\na.directory = '../third/party/'\nb.local-registry = './registry'\n"
    found = merged({"rust/.cargo/config": config}, "rust").vendored
    assert found == ("third/party", "rust/registry")


def test_what_takes_the_place_of_other_crates() -> None:
    config = (
        "paths = ['../forks', '.']\n"
        "[patch.crates-io]\nserde = { path = 'serde' }\nlog = { git = 'https://git/log' }\n"
    )
    path = "rust/.cargo/config"
    assert seen({path: config}, "rust") == CargoConfig(
        (path,),
        patches=((path, Dependency("serde", "serde", directory="rust/serde")),),
        overrides=((path, "forks"), (path, "rust")),
    )


@pytest.mark.parametrize(
    "config",
    [
        "",
        "source = 1",
        "[source]\na = 1",
        "[source.a]\ndirectory = 1",
        "paths = 1",
        "paths = [1]",
        "patch = 1",
        "[patch]\ncrates-io = 1",
        "[patch.crates-io]\na = { path = 'a', optional = 1 }",
        "include = 1",
        "include = [1, { optional = true }, 'missing.toml', 'config.toml']",
        "env = { A = 1, B = { value = 1, relative = true } }",
        "build = { target = 1, rustc-wrapper = 1 }",
        "target = { x = 1 }",
        "This is not TOML",
        "\udcff",
    ],
)
def test_a_file_that_names_none_has_none(config: str) -> None:
    path = ".cargo/config.toml"
    assert seen({path: config}) == CargoConfig((path,))


def test_no_configuration_says_nothing() -> None:
    assert seen({"Cargo.toml": ""}) == NO_CONFIG


# Each file has a list, a value that others have as well, and one of its own.
PRECEDENCE = {
    "ws/.cargo/config.toml": (
        "include = ['../shared.toml', { path = 'more.toml', optional = true }, "
        "{ path = 'none.toml', optional = true }]\n"
        "paths = ['near']\n[source.v]\ndirectory = 'near'\n[profile.near]\ninherits = 'dev'\n"
    ),
    "ws/shared.toml": "paths = ['shared']\n[source.v]\ndirectory = 'shared'\n[source.w]\n"
    "directory = 'first'\n[profile.shared]\ninherits = 'dev'\n",
    "ws/.cargo/more.toml": "paths = ['more']\n[source.w]\ndirectory = 'second'\n",
    ".cargo/config": "paths = ['far']\n[source.v]\ndirectory = 'far'\n[source.x]\n"
    "directory = 'far'\n[profile.far]\ninherits = 'dev'\n",
    ".cargo/config.toml": "paths = ['unread']\n[source.x]\ndirectory = 'unread'\n",
}


def test_files_are_merged_by_cargos_order_of_precedence(tmp_path: Path) -> None:
    found = merged(PRECEDENCE, "ws")
    assert set(found.files) == PRECEDENCE.keys() - {".cargo/config.toml"}
    assert sorted(found.vendored) == ["far", "ws/near", "ws/second"]
    assert sorted(found.profiles) == ["far", "near", "shared"]
    # Cargo takes the path as it is spelled: the parent of `ws/.cargo/..` is `ws/.cargo`.
    assert {path for _, path in found.overrides} == {
        *("far", "ws/.cargo/shared", "ws/more", "ws/near")
    }
    for path, content in PRECEDENCE.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    command = ["cargo", "config", "get", "-Zunstable-options", "--format=json"]
    env = {**ENV, "RUSTC_BOOTSTRAP": "1"}
    done = subprocess.run(command, cwd=tmp_path / "ws", env=env, capture_output=True, check=True)
    told = json.loads(done.stdout)
    # In the same order, so that what prevails is the same.
    assert [path.rpartition("/")[2] for _, path in found.overrides] == told["paths"]
    assert {path.rpartition("/")[2] for path in found.vendored} == {
        source["directory"] for source in told["source"].values()
    }
    assert set(found.profiles) == told["profile"].keys()


def test_files_that_are_named_by_a_path_belong_to_it() -> None:
    config = (
        "[build]\nrustc-wrapper = './wrap.sh'\nrustc = 'rustc'\ntarget = ['spec.json', 'x86']\n"
        "[target.x86]\nlinker = '.cargo/cc.sh'\nrunner = ['./run.sh', 'ws/other.sh']\n"
        "[target.'cfg(unix)']\nrunner = 'ws/run.sh'\n"
        "[http]\ncainfo = 'ca.pem'\n"
        "[env]\nDATA = { value = 'data', relative = true }\nNO = 'ws/other.sh'\n"
        "ROOT = { value = '', relative = true }\nCRATES = { value = 'ws', relative = true }\n"
    )
    named = [
        *("wrap.sh", "spec.json", ".cargo/cc.sh", "run.sh", "ws/run.sh", "ca.pem"),
        *("data/a", "data/b/c"),
    ]
    others = ("rustc", "ws/other.sh", "ws/Cargo.toml", "x86")
    path = ".cargo/config.toml"
    files = {path: config, **dict.fromkeys((*named, *others), "")}
    assert sorted(merged(files).files) == sorted([path, *named])


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("@flags", ["ws/flags"]),
        ("@more/flags.txt", ["ws/more/flags.txt"]),
        ("-Clink-arg=-Tscript.ld", ["ws/script.ld"]),
        ("-C link-arg=-Wl,-T,script.ld", ["ws/script.ld"]),
        ("link-arg=-Wl,--version-script=more/map", ["ws/more/map"]),
        ("-Clink-args=-Tscript.ld -T../top.ld", ["ws/script.ld", "top.ld"]),
        ("--extern=priv:foo=more/libfoo.rlib", ["ws/more/libfoo.rlib"]),
        ("-Cprofile-use=more/x.profdata", ["ws/more/x.profdata"]),
        ("-Lnative=more/libs", ["ws/more/libs/a.so", "ws/more/libs/b.so"]),
        ("-L native", ["ws/native/x"]),
        ("-L dependency=native", ["ws/native/x"]),
        ("-Lnative", ["ws/native/x"]),
        # The processor, and not what lies in that directory.
        ("-Ctarget-cpu=native", []),
        ("-Ctarget-feature=+crt-static", []),
        ("--remap-path-prefix=.=/src", []),
    ],
)
def test_files_that_flags_of_rustc_name_are_relative_to_the_workspace(
    flag: str, named: list[str]
) -> None:
    more = ("flags.txt", "map", "libfoo.rlib", "x.profdata", "libs/a.so", "libs/b.so")
    names = ["flags", "script.ld", "native/x", *(f"more/{each}" for each in more)]
    others = dict.fromkeys((*(f"ws/{name}" for name in names), "top.ld", "ws/Cargo.toml"), "")
    path = ".cargo/config.toml"
    for table in ("build", "target.'cfg(unix)'"):
        for value in (flag, flag.split(), [flag]):
            config = f"[{table}]\nrustflags = {json.dumps(value)}\n"
            assert merged({path: config, **others}, "ws").files == (path, *named)


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ("rustc-link-search = ['native', 'native=more']", ["ws/native/x.a", "ws/more/y.a"]),
        ("rustc-flags = '-L native -l static=x'", ["ws/native/x.a"]),
        ("rustc-link-arg = ['-Tscript.ld']\nrustc-cfg = ['native']", ["ws/script.ld"]),
    ],
)
def test_what_stands_in_the_place_of_a_build_script_s_output_is_named(
    output: str, named: list[str]
) -> None:
    others = dict.fromkeys(("ws/native/x.a", "ws/more/y.a", "ws/script.ld", "ws/Cargo.toml"), "")
    path = ".cargo/config.toml"
    config = f"[target.x86_64-unknown-linux-gnu.foo]\n{output}\n"
    assert merged({path: config, **others}, "ws").files == (path, *named)


def test_what_git_does_not_see_of_it_is_known() -> None:
    config = (
        "include = ['more.toml', { path = 'own.toml', optional = true }]\n"
        "[build]\nrustc-wrapper = '../wrap.sh'\nrustflags = ['-Tgone.ld', '-Cx=y', '-L/usr/lib']\n"
        "[target.x86]\nlinker = '/usr/bin/cc'\nrunner = 'sh'\n"
        "[env]\nCRATES = { value = 'crates', relative = true }\n"
    )
    files = {"ws/.cargo/config.toml": config, "ws/.cargo/more.toml": "", "ws/crates/Cargo.toml": ""}
    assert set(merged(files, "ws").unseen) == {
        *(".cargo/config", ".cargo/config.toml", "ws/.cargo/config", "ws/.cargo/own.toml"),
        *("rust-toolchain", "rust-toolchain.toml", "ws/rust-toolchain", "ws/rust-toolchain.toml"),
        *("wrap.sh", "ws/gone.ld"),
    }


def test_the_workspace_has_the_profiles_of_the_configuration() -> None:
    files = {
        **root("a", more="[profile.own]\ninherits = 'dev'\n"),
        **crate("a"),
        ".cargo/config.toml": "[profile.optimized]\ninherits = 'release'\n",
    }
    assert set(load(files).profiles) >= {"own", "optimized"}
    assert load(files).config_files == (".cargo/config.toml",)


def test_a_chain_of_included_files_may_be_longer_than_python_s_stack() -> None:
    files = {
        f".cargo/{number}.toml": f"include = '{number + 1}.toml'\npaths = ['p{number}']\n"
        for number in range(2000)
    }
    files[".cargo/config.toml"] = "include = '0.toml'\n"
    config = merged(files)
    assert len(config.files) == 2001
    assert config.overrides[0] == (".cargo/1999.toml", "p1999")
