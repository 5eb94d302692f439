"""The steps of Docker's builds, pushes and pulls, by what Docker writes."""

from __future__ import annotations

import re

from mzbuild.core.text.progress import shortened
from mzbuild.core.text.quantities import show_size
from mzbuild.core.text.table import some

# BuildKit's plain progress: `#9 [builder 3/7] RUN make`, then `#9 DONE 0.3s`, or `#9 CACHED` where
# it takes no time. What is carried out at the same time is named again when it has more to say.
# Without BuildKit, there is `Step 3/7 : RUN make`.
_STEP = re.compile(
    r"^#(?P<number>\d+) (?:(?P<step>\[(?:[^\]\n]* )?\d+/\d+\] .*\S|exporting to image)"
    r"|(?P<push>pushing (?!layer )\S+)|(?P<ended>DONE|CACHED|ERROR|CANCELED))"
    r"|^Step (?P<position>\d+/\d+) : (?P<instruction>.*\S)",
    re.MULTILINE,
)
# `#12 pushing layer 1123e8c29007 1.84MB / 20.00MB 0.2s`, or `1123e8c29007: Pushing  1.84MB/20MB`.
_LAYER = re.compile(
    r"(?:pushing layer (?:sha256:)?([0-9a-f]+)|([0-9a-f]{12}): (?:Pushing|Downloading)) +"
    r"(?:\[[=> ]*\] *)?([\d.]+)([kMGT]?B) ?/ ?([\d.]+)([kMGT]?B)"
)
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class DockerSteps:
    """The steps of a build, in which a push may come last, or of a push or a pull alone; `first` is
    told before them."""

    detail = ""

    def __init__(self, first: str) -> None:
        self._first = [first]
        self._last = first
        self._told: set[str] = set()
        # By the numbers that BuildKit gives to steps.
        self._running: dict[str, str] = {}
        # Of each layer, how many bytes of how many are transferred.
        self._layers: dict[str, tuple[float, float]] = {}

    @property
    def doing(self) -> str:
        """What is carried out, or was last."""
        return some([*self._running.values()], 1) or self._last

    def begun(self, written: str) -> list[str]:
        """The steps that are named for the first time, without those that take no time."""
        self._transferred(written)
        new: dict[str, str] = {}
        for match in _STEP.finditer(written):
            number = match["number"] or ""
            if match["ended"]:
                self._running.pop(number, None)
                if match["ended"] == "CACHED":
                    new = {step: other for step, other in new.items() if other != number}
                continue
            plain = f"[{match['position']}] {match['instruction']}"
            step = self._running[number] = shortened(match["step"] or match["push"] or plain)
            if step not in self._told:
                new[step] = number
        self._told.update(new)
        steps, self._first = [*self._first, *new], []
        self._last = [self._last, *steps][-1]
        return steps

    def _transferred(self, written: str) -> None:
        for pushed, other, done, unit, size, unit_of_size in _LAYER.findall(written):
            whole = float(size) * _UNITS[unit_of_size]
            self._layers[pushed or other] = min(float(done) * _UNITS[unit], whole), whole
        if self._layers:
            done, size = map(sum, zip(*self._layers.values()))
            self.detail = f"{show_size(int(done))} of {show_size(int(size))}"
