"""Compose files in which a service names an image of the repository: `mzbuild: environmentd`.

All but these fields is left as it is, byte by byte. The format of the rest is that of
https://github.com/compose-spec/compose-spec, to which `mzbuild` is an addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mzbuild.core.errors import MzbuildError, nearest
from mzbuild.core.text.yaml_reader import Span, YamlMap, read_yaml

_FIELD = "mzbuild"
_DOCKER_FIELD = "image"


@dataclass(frozen=True)
class NamedImage:
    """A field that names an image, and where its key and its value stand."""

    name: str
    key: Span
    value: Span


@dataclass(frozen=True)
class ComposeFile:
    """A file, and the fields that name images, in the order in which they stand in it."""

    text: str
    fields: tuple[NamedImage, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """The names of the images, sorted, each once."""
        return tuple(sorted({field.name for field in self.fields}))

    def with_specs(self, specs: Mapping[str, str]) -> str:
        """The file as Docker knows it: with `image: <spec>` in the place of each of the fields."""
        parts = []
        end = 0
        for field in self.fields:
            for span, text in ((field.key, _DOCKER_FIELD), (field.value, specs[field.name])):
                parts += [self.text[end : span.start], text]
                end = span.end
        return "".join([*parts, self.text[end:]])


def parse_compose(content: bytes, path: str, known: Iterable[str]) -> ComposeFile:
    """Finds the images that the services of a compose file name, or maps merged into them.

    `known` has the names of all images. Raises `MzbuildError`, naming file and line, for a file
    that is not YAML, an image that is not known, and a map that has both `mzbuild` and `image`.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise MzbuildError(f"{path}: the file is not UTF-8 text.") from None
    services = read_yaml(content, path).map("services")
    # Several services may have one map merged into them.
    fields: dict[int, NamedImage] = {}
    for service, level in _services(services) if services else ():
        spans = level.own(_FIELD)
        if spans:
            _refuse_what_cannot_be_replaced(level, text, spans)
            fields[spans[0].start] = NamedImage(_image(level, service, known), *spans)
    return ComposeFile(text, tuple(fields[start] for start in sorted(fields)))


def _services(services: YamlMap) -> Iterator[tuple[str, YamlMap]]:
    """The services' names, each with its map and those that are merged into it."""
    for name in services.names():
        levels = [services.map(name)]
        while levels:
            level = levels.pop()
            if level:
                yield name, level
                levels += level.merged


def _image(level: YamlMap, service: str, known: Iterable[str]) -> str:
    name = level.required(_FIELD)
    if name not in known:
        raise MzbuildError(
            f"{level.place(_FIELD)}: the service `{service}` names the image `{name}`, and there "
            f"is no image of that name.{nearest(name, known)}"
        )
    return name


def _refuse_what_cannot_be_replaced(level: YamlMap, text: str, spans: tuple[Span, Span]) -> None:
    if level.own(_DOCKER_FIELD):
        raise MzbuildError(
            f"{level.place(_DOCKER_FIELD)}: a service has either `{_FIELD}` or `{_DOCKER_FIELD}`, "
            "and this has both. Remove one of them."
        )
    # An anchor may have aliases elsewhere; a block ends beyond the line that it is on.
    if any(text[span.start] in "&!|>" for span in spans):
        raise MzbuildError(
            f"{level.place(_FIELD)}: write `{_FIELD}` with the name of an image alone, without an "
            "anchor, a tag or a block."
        )
