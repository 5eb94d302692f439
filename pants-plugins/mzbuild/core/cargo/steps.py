"""The steps of a build by Cargo, by what Cargo writes."""

from __future__ import annotations

import re

from mzbuild.core.safe import without_colours
from mzbuild.core.text.progress import shortened
from mzbuild.core.text.table import some

_FETCHING = re.compile(r"^ *((?:Updating|Downloading) .*\S)", re.MULTILINE)
_COMPILING = re.compile(r"^ *Compiling (\S+ \S+)", re.MULTILINE)


class CargoSteps:
    """What Cargo fetches, and which crates it compiles: those that began together, in one line."""

    doing, detail = "Cargo builds", ""

    def begun(self, written: str) -> list[str]:
        """The steps that have begun."""
        plain = without_colours(written)
        fetching, crates = _FETCHING.search(plain), _COMPILING.findall(plain)
        steps = [f"Cargo fetches packages: {fetching[1]}"] if fetching else []
        steps += [f"Compiling {some(crates)}"] if crates else []
        steps = [shortened(step) for step in steps]
        self.doing = [self.doing, *steps][-1]
        return steps
