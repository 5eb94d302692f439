"""Steps that change a repository, and the way back from them."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from tests.e2e.repo import GIT_EXCLUDES, Repo

Step = Callable[[Repo], object]


def write(path: str, content: str | bytes | Path) -> Step:
    """Writes a file, or a symlink in the place of whatever is there."""

    def step(repo: Repo) -> None:
        target = repo.root / path
        if isinstance(content, Path) or target.is_symlink():
            target.unlink(missing_ok=True)
        repo.write({path: content})

    return step


def append(path: str, text: str) -> Step:
    def step(repo: Repo) -> None:
        with open(repo.root / path, "a") as file:
            file.write(text)

    return step


def chmod(path: str, mode: int) -> Step:
    return lambda repo: (repo.root / path).chmod(mode)


def delete(path: str) -> Step:
    return lambda repo: (repo.root / path).unlink()


def move(source: str, destination: str) -> Step:
    return lambda repo: (repo.root / source).rename(repo.root / destination)


def git(*args: str) -> Step:
    return lambda repo: repo.git(*args)


def both(*steps: Step) -> Step:
    def all_of_them(repo: Repo) -> None:
        for step in steps:
            step(repo)

    return all_of_them


def git_path(repo: Repo, name: str) -> Path:
    """A file of Git's own, which a linked work tree may share with the main one."""
    return repo.root / repo.git("rev-parse", "--git-path", name).stdout.strip()


def restore(repo: Repo) -> None:
    """Undoes whatever was not committed, and goes back to the main branch."""
    git_path(repo, "info/exclude").write_text(GIT_EXCLUDES)
    repo.git("config", "--unset", "core.excludesFile", check=False)
    repo.git("sparse-checkout", "disable")
    # What was added must go first: Git finds nothing to restore behind a symlink.
    repo.git("reset", "--quiet")
    keep = [f"--exclude={pattern}" for pattern in GIT_EXCLUDES.split()]
    repo.git("clean", "--quiet", "-xdff", *keep)
    repo.git("checkout", "--quiet", "--force", "main")
