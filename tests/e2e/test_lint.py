"""`pants lint`: what it prints of a repository with something of everything amiss."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.bare import bare_environment
from tests.e2e.images import image
from tests.e2e.repo import Content, Repo, Result
from tests.e2e.steps import restore

AMISS = """\
FROM debian:12 AS unused
FROM scratch
COPY gone pages/ /
 MZFROM sound
"""

ACTIONS = """\
pre-image:
- type: cargo-build
  bin: app
- type: copy
  source: doc
  destination: pages
- type: copy
  source: doc
  destination: more
"""

ODD = """\
publsh: false
pre-image:
- type: cargo-build
  bin: app
  features: fast
- type: copy
  source: doc
  destination: app.d
  matching: "*.md"
"""

FILES: Mapping[str, Content] = {
    **image("amiss", AMISS, ACTIONS),
    "images/amiss/.gitignore": "/pages\n",
    "images/amiss/.dockerignore": "*.md\n",
    "images/amiss/notes.md": "",
    "images/amiss/large": b"\0" * (2 << 20),
    **image("sound", "FROM scratch\nCOPY file /\n"),
    "images/sound/file": "",
    **image("odd", "FROM sound AS a\nFROM a\nCPY x /\nCOPY app /\n", ODD),
    "images/odd/.gitignore": "/app*\n",
    **image("empty", "# nothing\n"),
    **image("Capital", "FROM scratch\n"),
    **image("tagged", "\nMZFROM sound:latest\n"),
    **image("platform", "MZFROM --platform=linux/amd64 sound\n"),
    "Cargo.toml": "[workspace]\nmembers = ['app']\n",
    "app/Cargo.toml": "[package]\nname = 'app'\nversion = '0.1.0'\n",
    "app/src/main.rs": "fn main() {}\n",
    "rust-toolchain": "stable\n",
    "doc/a.txt": "",
}

# Where each thing is that is amiss, and the rule that it is against.
EXPECTED = [
    ("images/amiss/.dockerignore:1", "hidden-input"),
    ("images/amiss/Dockerfile:1", "unpinned-from"),
    ("images/amiss/Dockerfile:1", "unused-stage"),
    ("images/amiss/Dockerfile:3", "copy-source"),
    ("images/amiss/Dockerfile:4", "misplaced-mzfrom"),
    ("images/amiss/large:1", "large-context"),
    ("images/amiss/mzbuild.yml:4", "uncopied-binary"),
    ("images/amiss/mzbuild.yml:4", "unignored-result"),
    ("images/amiss/mzbuild.yml:10", "unignored-result"),
    ("images/amiss/mzbuild.yml:4", "cargo-build"),
    ("images/Capital/mzbuild.yml:1", "no-fingerprint"),
    ("images/tagged/Dockerfile:2", "no-fingerprint"),
    ("images/platform/Dockerfile:1", "no-fingerprint"),
    ("images/empty/Dockerfile:1", "syntax"),
    ("images/odd/Dockerfile:1", "missing-mzfrom"),
    ("images/odd/Dockerfile:3", "syntax"),
    ("images/odd/mzbuild.yml:2", "unknown-field"),
    ("images/odd/mzbuild.yml:5", "cargo-build"),
    ("images/odd/mzbuild.yml:10", "idle-copy"),
    ("rust-toolchain:1", "missed-input"),
]

OPTIONS = ("--mzbuild-lint-max-context-size=1",)


@pytest.fixture(scope="module")
def repo(
    tmp_path_factory: pytest.TempPathFactory, cold_caches: Mapping[str, str]
) -> Iterator[Repo]:
    directory = tmp_path_factory.mktemp("lint")
    repo = Repo(directory / "repo", FILES, bare_environment(directory / "bin", cold_caches))
    yield repo
    repo.stop_pantsd()


def findings(result: Result) -> list[tuple[str, str]]:
    """The places and rules of what is printed."""
    return re.findall(r"^([\w./-]+:\d+): (?:.* )?\[([a-z-]+)\]$", result.text, re.MULTILINE)


def test_everything_that_is_amiss_is_found(repo: Repo) -> None:
    result = repo.pants(*OPTIONS, "lint", "::", check=False)
    assert result.returncode == 1
    assert sorted(findings(result)) == sorted(EXPECTED), str(result)
    assert "✕ mzbuild failed." in result.stderr
    printed = result.stderr.partition("mzbuild failed (exit code 1).\n")[2].splitlines()
    assert [line for line in printed if len(line) > 120] == []
    files = {place.partition(":")[0] for place, _ in EXPECTED}
    count = f"{len(EXPECTED)} findings in {len(files)} files: "
    assert any(line.startswith(count) for line in printed), str(result)
    # Pants has nothing to say of globs that nobody wrote.
    assert "[WARN]" not in result.text or "unknown field" in result.text


def test_an_image_that_is_sound_passes(repo: Repo) -> None:
    result = repo.pants("lint", "--only=mzbuild", "images/sound")
    assert "✓ mzbuild succeeded." in result.stderr
    assert findings(result) == []


def test_rules_are_switched_off_by_option_and_by_comment(repo: Repo) -> None:
    rules = sorted({rule for _, rule in EXPECTED} - {"unused-stage", "copy-source"})
    options = (*OPTIONS, f"--mzbuild-lint-ignore={rules}")
    result = repo.pants(*options, "lint", "::", check=False)
    assert [rule for _, rule in findings(result)] == ["unused-stage", "copy-source"]
    comment = "# mzbuild: ignore=unused-stage,copy-source\n"
    repo.write({"images/amiss/Dockerfile": comment + AMISS})
    assert findings(repo.pants(*options, "lint", "::")) == []
    restore(repo)
    assert "mzbuild" not in repo.pants("--mzbuild-lint-skip", "lint", "::").stderr
    wrong = repo.pants("--mzbuild-lint-ignore=unused", "lint", "::", check=False)
    assert wrong.returncode == 1
    assert "[mzbuild-lint].ignore: there is no rule `unused`." in wrong.stderr
    assert "Traceback" not in wrong.text


def test_what_is_mended_is_gone_at_once(repo: Repo) -> None:
    repo.write({"images/amiss/.gitignore": "/pages\n/more\n/app\n", "images/amiss/gone": ""})
    result = repo.pants(*OPTIONS, "lint", "::", check=False)
    rules = {rule for _, rule in findings(result)}
    assert {rule for _, rule in EXPECTED} - rules == {"unignored-result", "copy-source"}
    restore(repo)
