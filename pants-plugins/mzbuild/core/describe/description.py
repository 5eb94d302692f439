"""All that is known of an image, for people and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from mzbuild.core.actions.action import Action, InputGroup
from mzbuild.core.errors import MzbuildError
from mzbuild.core.fingerprint.inputs import InputFile
from mzbuild.core.fingerprint.survey import Survey
from mzbuild.core.image.declaration import Image
from mzbuild.core.image.graph import ImageGraph
from mzbuild.core.safe import printable
from mzbuild.core.text.quantities import show_count, show_size


@dataclass(frozen=True)
class FileDescription:
    """An input file: its mode in Git's octal digits, its size in bytes, and its SHA-1 in hex.

    The latter two are `None` where the file cannot be read.
    """

    path: str
    mode: str | None
    size: int | None
    sha1: str | None


@dataclass(frozen=True)
class GroupDescription:
    """The files that one thing brings in: the context, a crate, a copy, or all Cargo builds."""

    kind: str
    name: str
    files: tuple[FileDescription, ...]

    @property
    def size(self) -> int:
        """The bytes in all of its files."""
        return sum(file.size or 0 for file in self.files)


@dataclass(frozen=True)
class ImageDescription:
    """An image; its fields are those of the JSON."""

    name: str
    address: str
    description: str | None
    # Both are `None` where `error` says why they cannot be computed.
    fingerprint: str | None
    spec: str | None
    error: str | None
    # By the names of registries.
    tags: Mapping[str, str]
    publish: bool
    mainline: bool
    build_args: Mapping[str, str]
    pre_image: tuple[Mapping[str, Any], ...]
    dependencies: tuple[str, ...]
    dependents: tuple[str, ...]
    # `None` where they were not asked for.
    transitive_dependencies: tuple[str, ...] | None
    transitive_dependents: tuple[str, ...] | None
    inputs: tuple[GroupDescription, ...]


def describe_image(
    image: Image,
    address: str,
    graph: ImageGraph,
    survey: Survey,
    spec: str | None,
    tags: Mapping[str, str],
    file: Callable[[str], InputFile],
    *,
    transitive: bool,
) -> ImageDescription:
    """Puts together what is known of an image.

    `file` gives the mode and content of an input by its path.
    """
    name = image.name
    below = graph.closure([name])[:-1]
    return ImageDescription(
        name=name,
        address=address,
        description=image.description,
        fingerprint=survey.fingerprints.get(name),
        spec=spec,
        error=survey.errors.get(name),
        tags=tags,
        publish=image.publish,
        mainline=image.mainline,
        build_args=dict(image.build_args),
        pre_image=tuple(map(describe_action, image.pre_image)),
        dependencies=graph.dependencies[name],
        dependents=graph.dependents[name],
        transitive_dependencies=tuple(sorted(below)) if transitive else None,
        transitive_dependents=graph.dependents_closure(name) if transitive else None,
        inputs=tuple(_describe_group(group, file) for group in survey.inputs.get(name, ())),
    )


def describe_action(action: Action) -> Mapping[str, Any]:
    """A pre-image action with the names that its fields have in an `mzbuild.yml`."""
    fields = {name: _plain(value) for name, value in action.fields().items()}
    return {"type": action.type, **fields}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _describe_group(group: InputGroup, file: Callable[[str], InputFile]) -> GroupDescription:
    return GroupDescription(
        group.kind, group.name, tuple(_describe_file(path, file) for path in group.paths)
    )


def _describe_file(path: str, file: Callable[[str], InputFile]) -> FileDescription:
    try:
        mode, content = file(path)
    except MzbuildError:
        return FileDescription(path, None, None, None)
    return FileDescription(path, f"{mode:o}", content.size, content.sha1.hex())


def description_lines(
    image: ImageDescription, heading: Callable[[str], str], *, files: bool
) -> Iterator[str]:
    """An image for people to read: a line for each thing, and each group of inputs.

    `heading` colours what a line is about; with `files`, each file has a line.
    """
    yield heading(printable(f"{image.name}  {image.address}"))
    facts = [
        ("description", [image.description] if image.description else []),
        ("fingerprint", [image.fingerprint or f"none: {image.error}"]),
        ("spec", [image.spec] if image.spec else []),
        ("tags", [f"{registry}: {tag}" for registry, tag in image.tags.items()]),
        ("publish", ["yes" if image.publish else "no"]),
        ("mainline", ["yes" if image.mainline else "no"]),
        ("build args", [f"{name}={value}" for name, value in image.build_args.items()]),
        ("pre-image", [_action_line(action) for action in image.pre_image]),
        ("builds on", _names(image.dependencies)),
        ("… in turn", _names(image.transitive_dependencies)),
        ("built on by", _names(image.dependents)),
        ("… in turn", _names(image.transitive_dependents)),
    ]
    for title, values in facts:
        for number, value in enumerate(values):
            yield f"  {'' if number else title:<11}  {printable(value)}"
    paths = {file.path: file.size or 0 for group in image.inputs for file in group.files}
    yield f"  {'inputs':<11}  {show_count(len(paths))}, {show_size(sum(paths.values()))}"
    for group in image.inputs:
        about = printable(f"{group.kind} {group.name}".rstrip())
        yield f"    {heading(about)}: {show_count(len(group.files))}, {show_size(group.size)}"
        for file in group.files if files else ():
            size = "?" if file.size is None else file.size
            known = f"{file.mode or '?':>6}  {size:>9}  {file.sha1 or '?':<40}"
            yield f"      {known}  {printable(file.path)}"


def _names(names: tuple[str, ...] | None) -> list[str]:
    return textwrap.wrap(", ".join(names or ()), 80, break_on_hyphens=False)


def _action_line(action: Mapping[str, Any]) -> str:
    details = [
        f"{field}: {_show_value(value)}"
        for field, value in action.items()
        if field != "type" and value not in ([], {})
    ]
    return f"{action['type']}  {'; '.join(details)}"


def _show_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(
            f"{key}={values}" if isinstance(values, str) else _show_paths(key, values)
            for key, values in value.items()
        )
    return str(value)


def _show_paths(package: str, paths: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {source} to {path}" for source, path in paths.items())
