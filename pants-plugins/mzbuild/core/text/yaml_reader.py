"""Reading YAML so that every complaint can name the file, the line and the field.

PyYAML's nodes are kept instead of the plain values it would give: a node knows the line it came
from, and a scalar's text as it was written (`1.10` is not the number 1.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import yaml

from mzbuild.core.errors import MzbuildError, nearest
from mzbuild.core.text.limits import DEEPEST, check_file_size

_KINDS = {
    "tag:yaml.org,2002:str": "a string",
    "tag:yaml.org,2002:bool": "a boolean",
    "tag:yaml.org,2002:int": "an integer",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:timestamp": "a date",
}
_MERGE = "tag:yaml.org,2002:merge"

# Aliases and `<<` stand for whole lists and maps: with ten lines of them, a file is billions long.
_MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class Span:
    """A part of a document: where it starts and ends, counted in characters."""

    start: int
    end: int


class YamlMap:
    """A map of a YAML file, read field by field; it remembers which fields were asked for.

    `where` names the file, `within` the field that holds this map (`""` for the document itself).
    """

    def __init__(
        self,
        where: str,
        node: yaml.Node,
        within: str = "",
        outer: tuple[yaml.Node, ...] = (),
        budget: Iterator[int] | None = None,
    ):
        if not isinstance(node, yaml.MappingNode):
            raise MzbuildError(
                f"{_place(where, node)}: {within or 'the file'} must be a map of fields, "
                f"but is {_kind(node)}."
            )
        self._where = where
        self._within = within
        self._node = node
        # What may still be read, in the whole document.
        self._budget = iter(range(_MOST_ENTRIES)) if budget is None else budget
        self._spend(node, 1 + len(node.value))
        self._asked: list[str] = []
        self._fields: dict[str, yaml.Node] = {}
        self._lines: dict[str, int] = {}
        self._spans: dict[str, tuple[Span, Span]] = {}
        merged: list[YamlMap] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merged += self._merged(key, value, (*outer, node))
                continue
            name = self._text(key, "a key", strings_only=True)
            if name in self._lines:
                raise MzbuildError(
                    f"{_place(where, key)}: `{self._full(name)}` is given twice, first on line "
                    f"{self._lines[name]}. Remove one of them."
                )
            self._lines[name] = key.start_mark.line + 1
            self._fields[name] = value
            self._spans[name] = _span(key), _span(value)
        self.merged = tuple(merged)
        """The maps that `<<` merges into this one."""
        for other in merged:
            self._spend(node, len(other._fields))
            # What a map has itself goes before what `<<` merges into it.
            self._fields = {**other._fields, **self._fields}
            self._lines = {**other._lines, **self._lines}

    def place(self, name: str | None = None) -> str:
        """`file:line` of a field, or of the map itself."""
        if name in self._fields:
            return f"{self._where}:{self._lines[name]}"
        return _place(self._where, self._node)

    def own(self, name: str) -> tuple[Span, Span] | None:
        """Where a field's name and value stand, `None` where the map itself does not have it."""
        return self._spans.get(name)

    def string(self, name: str) -> str | None:
        """The text of a field, `None` where it is absent."""
        node = self._get(name)
        return None if node is None else self._text(node, name, strings_only=True)

    def required(self, name: str) -> str:
        """The text of a field that must be there and not be empty."""
        value = self.string(name)
        if not value:
            raise MzbuildError(
                f"{self.place(name)}: the required field `{self._full(name)}` is "
                f"{'missing' if value is None else 'empty'}. Add `{name}: …`."
            )
        return value

    def boolean(self, name: str, default: bool) -> bool:
        """The truth value of a field."""
        node = self._get(name)
        if node is None:
            return default
        value = None
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:bool":
            value = yaml.SafeLoader.bool_values.get(node.value.lower())
        if value is None:
            raise self._wrong(node, name, "true or false")
        return bool(value)

    def strings(self, name: str) -> tuple[str, ...]:
        """The texts of a field that is a string or a list of strings; `()` where it is absent."""
        node = self._get(name)
        if node is None:
            return ()
        if isinstance(node, yaml.SequenceNode):
            self._spend(node, len(node.value))
            return tuple(self._text(item, name, strings_only=True) for item in node.value)
        if isinstance(node, yaml.MappingNode):
            raise self._wrong(node, name, "a string or a list of strings")
        return (self._text(node, name, strings_only=True),)

    def scalars(self, name: str) -> tuple[tuple[str, str], ...]:
        """The pairs of a field that maps strings to scalars, each scalar as it was written."""
        nested = self.map(name)
        if nested is None:
            return ()
        return tuple(
            (key, nested._text(node, key, strings_only=False))
            for key, node in nested._fields.items()
        )

    def map(self, name: str) -> YamlMap | None:
        """The map that a field holds, `None` where the field is absent."""
        node = self._get(name)
        if node is None:
            return None
        return YamlMap(self._where, node, within=self._full(name), budget=self._budget)

    def maps(self, name: str) -> Iterator[YamlMap]:
        """The maps of a field that is a list of maps."""
        node = self._get(name)
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, name, "a list")
        self._spend(node, len(node.value))
        for index, item in enumerate(node.value):
            within = f"{self._full(name)}[{index}]"
            yield YamlMap(self._where, item, within, budget=self._budget)

    def names(self) -> tuple[str, ...]:
        """The names of the fields that are there."""
        return tuple(self._fields)

    def unknown(self) -> list[str]:
        """A warning for each field that nobody asked for, with the nearest one that is known."""
        return [
            f"{self.place(name)}: unknown field `{self._full(name)}` is ignored."
            f"{nearest(name, self._asked)}"
            for name in self._fields
            if name not in self._asked
        ]

    def _get(self, name: str) -> yaml.Node | None:
        self._asked.append(name)
        return self._fields.get(name)

    def _merged(
        self,
        key: yaml.Node,
        value: yaml.Node,
        outer: tuple[yaml.Node, ...],
    ) -> Iterator[YamlMap]:
        """The maps that a `<<` names, one or a list of them."""
        if len(outer) > DEEPEST:
            raise MzbuildError(
                f"{_place(self._where, key)}: maps are merged into one another more than "
                f"{DEEPEST} levels deep. Merge them directly."
            )
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if source in outer:
                raise MzbuildError(f"{_place(self._where, key)}: a map is merged into itself.")
            yield YamlMap(self._where, source, self._full("<<"), outer, self._budget)

    def _spend(self, node: yaml.Node, entries: int) -> None:
        """Counts what is read; raises `MzbuildError` where that becomes too much."""
        if len(list(islice(self._budget, entries + 1))) <= entries:
            raise MzbuildError(
                f"{_place(self._where, node)}: with what aliases and `<<` repeat, the lists and "
                f"maps of this file have more than {_MOST_ENTRIES:,} entries. Repeat less."
            )

    def _full(self, name: str) -> str:
        return f"{self._within}.{name}" if self._within else name

    def _text(self, node: yaml.Node, name: str, *, strings_only: bool) -> str:
        wanted = "a string" if strings_only else "a string, a number or a boolean"
        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
            raise self._wrong(node, name, wanted)
        if strings_only and node.tag != "tag:yaml.org,2002:str":
            raise self._wrong(node, name, wanted, hint=f" Quote it: '{node.value}'.")
        return str(node.value)

    def _wrong(self, node: yaml.Node, name: str, wanted: str, hint: str = "") -> MzbuildError:
        return MzbuildError(
            f"{_place(self._where, node)}: `{self._full(name)}` must be {wanted}, "
            f"but is {_kind(node)}.{hint}"
        )


