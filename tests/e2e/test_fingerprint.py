"""What `pants mzbuild-fingerprint` prints, in the vectors' repository and in broken ones.

No test here has Docker or Cargo on its PATH.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.repo import CHECKOUT, Repo, Result, finish, start

VECTORS = CHECKOUT / "tests/vectors"
EXPECTED: dict[str, Any] = json.loads((VECTORS / "expected.json").read_text())
OPTIMIZED = "profile=optimized arch=x86_64 coverage=false sanitizer=none"

# What ./pants itself runs, and Git.
_TOOLS = ("bash", "cksum", "cmp", "dirname", "readlink", "git")

_LOG_RECORD = re.compile(r"^\d\d:\d\d:\d\d\.\d\d \[([A-Z]+)\] ", re.MULTILINE)


def vectors_repository(root: Path, env: Mapping[str, str]) -> Repo:
    """The vectors' fixture with the plugin switched on, in the states that it describes."""
    source = root.with_name(f"{root.name}-source")
    make = [sys.executable, str(VECTORS / "make_repo.py"), str(VECTORS / "monorepo.json")]
    finish(start([*make, str(source)], cwd=VECTORS, env=os.environ), check=True)
    repo = Repo(root, {}, env)
    repo.git("fetch", "--quiet", str(source), "HEAD")
    repo.git("reset", "--quiet", "FETCH_HEAD")
    no_git = shutil.ignore_patterns(".git")
    shutil.copytree(source, root, symlinks=True, dirs_exist_ok=True, ignore=no_git)
    return repo


def logged(result: Result) -> list[tuple[str, str]]:
    """What Pants has logged, as level and message, without its remarks on starting pantsd."""
    before, *fields = _LOG_RECORD.split(result.stderr)
    assert not before, str(result)
    records = [(level, message.strip()) for level, message in zip(fields[::2], fields[1::2])]
    return [record for record in records if record[0] != "INFO"]


def error(result: Result) -> str:
    """The one message that a failed run shows; fails where the user would see anything else."""
    assert result.returncode == 1, str(result)
    assert result.stdout == ""
    assert "traceback" not in result.stderr.lower(), str(result)
    records = logged(result)
    assert [level for level, _ in records] == ["ERROR"], str(result)
    return records[0][1]


def lines(fingerprints: Mapping[str, str], *names: str) -> str:
    """What is printed of the named images, or of all."""
    return "".join(f"{name}: {fingerprints[name]}\n" for name in sorted(names or fingerprints))


