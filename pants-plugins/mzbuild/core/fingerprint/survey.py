"""What can be said of all images, even where something is wrong with some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Callable

from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.fingerprint.configuration import Configuration
from mzbuild.core.fingerprint.inputs import InputGroup, input_runs
from mzbuild.core.fingerprint.scheme import raw_fingerprint, show_fingerprint
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph


@dataclass(frozen=True)
class Survey:
    """The inputs and fingerprints of all images, by name, as far as they can be computed.

    An image without a fingerprint has its reason in `errors`; it may have inputs all the same.
    """

    inputs: Mapping[str, tuple[InputGroup, ...]]
    fingerprints: Mapping[str, str]
    errors: Mapping[str, str]


def survey(
    graph: ImageGraph,
    inputs: Callable[[Image], tuple[InputGroup, ...]],
    record: Callable[[str], bytes],
    configuration: Configuration,
) -> Survey:
    """Looks at all images; an `MzbuildError` is that of one image, and of those that build on it.

    `inputs` gives an image's inputs, `record` a path's `input_record`.
    """
    found: dict[str, tuple[InputGroup, ...]] = {}
    raw: dict[str, bytes] = {}
    errors: dict[str, str] = {}

    @cache
    def joined(run: tuple[str, ...]) -> bytes:
        return b"".join(map(record, run))

    for name in graph.order:
        image, built_on = graph.by_name[name], graph.dependencies[name]
        try:
            found[name] = inputs(image)
            records = [joined(run) for run in input_runs(found[name])]
        except MzbuildError as error:
            errors[name] = str(error)
            continue
        unknown = [other for other in built_on if other in errors]
        if unknown:
            errors[name] = f"It builds on {listed(unknown)}, which has no fingerprint."
        else:
            pairs = [(other, raw[other]) for other in built_on]
            raw[name] = raw_fingerprint(image, records, pairs, configuration)
    shown = {name: show_fingerprint(fingerprint) for name, fingerprint in raw.items()}
    return Survey(found, shown, errors)
