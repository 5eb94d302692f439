"""Queries to Pants, and whether what they list for a change is what the change moves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.e2e.repo import Repo
from tests.e2e.steps import Step

# What the fingerprint goal tells of each image, by its address.
Images = Mapping[str, Mapping[str, Any]]


def listed(repo: Repo, *args: str, env: Mapping[str, str] | None = None) -> set[str]:
    """The addresses that a query prints."""
    lines = repo.pants(*args, env=env).stdout.splitlines()
    assert len(set(lines)) == len(lines)
    return set(lines)


def described(repo: Repo, env: Mapping[str, str] | None = None) -> Images:
    """What the fingerprint goal tells of each image, by its address."""
    text = repo.pants("--mzbuild-fingerprint-format=json", "mzbuild-fingerprint", "::", env=env)
    return {described["address"]: described for described in json.loads(text.stdout)}


def check_change(
    repo: Repo,
    step: Step,
    names: set[str],
    env: Mapping[str, str] | None = None,
    before: Images | None = None,
) -> None:
    """Makes a change; what it moves, what it is listed to affect, and `names` must be the same.

    `before` is what `described` told of the repository as it was committed.
    """
    before = before or described(repo, env)
    step(repo)
    after = described(repo, env)
    moved = {
        address
        for address in {*before, *after}
        if before.get(address, {}).get("fingerprint") != after.get(address, {}).get("fingerprint")
    }
    affected = listed(
        repo,
        "--changed-since=HEAD",
        "--changed-dependents=transitive",
        "--filter-target-type=mzbuild_image",
        "list",
        env=env,
    )
    images = {**before, **after}
    assert {images[address]["name"] for address in moved} == names
    assert {images[address]["name"] for address in affected} == names