@pytest.fixture(scope="module")
def bare_env(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Mapping[str, str]:
    """An environment whose PATH has Git, but neither Docker nor Cargo."""
    # Setting ./pants up takes more tools than running it.
    set_up = [str(CHECKOUT / "bin/venv"), str(CHECKOUT / "3rdparty/python/pants.lock")]
    finish(start(set_up, cwd=CHECKOUT, env=os.environ), check=True)
    directory = tmp_path_factory.mktemp("bin")
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found, f"there is no {tool} on the PATH"
        (directory / tool).symlink_to(found)
    return {**cold_caches, "PATH": str(directory), "PANTS_MZBUILD_ARCH": "x86_64"}


@pytest.fixture(scope="module")
def vectors(
    tmp_path_factory: pytest.TempPathFactory, bare_env: Mapping[str, str]
) -> Iterator[Repo]:
    repo = vectors_repository(tmp_path_factory.mktemp("vectors") / "repo", bare_env)
    yield repo
    repo.stop_pantsd()


@pytest.fixture(scope="module")
def optimized() -> Mapping[str, str]:
    """The fingerprints that the vectors have for the default options on x86_64."""
    fingerprints: dict[str, str] = EXPECTED["fingerprints"][OPTIMIZED]
    return fingerprints


@pytest.mark.parametrize("configuration", EXPECTED["fingerprints"])
def test_options_by_flag_and_by_environment_variable(vectors: Repo, configuration: str) -> None:
    options = dict(word.split("=") for word in configuration.split())
    expected = lines(EXPECTED["fingerprints"][configuration])
    flags = [f"--mzbuild-{name}={value}" for name, value in options.items()]
    assert vectors.pants(*flags, "mzbuild-fingerprint", "::").stdout == expected
    env = {f"PANTS_MZBUILD_{name.upper()}": value for name, value in options.items()}
    assert vectors.pants("mzbuild-fingerprint", "::", env=env).stdout == expected


def test_options_change_without_a_new_pantsd(vectors: Repo) -> None:
    def pid() -> str:
        (pid_file,) = vectors.root.glob(".pids/*/pantsd/pid")
        return pid_file.read_text()

    vectors.pants("mzbuild-fingerprint", "::")
    before = pid()
    result = vectors.pants("--mzbuild-profile=dev", "mzbuild-fingerprint", "::")
    assert result.stderr == ""
    assert pid() == before


def test_sanitizers_and_the_scheme_move_every_fingerprint(
    vectors: Repo, optimized: Mapping[str, str]
) -> None:
    outputs = [lines(optimized)]
    sanitizers = ("address", "hwaddress", "cfi", "thread", "leak", "undefined")
    for flag in (*(f"sanitizer={name}" for name in sanitizers), "fingerprint-scheme=strict"):
        outputs.append(vectors.pants(f"--mzbuild-{flag}", "mzbuild-fingerprint", "::").stdout)
    names = [[line.partition(": ")[0] for line in output.splitlines()] for output in outputs]
    assert names == [list(optimized)] * len(outputs)
    printed = [line for output in outputs for line in output.splitlines()]
    assert len(set(printed)) == len(printed)


def test_json(vectors: Repo, optimized: Mapping[str, str]) -> None:
    result = vectors.pants("--mzbuild-fingerprint-format=json", "mzbuild-fingerprint", "::")
    directories = {
        "environmentd": "src/environmentd/ci:ci",
        "inner": "test/outer/inner:inner",
        "outer": "test/outer:outer",
    }
    assert json.loads(result.stdout) == [
        {
            "name": name,
            "address": directories.get(name, f"misc/images/{name}:{name}"),
            "fingerprint": fingerprint,
            "spec": f"{name}:mzbuild-{fingerprint}",
            "dependencies": EXPECTED["images"][name]["dependencies"],
            "inputs": len(EXPECTED["images"][name]["inputs"]),
        }
        for name, fingerprint in sorted(optimized.items())
    ]


def test_specs(vectors: Repo, optimized: Mapping[str, str]) -> None:
    def specs(*flags: str) -> str:
        return vectors.pants(*flags, "mzbuild-fingerprint", "test::").stdout

    spec = "--mzbuild-fingerprint-format=spec"
    tags = {name: f"{name}:mzbuild-{optimized[name]}" for name in ("inner", "outer")}
    assert specs(spec) == f"{tags['inner']}\n{tags['outer']}\n"
    registry = specs(spec, "--mzbuild-image-registry=localhost:5000/acme")
    assert registry.splitlines()[0] == f"localhost:5000/acme/{tags['inner']}"
    prefix = specs(spec, "--mzbuild-image-registry=acme", "--mzbuild-image-prefix=dev-")
    assert prefix.splitlines()[0] == f"acme/dev-{tags['inner']}"


@pytest.mark.parametrize(
    "args",
    [
        ("run", "mzbuild-fingerprint", "::"),
        ("run", "mzbuild-fingerprint", "--mzbuild-fingerprint-format=text", "::"),
        ("mzbuild-fingerprint", "--format=text", "::"),
    ],
    ids=" ".join,
)
def test_other_ways_to_say_it(
    vectors: Repo, optimized: Mapping[str, str], args: tuple[str, ...]
) -> None:
    result = vectors.pants(*args)
    assert result.stdout == lines(optimized)
    assert logged(result) == []


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (("test::",), {"inner", "outer"}),
        (("misc/images/jobs",), {"jobs"}),
        (("misc/images/jobs:jobs", "misc/images/mcp:"), {"jobs", "mcp"}),
        (("test/outer:",), {"outer"}),
        (("test::", "-test/outer/inner::"), {"outer"}),
        (("misc/images/jobs/Dockerfile",), {"jobs"}),
        # The inner one's files are not the outer one's.
        (("test/outer/innermost",), {"outer"}),
        (("test/outer/inner/there",), {"inner"}),
        # A tracked file that the root's ignore rules hide from Pants.
        (("misc/images/modes/sub dir/näme with späce.txt",), {"modes"}),
        (("--filter-target-type=mzbuild_image", "test::"), {"inner", "outer"}),
    ],
    ids=lambda value: " ".join(value),
)
def test_images_are_selected_as_targets_are(
    vectors: Repo, optimized: Mapping[str, str], args: tuple[str, ...], names: set[str]
) -> None:
    for goal in (("mzbuild-fingerprint",), ("run", "mzbuild-fingerprint")):
        result = vectors.pants(*goal, *args)
        assert result.stdout == lines(optimized, *names)
        assert logged(result) == []


