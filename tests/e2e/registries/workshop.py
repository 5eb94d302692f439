"""A repository whose images go to real registries, and what a test does with both."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.e2e.images import described, image, shadow
from tests.e2e.registry import RunningRegistry
from tests.e2e.repo import PANTS_TOML, Content, Docker, Repo, Result

# Nothing in the images but what one builds on another for.
FILES: Mapping[str, Content] = {
    **image("base", "FROM scratch\nCOPY mzbuild.yml /base\n"),
    **image("left", "MZFROM base\nCOPY mzbuild.yml /left\n"),
    **image("right", "MZFROM base\nCOPY mzbuild.yml /right\n"),
    **image("top", "MZFROM left AS left\nMZFROM right\nCOPY --from=left /left /left\n"),
    **image("alone", "FROM scratch\nCOPY mzbuild.yml /alone\n"),
    **image("private", "MZFROM base\nCOPY mzbuild.yml /private\n", "publish: false\n"),
    **image("on-private", "MZFROM private\nCOPY mzbuild.yml /on-private\n"),
}
PUBLISHED = {"base", "left", "right", "top", "alone", "on-private"}


class Workshop:
    """A clone of a repository with the images `FILES`, in an organization of its own."""

    def __init__(
        self,
        directory: Path,
        env: Mapping[str, str],
        registries: Mapping[str, str],
        acme: str,
        more: str = "",
    ) -> None:
        """`registries` are addresses by their names, the primary one first; `acme` is where in them
        the images are.

        `more` is of the last registry's table.
        """
        self.docker = Docker("")
        self.acme = acme
        self.registries = registries
        tables = [
            f'[mzbuild.registries.{name}]\naddress = "{registries[name]}"' for name in registries
        ]
        configuration = [
            f"{PANTS_TOML}process_execution_local_parallelism = 2",
            f'[mzbuild]\nimage_registry = "{acme}"\nregistry_timeout = 10',
            f'primary_registry = "{next(iter(registries))}"',
            *tables,
            more,
        ]
        toml = {"pants.toml": "\n".join(configuration) + "\n"}
        self.repo = Repo(directory, {**FILES, **toml}, env)
        self.calls_file = directory.parent / f"{directory.name}-calls"
        self.shadow = shadow(
            directory.parent / f"{directory.name}-bin",
            "docker",
            f'echo "$*" >>{self.calls_file}; exec "$real" "$@"',
        )

    def pants(self, *args: str, env: Mapping[str, str] | None = None, check: bool = True) -> Result:
        """Runs `./pants`; what it calls `docker` for is in `calls` afterwards."""
        self.calls_file.write_text("")
        return self.repo.pants(*args, env={**self.shadow, **(env or {})}, check=check)

    def calls(self, *words: str) -> list[str]:
        """The calls of `docker` that begin with some words, in the last run."""
        lines = self.calls_file.read_text().splitlines()
        return [line for line in lines if line.split()[: len(words)] == list(words)]

    def change(self) -> None:
        """Makes all images others than any that there have been."""
        self.repo.write({"images/base/mzbuild.yml": f"name: base\n# {secrets.token_hex(8)}\n"})
        self.repo.write({"images/alone/mzbuild.yml": f"name: alone\n# {secrets.token_hex(8)}\n"})

    def fingerprints(self) -> Mapping[str, str]:
        printed = self.repo.pants("mzbuild-fingerprint", "::").stdout.splitlines()
        return dict(line.split(": ") for line in printed)

    def tags(self, registry: str = "") -> Mapping[str, str]:
        """The tags of all images in a registry; by default in the primary one."""
        address = self.registries[registry or next(iter(self.registries))]
        return {
            name: f"{address}/{self.acme}/{name}:mzbuild-{fingerprint}"
            for name, fingerprint in self.fingerprints().items()
        }

    def origins(self) -> dict[str, str]:
        """How the images came that are described in `dist/`."""
        return {name: described["origin"] for name, described in self.described().items()}

    def described(self) -> dict[str, dict[str, Any]]:
        return described(self.repo)

    def images(self) -> set[str]:
        """The tags of the repository's images that the engine has."""
        listed = self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        return {tag for tag in listed if f"/{self.acme}/" in tag}

    def clear(self) -> None:
        """Leaves the engine without the images, and `dist/` empty."""
        for path in self.repo.root.glob("dist/*/*"):
            path.unlink()
        images = self.images()
        if images:
            self.docker("image", "rm", "--force", *images)
        assert self.images() == set()

    def clean_up(self) -> None:
        self.repo.stop_pantsd()
        self.clear()

    def ensure(self, *args: str, what: str = "::", **kwargs: Any) -> dict[str, Any]:
        """What became of each image, by its name."""
        json_format = "--mzbuild-ensure-format=json"
        result = self.pants(json_format, *args, "mzbuild-ensure", what, **kwargs)
        return {image["name"]: image for image in json.loads(result.stdout)}

    def published(self, registry: RunningRegistry, name: str) -> Sequence[str]:
        """The tags that a registry has of an image."""
        response = registry.request("GET", f"/v2/{self.acme}/{name}/tags/list", check=False)
        return json.loads(response.read()).get("tags") or []


@contextlib.contextmanager
def working(
    directory: Path,
    env: Mapping[str, str],
    registries: Mapping[str, str],
    acme: str = "",
    more: str = "",
) -> Iterator[Workshop]:
    """A workshop that leaves nothing behind."""
    acme = acme or f"acme-{secrets.token_hex(4)}"
    caches = {
        "PANTS_NAMED_CACHES_DIR": str(directory / "named_caches"),
        "DOCKER_CONFIG": str(directory / "docker"),
    }
    (directory / "docker").mkdir(parents=True, exist_ok=True)
    workshop = Workshop(directory / "repo", {**env, **caches}, registries, acme, more)
    try:
        yield workshop
    finally:
        workshop.clean_up()
