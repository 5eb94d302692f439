"""What `pants mzbuild-fingerprint` says in a repository with a mistake, or without Git.

No test here has Docker or Cargo on its PATH.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.bare import bare_environment, error, logged
from tests.e2e.repo import Repo

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
    "box/sound/mzbuild.yml": "name: sound\n",
    "box/sound/Dockerfile": "FROM scratch\n",
}


@pytest.fixture(scope="module")
def sound(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    directory = tmp_path_factory.mktemp("sound")
    repo = Repo(directory / "repo", _SOUND, bare_environment(directory / "bin", cold_caches))
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
    names = [line.partition(": ")[0] for line in result.stdout.splitlines()]
    assert names == ["app", "base", "sound"]
    assert logged(result) == []


def _action(**fields: str) -> str:
    """A file with one pre-image action, each of whose fields is on a line of its own."""
    return "name: base\npre-image:\n- " + "  ".join(f"{k}: {v}\n" for k, v in fields.items())


def _copy(**fields: str) -> str:
    return _action(**{"type": "copy", "source": "doc", "destination": "d", **fields})


_MZBUILD_YML = "box/base/mzbuild.yml"


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
            ("box/app/BUILD:1: the field `image_name` contradicts box/app/mzbuild.yml",),
            id="BUILD file that contradicts",
        ),
    ],
)
def test_a_mistake_gets_one_clear_message_and_hides_no_other_image(
    broken: Repo, files: Mapping[str, str], said: tuple[str, ...]
) -> None:
    broken.write(files)
    result = broken.pants("mzbuild-fingerprint", "::", check=False)
    assert result.returncode == 1
    assert "traceback" not in result.stderr.lower(), str(result)
    assert "\nsound: " in f"\n{result.stdout}", str(result)
    assert {level for level, _ in logged(result)} == {"ERROR"}
    messages = [message for _, message in logged(result)]
    # What builds on the image has messages of its own.
    assert [all(words in message for words in said) for message in messages].count(True) == 1
    assert broken.pants("mzbuild-fingerprint", "box/sound").stdout in result.stdout


def test_warnings_come_with_every_run(broken: Repo) -> None:
    text = "name: base\npublsh: false\nbuild-args:\n  API_TOKEN: x\n  VERSION: 1\n"
    broken.write(
        {
            _MZBUILD_YML: text,
            "box/app/mzbuild.yml": f"{_SOUND['box/app/mzbuild.yml']}    profile: x\n",
        }
    )
    runs = [broken.pants("mzbuild-fingerprint", spec) for spec in ("::", "::", "box/base")]
    for result in runs:
        assert len(logged(result)) == 3, str(result)
        unknown, misspelled, secret = (message for _, message in logged(result))
        assert unknown.startswith("box/app/mzbuild.yml:5: unknown field")
        assert "`pre-image[0].profile` is ignored" in unknown
        assert misspelled.startswith(f"{_MZBUILD_YML}:2: unknown field `publsh` is ignored")
        assert misspelled.endswith("Did you mean `publish`?")
        assert secret.startswith(f"{_MZBUILD_YML}: the build argument `API_TOKEN` sounds like")
        assert {level for level, _ in logged(result)} == {"WARN"}
    assert [len(result.stdout.splitlines()) for result in runs] == [3, 3, 1]
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