@pytest.mark.parametrize("shown_as", ["text", "spec", "json"])
@pytest.mark.parametrize("specs", [(), ("src/ore::",), ("src/ore/src/lib.rs",)], ids=" ".join)
def test_no_image_selected(vectors: Repo, shown_as: str, specs: tuple[str, ...]) -> None:
    result = vectors.pants(
        f"--mzbuild-fingerprint-format={shown_as}", "mzbuild-fingerprint", *specs
    )
    warnings = [message for level, message in logged(result) if level == "WARN"]
    if shown_as == "json":
        assert (json.loads(result.stdout), warnings) == ([], [])
    else:
        assert result.stdout == ""
        assert warnings == ["None of the targets is an image. `::` stands for all images."]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere", "`nowhere`"),
        ("nowhere::", '"nowhere/**"'),
        ("misc/nowhere.txt", '"misc/nowhere.txt"'),
        ("misc/images/jobs:job", "* :jobs"),
    ],
)
def test_a_spec_of_nothing(vectors: Repo, spec: str, message: str) -> None:
    assert message in error(vectors.pants("mzbuild-fingerprint", spec, check=False))


@pytest.mark.parametrize(
    ("option", "value", "valid"),
    [
        ("mzbuild-arch", "amd64", "x86_64, aarch64"),
        ("mzbuild-profile", "fast", "optimized, release, dev"),
        ("mzbuild-sanitizer", "adress", "none, address, hwaddress, cfi, thread, leak, undefined"),
        ("mzbuild-fingerprint-scheme", "new", "mzbuild, strict"),
        ("mzbuild-fingerprint-format", "xml", "text, json, spec"),
    ],
)
def test_a_wrong_value_names_the_valid_ones(
    vectors: Repo, option: str, value: str, valid: str
) -> None:
    # The goal's name is the beginning of one option's flag: Pants names it by another scope.
    said = (f"{option.rpartition('-')[2]} in scope 'mzbuild", f"'{value}'", valid)
    by_flag = vectors.pants(f"--{option}={value}", "mzbuild-fingerprint", "::", check=False)
    variable = f"PANTS_{option.replace('-', '_').upper()}"
    by_env = vectors.pants("mzbuild-fingerprint", "::", env={variable: value}, check=False)
    for result in (by_flag, by_env):
        message = error(result)
        assert all(word in message for word in said), message