class _Loader(yaml.SafeLoader):
    """Has an alias of a scalar stand where it is written, and not where its anchor is.

    Refuses what is nested deeply, which would exhaust Python's stack.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if self._depth > DEEPEST:
            problem = f"lists and maps stand in one another more than {DEEPEST} levels deep"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent) and isinstance(node, yaml.ScalarNode):
            return yaml.ScalarNode(node.tag, node.value, event.start_mark, event.end_mark)
        return node


def read_yaml(content: bytes, where: str) -> YamlMap:
    """The map that a YAML document holds.

    `where` is the file's name for messages. Raises `MzbuildError` for a document that is not
    YAML, is empty, or is anything but one map, and for one that is too large or too deep.
    """
    try:
        loader = _Loader(check_file_size(content, where))
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise MzbuildError(f"{where}{line}: this is not valid YAML: {reason}.") from None
    # The parser lets an error of `chr` escape.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise MzbuildError(f"{where}: this is not valid YAML: {reason}.") from None
    if node is None:
        raise MzbuildError(f"{where}: the file is empty.")
    return YamlMap(where, node)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.CollectionNode):
        return "a map" if isinstance(node, yaml.MappingNode) else "a list"
    return _KINDS.get(node.tag, f"of type {node.tag}")


def _span(node: yaml.Node) -> Span:
    return Span(node.start_mark.index, node.end_mark.index)


def _place(where: str, node: yaml.Node) -> str:
    return f"{where}:{node.start_mark.line + 1}"
