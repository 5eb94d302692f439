"""The `[mzbuild-lint]` options."""

from __future__ import annotations

from pants.option.option_types import IntOption, SkipOption, StrListOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from mzbuild.core.lint.rules import find_rule


class MzbuildLint(Subsystem):
    options_scope = "mzbuild-lint"
    name = "mzbuild"
    help = softwrap(
        """
        What `pants lint` looks for in images: Dockerfiles that do not do what they seem to, and
        files that are missing or too many. For example: `pants lint --only=mzbuild ::`.
        """
    )

    skip = SkipOption("lint")
    ignore = StrListOption(
        help=softwrap(
            """
            Rules that are switched off for all images. A comment in a Dockerfile, such as
            `# mzbuild: ignore=unpinned-from,unused-stage`, switches rules off for its image where
            no instruction stands above it, else for the instruction that it stands above. For
            example: `["missed-input"]`.
            """
        ),
    )
    max_context_size = IntOption(
        default=100,
        help=softwrap(
            """
            How large a context may be, in MiB, with what `copy` actions put into it. For example:
            `--mzbuild-lint-max-context-size=20`.
            """
        ),
    )

    @property
    def ignored(self) -> frozenset[str]:
        """The rules that are switched off; raises `MzbuildError` for a name of none."""
        return frozenset(find_rule(name, f"[{self.options_scope}].ignore") for name in self.ignore)