def test_changed_images(vectors: Repo, optimized: Mapping[str, str]) -> None:
    changed = ("--changed-since=HEAD", "mzbuild-fingerprint")
    # The fixture's uncommitted changes, which the fingerprints of the vectors include.
    assert vectors.pants(*changed).stdout == lines(optimized, "modes")
    transitive = vectors.pants("--changed-dependents=transitive", *changed)
    assert transitive.stdout == lines(optimized, "environmentd", "jobs", "loadgen", "modes")
    assert vectors.pants("--changed-since=HEAD", "run", "mzbuild-fingerprint").stdout == lines(
        optimized, "modes"
    )
    message = error(vectors.pants("--changed-since=gone", "mzbuild-fingerprint", check=False))
    assert "bad revision 'gone...HEAD'" in message


# A repository in which nothing is wrong yet.
_APP_TOML = '[package]\nname = "app"\nversion = "0.1.0"\n'
_SOUND: Mapping[str, str] = {
    "Cargo.toml": '[workspace]\nmembers = ["src/*"]\n',
    "src/app/Cargo.toml": _APP_TOML,
    "src/app/src/main.rs": "fn main() {}\n",
    "src/app/src/bin/tool.rs": "fn main() {}\n",
    "src/other/Cargo.toml": '[package]\nname = "other"\nversion = "0.1.0"\n',
    "src/other/src/lib.rs": "",
    "doc/index.md": "# Index\n",
    "box/app/mzbuild.yml": "name: app\npre-image:\n  - type: cargo-build\n    bin: app\n",
    "box/app/Dockerfile": "# The app\nMZFROM base\n",
    "box/base/mzbuild.yml": "name: base\n",
    "box/base/Dockerfile": "FROM scratch\n",
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, bare_env: Mapping[str, str]) -> Iterator[Repo]:
    repo = Repo(tmp_path_factory.mktemp("sound") / "repo", _SOUND, bare_env)
    yield repo
    repo.stop_pantsd()


@pytest.fixture
def broken(sound: Repo) -> Iterator[Repo]:
    """The sound repository, for the test to break; it is mended afterwards."""
    yield sound
    sound.git("reset", "--quiet", "--hard")
    sound.git("clean", "--quiet", "-d", "--force")
    # A pantsd that has seen the mistake must see that it was mended.
    result = sound.pants("mzbuild-fingerprint", "::")
    assert [line.partition(": ")[0] for line in result.stdout.splitlines()] == ["app", "base"]
    assert logged(result) == []


def _action(**fields: str) -> str:
    """A file with one pre-image action, each of whose fields is on a line of its own."""
    return "name: base\npre-image:\n- " + "  ".join(f"{k}: {v}\n" for k, v in fields.items())


def _copy(**fields: str) -> str:
    return _action(**{"type": "copy", "source": "doc", "destination": "d", **fields})


