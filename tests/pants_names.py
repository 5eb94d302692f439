"""Writes down what the names are in versions of Pants that the plugin uses: facts, no code.

    python3 -m tests.pants_names SOURCE_TREE...
    python3 -m tests.pants_names --git REPOSITORY TAG...

A source tree has the folder `src/python/pants` or `pants`; a tag is one of Pants' own repository,
such as `release_2.31.0`. The table `tests/rules/pants_names.json` is written anew: name all its
versions. It has a line for each name: what it is in the first version, and in each version where
that changes. `null` means that there is no such name. What no version has is left out, unless it
is imported. The facts are

    module; constant; property
    class (PARAMETERS OF THE CONSTRUCTOR); or without them, where the source does not say
    function, method, classmethod or staticmethod (PARAMETERS)
    rule (PARAMETERS: TYPES) -> TYPE; the same of a function that is not written in Python

with `native` before what is not written in Python, and `field` before a class of such targets'
fields. A default is shown as `...`.
"""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from tests.plugin_source import Function, UseKind, release_of, uses

TABLE = Path(__file__).parent / "rules" / "pants_names.json"

_RULES = ("rule", "_uncacheable_rule", "goal_rule")
_PLAIN_BASES = ("ABC", "Generic", "Protocol", "object")

Facts = Mapping[str, Optional[str]]


@dataclass(frozen=True)
class _Found:
    """A definition, and the module that has it. Of a module, there is no `node`."""

    module: str
    node: ast.stmt | None


class Tree:
    """The source of one version of Pants, in a folder that has the package `pants`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        paths = (root / "pants" / "VERSION", root / "pants" / "_version" / "VERSION")
        self.version = next(path.read_text().strip() for path in paths if path.exists())
        self._module = cache(self._read)

    def _read(self, name: str) -> ast.Module | None:
        if name.partition(".")[0] != "pants":
            return None
        path = self._root.joinpath(*name.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py", path.with_suffix(".pyi")):
            if file.exists():
                return ast.parse(file.read_text())
        return ast.parse("") if path.is_dir() else None

    def fact(self, name: str) -> str | None:
        """What a name is, which may be that of a member of a class."""
        found = self._find(name)
        if found is None:
            owner, _, member = name.rpartition(".")
            return self._member(self._find(owner), member)
        node = found.node
        if node is None:
            return "module"
        native = "native " if self._is_native(found) else ""
        if isinstance(node, ast.ClassDef):
            line = [each.node.name for each in self._line(found)[0]]  # type: ignore[union-attr]  # Classes.
            field = "field " if native and "Field" in line else ""
            return f"{native}{field}class{self._constructor(found)}"
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            kind = "function" if native else "rule"
            if native or any(_called(each) in _RULES for each in node.decorator_list):
                assert node.returns
                typed = parameters(node.args, typed=True)
                return f"{native}{kind} ({typed}) -> {_type(node.returns)}"
            return f"function ({parameters(node.args)})"
        return "constant"

    def _is_native(self, found: _Found) -> bool:
        return found.module.endswith(".native_engine")

    def _find(self, name: str) -> _Found | None:
        """The definition that a name leads to, through modules that import it from another."""
        if self._module(name):
            return _Found(name, None)
        module, _, wanted = name.rpartition(".")
        tree = self._module(module) if module else None
        found = None
        for node in _statements(tree.body) if tree else ():
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if wanted == (alias.asname or alias.name):
                        found = self._find(f"{node.module}.{alias.name}") or found
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found = _Found(module, node) if node.name == wanted else found
            elif wanted in _targets(node):
                value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
                alias_of = value.id if isinstance(value, ast.Name) else ""
                other = self._find(f"{module}.{alias_of}") if alias_of else None
                found = other or _Found(module, node)
        return found

    def _line(self, found: _Found) -> tuple[list[_Found], bool]:
        """A class and those above it, nearest first; and whether Pants has all of them."""
        assert isinstance(found.node, ast.ClassDef)
        line, is_whole = [found], True
        for base in found.node.bases:
            name = base.value if isinstance(base, ast.Subscript) else base
            text = ast.unparse(name)
            above = self._find(f"{found.module}.{text}")
            if above and isinstance(above.node, ast.ClassDef):
                further, whole = self._line(above)
                line += [each for each in further if each not in line]
                is_whole &= whole
            else:
                is_whole &= text.rpartition(".")[2] in _PLAIN_BASES
        return line, is_whole

    def _member(self, owner: _Found | None, name: str) -> str | None:
        if owner is None or not isinstance(owner.node, ast.ClassDef):
            return None
        for each in self._line(owner)[0]:
            assert isinstance(each.node, ast.ClassDef)
            for node in _statements(each.node.body):
                if name in _targets(node):
                    return "constant"
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return "class"
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if node.name == name:
                        return _method(node)
                    if any(ast.unparse(n) == f"self.{name}" for n in _attributes_set(node)):
                        return "constant"
        return None

    def _constructor(self, found: _Found) -> str:
        line, is_whole = self._line(found)
        for number, each in enumerate(line):
            assert isinstance(each.node, ast.ClassDef)
            made = [
                node
                for node in each.node.body
                if isinstance(node, ast.FunctionDef) and node.name in ("__init__", "__new__")
            ]
            if made:
                is_known = not any(_called(d) == "overload" for d in made[-1].decorator_list)
                return f" ({parameters(made[-1].args, leave_out=1)})" if is_known else ""
            if _is_dataclass(each.node):
                fields: dict[str, str] = {}
                for above in reversed(line[number:]):
                    if isinstance(above.node, ast.ClassDef) and _is_dataclass(above.node):
                        fields.update(_fields(above.node))
                return f" ({', '.join(fields.values())})"
        return " ()" if is_whole else ""


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """What a body does when it is run, with what stands in its conditions."""
    for node in body:
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from _statements(node.body)
            yield from _statements(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _statements([*node.body, *(n for h in node.handlers for n in h.body)])
        else:
            yield node


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [each.id for t in node.targets for each in ast.walk(t) if isinstance(each, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _attributes_set(function: Function) -> Iterator[ast.Attribute]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


def _called(decorator: ast.expr) -> str:
    """The last part of a decorator's name, which may have arguments."""
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(name).rpartition(".")[2]


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(_called(each) == "dataclass" for each in node.decorator_list)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            value = ast.unparse(each.value) if each.value else ""
            if "ClassVar" in ast.unparse(each.annotation) or "init=False" in value:
                continue
            has_default = value and ("field(" not in value or "default" in value)
            yield each.target.id, f"{each.target.id}=..." if has_default else each.target.id


