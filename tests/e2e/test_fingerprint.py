"""What `pants mzbuild-fingerprint` prints, in the vectors' repository.

No test here has Docker or Cargo on its PATH.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.e2e.bare import bare_environment, error, logged
from tests.e2e.repo import Repo, Result
from tests.e2e.vectors import VECTORS, vectors_repository

EXPECTED: dict[str, Any] = json.loads((VECTORS / "expected.json").read_text())
OPTIMIZED = "profile=optimized arch=x86_64 coverage=false sanitizer=none"


# What Cargo reads for these images, but the scheme does not look at.
TOOLCHAIN = [".cargo/config.toml", "rust-toolchain.toml"]
ALLOC = ["src/alloc/Cargo.toml", "src/alloc/src/lib.rs"]
MISSED = {
    "environmentd": TOOLCHAIN + ALLOC,
    "jobs": TOOLCHAIN,
    "loadgen": TOOLCHAIN + ALLOC,
}
MISSED_WARNING = "The fingerprint scheme `mzbuild` leaves out"


def unexpected(result: Result) -> list[tuple[str, str]]:
    """What Pants has logged besides the warning of what the scheme misses."""
    return [record for record in logged(result) if not record[1].startswith(MISSED_WARNING)]


def lines(fingerprints: Mapping[str, str], *names: str) -> str:
    """What is printed of the named images, or of all."""
    return "".join(f"{name}: {fingerprints[name]}\n" for name in sorted(names or fingerprints))


@pytest.fixture(scope="module")
def vectors(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    directory = tmp_path_factory.mktemp("vectors")
    repo = vectors_repository(directory / "repo", bare_environment(directory / "bin", cold_caches))
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
    vectors.pants("mzbuild-fingerprint", "::")
    before = vectors.pantsds()
    result = vectors.pants("--mzbuild-profile=dev", "mzbuild-fingerprint", "::")
    assert unexpected(result) == []
    assert vectors.pantsds() == before


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
            "reference": f"{name}:mzbuild-{fingerprint}",
            "dependencies": EXPECTED["images"][name]["dependencies"],
            "inputs": len(EXPECTED["images"][name]["inputs"]),
            "missed": MISSED.get(name, []),
            "error": None,
        }
        for name, fingerprint in sorted(optimized.items())
    ]


def test_what_the_scheme_misses_is_warned_of_once(vectors: Repo) -> None:
    ((level, message),) = logged(vectors.pants("mzbuild-fingerprint", "::"))
    assert level == "WARN"
    assert message.startswith(f"{MISSED_WARNING} 4 files that Cargo reads: `.cargo/config.toml`, ")
    assert logged(vectors.pants("mzbuild-fingerprint", "test::")) == []
    strict = vectors.pants("--mzbuild-fingerprint-scheme=strict", "mzbuild-fingerprint", "::")
    assert logged(strict) == []


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
    assert unexpected(result) == []


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (("test::",), ("inner", "outer")),
        (("misc/images/jobs",), ("jobs",)),
        (("misc/images/jobs:jobs", "misc/images/mcp:"), ("jobs", "mcp")),
        (("test/outer:",), ("outer",)),
        (("test::", "-test/outer/inner::"), ("outer",)),
        (("misc/images/jobs/Dockerfile",), ("jobs",)),
        # The inner one's files are not the outer one's.
        (("test/outer/innermost",), ("outer",)),
        (("test/outer/inner/there",), ("inner",)),
        # A tracked file that the root's ignore rules hide from Pants.
        (("misc/images/modes/sub dir/näme with späce.txt",), ("modes",)),
        (("--filter-target-type=mzbuild_image", "test::"), ("inner", "outer")),
    ],
    ids=lambda value: " ".join(value),
)
def test_images_are_selected_as_targets_are(
    vectors: Repo, optimized: Mapping[str, str], args: tuple[str, ...], names: tuple[str, ...]
) -> None:
    for goal in (("mzbuild-fingerprint",), ("run", "mzbuild-fingerprint")):
        result = vectors.pants(*goal, *args)
        assert result.stdout == lines(optimized, *names)
        assert unexpected(result) == []


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("mzbuild-arch", "amd64", ["arch `amd64`", "Did you mean `x86_64`?", "`aarch64`"]),
        ("mzbuild-sanitizer", "adress", ["sanitizer `adress`", "mean `address`?", "`undefined`"]),
        ("mzbuild-profile", "fast", ["'fast'", "optimized, release"]),
        ("mzbuild-fingerprint-scheme", "new", ["'new'", "mzbuild, strict"]),
        ("mzbuild-fingerprint-format", "xml", ["'xml'", "text, json, spec"]),
    ],
)
def test_a_wrong_value_names_the_valid_ones(
    vectors: Repo, option: str, value: str, said: Sequence[str]
) -> None:
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


def test_docker_and_cargo_are_not_there(vectors: Repo) -> None:
    """Not a statement about the plugin, but about all tests in a bare environment."""
    path = vectors.env["PATH"]
    assert [shutil.which(tool, path=path) for tool in ("docker", "cargo", "rustc")] == [None] * 3
    assert shutil.which("git", path=path)