_MZBUILD_YML = "box/base/mzbuild.yml"
_PACKAGE = '[package]\nname = "other"\nversion = "0.1.0"\n'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param(
            {_MZBUILD_YML: "name: base\nbuild-args: {\n"},
            (f"{_MZBUILD_YML}:3: this is not valid YAML",),
            id="malformed YAML",
        ),
        pytest.param({_MZBUILD_YML: ""}, (f"{_MZBUILD_YML}: ", "empty"), id="empty YAML"),
        pytest.param(
            {_MZBUILD_YML: "name: base\npublish: never\n"},
            (f"{_MZBUILD_YML}:2: `publish` must be true or false", "a string"),
            id="wrong type",
        ),
        pytest.param(
            {_MZBUILD_YML: _action(type="cargo-biuld", bin="app")},
            (f"{_MZBUILD_YML}:3: ", "`cargo-biuld`", "Did you mean `cargo-build`?"),
            id="unknown action",
        ),
        pytest.param(
            {_MZBUILD_YML: "publish: true\n"},
            (f"{_MZBUILD_YML}:1: the required field `name` is missing",),
            id="no name",
        ),
        pytest.param(
            {_MZBUILD_YML: _action(type="copy", destination="d")},
            (f"{_MZBUILD_YML}:3: the required field `pre-image[0].source` is missing",),
            id="no source",
        ),
        pytest.param(
            {_MZBUILD_YML: _action(type="copy", source="doc")},
            (f"{_MZBUILD_YML}:3: the required field `pre-image[0].destination` is missing",),
            id="no destination",
        ),
        pytest.param(
            {_MZBUILD_YML: _action(type="cargo-build")},
            (f"{_MZBUILD_YML}:3: ", "needs a `bin` or an `example`"),
            id="nothing to build",
        ),
        pytest.param(
            {_MZBUILD_YML: "name: my_base\n"},
            (f"{_MZBUILD_YML}:1: `my_base` cannot name an image",),
            id="invalid name",
        ),
        pytest.param(
            {_MZBUILD_YML: "name: app\n"},
            ("box/app/mzbuild.yml and box/base/mzbuild.yml both declare the image `app`",),
            id="duplicate name",
        ),
        pytest.param(
            {"box/app/Dockerfile": "# The app\nMZFROM bas\n"},
            ("box/app/Dockerfile:2: `MZFROM bas`", "Did you mean `base`?"),
            id="image that does not exist",
        ),
        pytest.param({"box/base/Dockerfile": "MZFROM app\n"}, ("app -> base -> app",), id="cycle"),
        pytest.param(
            {"box/new/mzbuild.yml": "name: new\n"},
            ("box/new/mzbuild.yml: the image `new` has no Dockerfile", "`box/new/Dockerfile`"),
            id="no Dockerfile",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(source="../doc")},
            (f"{_MZBUILD_YML}: `source: ../doc` leads out of the repository",),
            id="source outside",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(source="/etc")},
            (f"{_MZBUILD_YML}: `source: /etc` leads out of the repository",),
            id="absolute source",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(source="link/doc"), "link": Path()},
            (f"{_MZBUILD_YML}: ", "goes through `link`", "symlink"),
            id="source through a symlink",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(source="docs")},
            (f"{_MZBUILD_YML}: `source: docs`: Git sees no file in that directory",),
            id="source that is not there",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(destination="d/../../app")},
            (f"{_MZBUILD_YML}: `destination: d/../../app` leads out of the context",),
            id="destination outside",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(destination="/d")},
            (f"{_MZBUILD_YML}: `destination: /d` leads out of the context",),
            id="absolute destination",
        ),
        pytest.param(
            {_MZBUILD_YML: _copy(destination="up/d"), "box/base/up": Path("..")},
            (f"{_MZBUILD_YML}: ", "goes through `box/base/up`", "symlink"),
            id="destination through a symlink",
        ),
        pytest.param(
            {_MZBUILD_YML: _action(type="cargo-build", bin="ap")},
            (f"{_MZBUILD_YML}: no crate", "the binary `ap`", "Did you mean `app`?"),
            id="binary of no crate",
        ),
        pytest.param(
            {_MZBUILD_YML: _action(type="cargo-build", example="app")},
            (f"{_MZBUILD_YML}: no crate", "the example `app`"),
            id="example of no crate",
        ),
        pytest.param(
            {"src/other/src/bin/app.rs": "fn main() {}\n"},
            (
                "box/app/mzbuild.yml: the binary `app` is in 2 crates",
                "`src/app/Cargo.toml`",
                "`src/other/Cargo.toml`",
            ),
            id="binary of two crates",
        ),
        pytest.param(
            {"src/other/Cargo.toml": "[package]\nname = other\n"},
            ("src/other/Cargo.toml:2: this is not valid TOML",),
            id="malformed Cargo.toml",
        ),
        pytest.param(
            {"Cargo.toml": '[workspace]\nmembers = ["src/app", "src/gone"]\n'},
            ("Cargo.toml: ", "`src/gone` has no `Cargo.toml`"),
            id="workspace member that is not there",
        ),
        pytest.param(
            {"src/app/Cargo.toml": f'{_APP_TOML}[dependencies]\no.path = "../o"'},
            ("src/app/Cargo.toml: `o` is a path dependency on `src/o`",),
            id="path dependency that is not there",
        ),
        pytest.param(
            {os.fsdecode(b"box/base/caf\xe9"): ""},
            (r"b'box/base/caf\xe9'", "not UTF-8", "Rename"),
            id="name that is not UTF-8",
        ),
        pytest.param(
            {"box/app/BUILD": 'mzbuild_image(name="app", image_name="other")\n'},
            ("box/app:app: the field `image_name` contradicts box/app/mzbuild.yml",),
            id="BUILD file that contradicts",
        ),
    ],
)
def test_a_mistake_gets_one_clear_message(
    broken: Repo, files: Mapping[str, str], said: tuple[str, ...]
) -> None:
    broken.write(files)
    message = error(broken.pants("mzbuild-fingerprint", "::", check=False))
    assert all(words in message for words in said), message


