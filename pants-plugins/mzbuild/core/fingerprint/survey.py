"""What can be said of all images, even where something is wrong with some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mzbuild.core.actions.action import InputGroup
from mzbuild.core.configuration import Configuration
from mzbuild.core.errors import MzbuildError, listed
from mzbuild.core.fingerprint.inputs import ImageInputs
from mzbuild.core.fingerprint.scheme import raw_fingerprint, show_fingerprint
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.image.mzbuild_yml import is_image_name
from mzbuild.core.text.table import some

# How many images a message names.
_SHOWN = 8


@dataclass(frozen=True)
class Survey:
    """The inputs and fingerprints of all images, by name, as far as they can be computed.

    An image without a fingerprint has its reason in `errors`, after that of any image that it
    builds on; it may have inputs all the same.
    """

    inputs: Mapping[str, tuple[InputGroup, ...]]
    fingerprints: Mapping[str, str]
    errors: Mapping[str, str]


def survey(
    graph: ImageGraph,
    inputs: ImageInputs,
    records: Sequence[bytes | MzbuildError],
    configuration: Configuration,
) -> Survey:
    """Looks at all images: what is wrong with one concerns those that build on it, and no others.

    `records` has, for each run of the inputs, the `input_record`s of its files, or what keeps them
    from being had.
    """
    broken = {i: str(each) for i, each in enumerate(records) if isinstance(each, MzbuildError)}
    joined = [b"" if isinstance(each, MzbuildError) else each for each in records]
    raw: dict[str, bytes] = {}
    errors: dict[str, str] = {}
    for name in graph.order:
        runs = inputs.by_image.get(name, ())
        failed = [index for index in runs if index in broken] if broken else []
        built_on = graph.dependencies[name]
        unknown = [other for other in built_on if other in errors]
        if name in graph.errors:
            errors[name] = graph.errors[name]
        elif name in inputs.errors:
            errors[name] = inputs.errors[name]
        elif failed:
            errors[name] = broken[failed[0]]
        elif unknown:
            have = "has" if len(unknown) == 1 else "have"
            errors[name] = f"built on {listed(unknown)}, which {have} no fingerprint."
        else:
            own = map(joined.__getitem__, runs)
            pairs = [(other, raw[other]) for other in built_on]
            defined = [each.definition for each in inputs.groups[name] if each.definition]
            raw[name] = raw_fingerprint(graph.by_name[name], own, pairs, configuration, defined)
    shown = {name: show_fingerprint(fingerprint) for name, fingerprint in raw.items()}
    return Survey(inputs.groups, shown, errors)


def concerning(
    names: Iterable[str], dependencies: Mapping[str, Iterable[str]], errors: Mapping[str, str]
) -> Mapping[str, str]:
    """Those of a survey's errors that are about images, or about what these build on."""
    wanted, found = set(names), {}
    for name in reversed(list(errors)):
        if name in wanted:
            wanted.update(dependencies[name])
            found[name] = errors[name]
    return {name: found[name] for name in reversed(list(found))}


def failures(errors: Mapping[str, str]) -> tuple[str, ...]:
    """Why images have no fingerprint: each thing that is wrong once, with all whom it concerns."""
    alike: dict[str, list[str]] = {}
    for name, error in errors.items():
        alike.setdefault(error, []).append(name)
    return tuple(
        # Where an image goes by its place, the error begins with that.
        f"{_subject(sorted(names))} no fingerprint: {error}"
        if any(map(is_image_name, names))
        else error
        for error, names in alike.items()
    )


def _subject(names: Sequence[str]) -> str:
    if len(names) > _SHOWN:
        return f"{some([f'`{name}`' for name in names], _SHOWN)} have"
    return f"{listed(names)} {'has' if len(names) == 1 else 'have'}"
