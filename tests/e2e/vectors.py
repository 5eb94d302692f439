"""The vectors' repository, and the fingerprints of a repository: with Pants and without it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.repo import CHECKOUT, Repo, finish, start

VECTORS = CHECKOUT / "tests/vectors"


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


def plain(repo: Repo) -> dict[str, str]:
    """The fingerprints by image, without Pants."""
    script = str(CHECKOUT / "benchmarks/plain_fingerprint.py")
    command = [sys.executable, script, str(repo.root), "--arch=x86_64"]
    return parsed(finish(start(command, cwd=repo.root, env=repo.env), check=True).stdout)


def fingerprints(repo: Repo, *flags: str) -> dict[str, str]:
    """The fingerprints by image, with Pants."""
    return parsed(repo.pants(*flags, "mzbuild-fingerprint", "::").stdout)


def parsed(output: str) -> dict[str, str]:
    return dict(line.split(": ") for line in output.splitlines())


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """The images whose fingerprint changed, with those that are new or gone."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}