def test_warnings_come_with_every_run(broken: Repo) -> None:
    text = "name: base\npublsh: false\nbuild-args:\n  API_TOKEN: x\n  VERSION: 1\n"
    broken.write(
        {
            _MZBUILD_YML: text,
            "box/app/mzbuild.yml": f"{_SOUND['box/app/mzbuild.yml']}    split_debuginfo: x\n",
        }
    )
    runs = [broken.pants("mzbuild-fingerprint", spec) for spec in ("::", "::", "box/base")]
    for result in runs:
        assert len(logged(result)) == 3, str(result)
        unknown, misspelled, secret = (message for _, message in logged(result))
        assert unknown.startswith("box/app/mzbuild.yml:5: unknown field")
        assert "`pre-image[0].split_debuginfo` is ignored" in unknown
        assert misspelled.startswith(f"{_MZBUILD_YML}:2: unknown field `publsh` is ignored")
        assert misspelled.endswith("Did you mean `publish`?")
        assert secret.startswith(f"{_MZBUILD_YML}: the build argument `API_TOKEN` sounds like")
        assert {level for level, _ in logged(result)} == {"WARN"}
    assert [len(result.stdout.splitlines()) for result in runs] == [2, 2, 1]
    assert runs[0].stdout == runs[1].stdout


def test_without_a_git_repository(broken: Repo) -> None:
    git = broken.root / ".git"
    away = git.rename(broken.root.with_name("away"))
    try:
        result = broken.pants("mzbuild-fingerprint", "::", check=False)
    finally:
        away.rename(git)
    message = error(result)
    assert message.startswith(f"{broken.root} is not in a Git work tree")
    assert "`git init`" in message


def test_without_git_itself(broken: Repo, tmp_path: Path) -> None:
    path = Path(broken.env["PATH"])
    for tool in path.iterdir():
        if tool.name != "git":
            (tmp_path / tool.name).symlink_to(tool.resolve())
    result = broken.pants("mzbuild-fingerprint", "::", env={"PATH": str(tmp_path)}, check=False)
    message = error(result)
    assert "no `git` on the PATH" in message
    assert "Install Git" in message


def test_git_refuses(broken: Repo) -> None:
    index = broken.root / ".git/index"
    content = index.read_bytes()
    index.write_bytes(b"not an index")
    try:
        message = error(broken.pants("mzbuild-fingerprint", "::", check=False))
    finally:
        index.write_bytes(content)
    assert message.startswith("`git ls-files")
    assert "index file" in message


def test_docker_and_cargo_are_not_there(vectors: Repo) -> None:
    """Not a statement about the plugin, but about all the other tests of this file."""
    path = vectors.env["PATH"]
    assert [shutil.which(tool, path=path) for tool in ("docker", "cargo", "rustc")] == [None] * 3
    assert shutil.which("git", path=path)
