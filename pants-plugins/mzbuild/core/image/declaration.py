"""An image as its owner declares it, whether in an `mzbuild.yml` or in a BUILD file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mzbuild.core.actions.action import Action
from mzbuild.core.paths import under

# Build arguments end up in the image's history, where anybody who has the image reads them.
_SECRET_WORDS = re.compile(
    r"secret|token|passw(or)?d|credential|private_?key|api_?key|access_?key", re.IGNORECASE
)


@dataclass(frozen=True)
class Image:
    """An image: its declaration, and the directory (relative to the root) that is its context."""

    name: str
    context: str
    # Where it is declared, for messages: the path of its `mzbuild.yml`, or of a BUILD file with the
    # line.
    origin: str
    description: str | None = None
    publish: bool = True
    mainline: bool = True
    build_args: tuple[tuple[str, str], ...] = ()
    pre_image: tuple[Action, ...] = ()

    @classmethod
    def unreadable(cls, context: str, origin: str) -> Image:
        """What stands for an image of which only the place is known.

        It goes by that place, and so by no name that an image can have.
        """
        return cls(name=origin, context=context, origin=origin)

    @property
    def mzbuild_yml(self) -> str:
        """The path of the file that declares the image, or whose place its BUILD target takes."""
        return under(self.context, "mzbuild.yml")

    @property
    def declared_in_file(self) -> bool:
        """Whether an `mzbuild.yml` declares the image, rather than a BUILD file."""
        return self.origin == self.mzbuild_yml

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's path, relative to the root."""
        return under(self.context, "Dockerfile")

    @property
    def secret_build_args(self) -> tuple[str, ...]:
        """The names of build arguments that sound like secrets."""
        return tuple(name for name, _ in self.build_args if _SECRET_WORDS.search(name))