def _method(node: Function) -> str:
    kinds = [_called(each) for each in node.decorator_list]
    if any(kind.endswith("property") for kind in kinds):
        return "property"
    if "overload" in kinds:
        return "constant"  # Which of its signatures holds, no line can say.
    kind = next((each for each in kinds if each in ("classmethod", "staticmethod")), "method")
    return f"{kind} ({parameters(node.args, leave_out=kind != 'staticmethod')})"


def _type(annotation: ast.expr) -> str:
    return ast.unparse(annotation).strip("'").rpartition(".")[2]


def parameters(arguments: ast.arguments, *, typed: bool = False, leave_out: int = 0) -> str:
    """The parameters of a function as they are written, but without what their defaults are."""

    def shown(argument: ast.arg) -> ast.arg:
        type_name = _type(argument.annotation) if typed and argument.annotation else None
        return ast.arg(argument.arg, ast.Name(type_name) if type_name else None)

    positional = [*map(shown, arguments.posonlyargs), *map(shown, arguments.args)][leave_out:]
    given = len(arguments.posonlyargs) - leave_out if arguments.posonlyargs else 0
    some = ast.Constant(...)
    return ast.unparse(
        ast.arguments(
            posonlyargs=positional[:given],
            args=positional[given:],
            vararg=shown(arguments.vararg) if arguments.vararg else None,
            kwonlyargs=[*map(shown, arguments.kwonlyargs)],
            kw_defaults=[some if default else None for default in arguments.kw_defaults],
            kwarg=shown(arguments.kwarg) if arguments.kwarg else None,
            defaults=[some for _ in arguments.defaults],
        )
    )


def _table(trees: Sequence[Tree]) -> str:
    versions = [tree.version for tree in trees]
    used = {use for version in versions for use in uses(release_of(version))}
    imported = {use.name for use in used if use.kind is UseKind.IMPORT}
    lines = []
    for name in sorted({use.name for use in used}):
        changes: dict[str, str | None] = {}
        for tree in trees:
            fact = tree.fact(name)
            if not changes or fact != [*changes.values()][-1]:
                changes[tree.version] = fact
        # What no version knows, a class of ours has by itself, or one below that which is named.
        if name in imported or any(changes.values()):
            lines.append(f"{json.dumps(name)}: {json.dumps(changes)}")
    names = ",\n".join(lines)
    return f'{{"versions": {json.dumps(versions)},\n"names": {{\n{names}\n}}}}\n'


def read_table() -> Mapping[str, Facts]:
    """The facts of all names in each version of the table."""
    table = json.loads(TABLE.read_text())
    found: dict[str, dict[str, str | None]] = {version: {} for version in table["versions"]}
    for name, changes in table["names"].items():
        fact = None
        for version in table["versions"]:
            fact = changes.get(version, fact)
            found[version][name] = fact
    return found


def _checked_out(repository: str, tag: str, directory: str) -> Tree:
    command = ["git", "-C", repository, "archive", tag, "src/python/pants"]
    archive = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory)
    return Tree(Path(directory) / "src" / "python")


def main(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0] == "--help":
        sys.exit(__doc__)
    with ExitStack() as stack:
        if arguments[0] == "--git":
            repository, *tags = arguments[1:]
            trees = [
                _checked_out(repository, tag, stack.enter_context(TemporaryDirectory()))
                for tag in tags
            ]
        else:
            roots = (Path(each) for each in arguments)
            sources = ((root / "src" / "python", root) for root in roots)
            trees = [Tree(next(p for p in each if (p / "pants").is_dir())) for each in sources]
        trees.sort(key=lambda tree: release_of(tree.version))
        TABLE.write_text(_table(trees))


if __name__ == "__main__":
    main(sys.argv[1:])
