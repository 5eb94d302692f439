"""What the plugin uses of Pants, read from its source: no version of Pants is needed for that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Union

_ROOT = Path(__file__).parent.parent / "pants-plugins"
PANTS_API = "mzbuild.pants_api"

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
Release = tuple[int, ...]


def release_of(version: str) -> Release:
    """The numbers of a version, as `PANTS_SEMVER.release` has them."""
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


class UseKind(Enum):
    IMPORT = "imports"
    MEMBER = "uses"
    CALL = "calls"
    BASE = "has as a base class"
    OVERRIDE = "defines"


@dataclass(frozen=True)
class Call:
    """The arguments of a call. With `is_open`, some of them are only known when it is made."""

    positional: int
    keywords: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class Use:
    """One place in the plugin where a name of Pants is used."""

    name: str
    kind: UseKind
    where: str
    call: Call | None = None
    # Of an override: the class that has it, and the function, if it is one.
    owner: str = ""
    function: Function | None = None


@cache
def sources() -> Mapping[str, str]:
    """The modules of the plugin by their names, but for the core, which knows no Pants."""
    paths = {path.relative_to(_ROOT): path for path in sorted(_ROOT.glob("mzbuild/**/*.py"))}
    return {
        ".".join(path.with_suffix("").parts): absolute.read_text()
        for path, absolute in paths.items()
        if path.parts[1] != "core"
    }


class _AtRelease(ast.NodeTransformer):
    """Keeps of a module what one version of Pants runs."""

    def __init__(self, release: Release) -> None:
        self._known = {"TYPE_CHECKING": False, "PANTS_SEMVER": SimpleNamespace(release=release)}

    def _value(self, test: ast.expr) -> Any:
        names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
        if not names or not names <= self._known.keys():
            return None
        return eval(compile(ast.Expression(test), PANTS_API, "eval"), {}, self._known)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        value = self._value(node.value)
        if isinstance(node.targets[0], ast.Name) and value is not None:
            self._known[node.targets[0].id] = value
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        value = self._value(node.test)
        if value is None:
            return self.generic_visit(node)
        taken = ast.Module(node.body if value else node.orelse, [])
        self.generic_visit(taken)
        return taken.body

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        value = self._value(node.test)
        if value is None:
            return self.generic_visit(node)
        return self.visit(node.body if value else node.orelse)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            ends = [i for i, each in enumerate(body) if isinstance(each, (ast.Return, ast.Raise))]
            del body[ends[0] + 1 if ends else len(body) :]
        return node


def tree_of(source: str, release: Release) -> ast.Module:
    """A module as a version of Pants runs it."""
    tree: ast.Module = _AtRelease(release).visit(ast.parse(source))
    return tree


@cache
def module_tree(module: str, release: Release) -> ast.Module:
    """A module of the plugin as a version of Pants runs it."""
    if "PANTS_SEMVER" not in sources()[module] and release:
        return module_tree(module, ())
    return tree_of(sources()[module], release)


@cache
def imports(tree: ast.Module) -> dict[str, str]:
    """Where the names come from that a module imports."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _name(node: ast.expr) -> str:
    """A name, also with type arguments or with an attribute; else an empty string."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _bases(module: str, tree: ast.Module, name: str, release: Release) -> Iterator[str]:
    """The classes of Pants that are nearest above a class of ours."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for base in map(_name, node.bases):
                found = imports(tree).get(base, f"{module}.{base}")
                owner, _, wanted = found.rpartition(".")
                if found.startswith("pants."):
                    yield found
                elif owner == module:
                    yield from _bases(module, tree, wanted, release)
                elif owner in sources():
                    yield from _bases(owner, module_tree(owner, release), wanted, release)


class _Uses(ast.NodeVisitor):
    """Collects what a module uses of Pants."""

    def __init__(self, module: str, tree: ast.Module, release: Release) -> None:
        self.found: list[Use] = []
        self._module = module
        self._tree = tree
        self._release = release
        # What names stand for here, in inner scopes too; of an argument, this is its class.
        self._scopes: list[dict[str, str | None]] = [dict(self._resolved(imports(tree)))]
        self.visit(tree)

    def _resolved(self, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Those of Pants, also where they are handed on by the module that knows versions."""
        api = imports(module_tree(PANTS_API, self._release))
        for name, origin in names.items():
            module, _, imported = origin.rpartition(".")
            found = api.get(imported, "") if module == PANTS_API else origin
            if found.startswith("pants."):
                yield name, found

    def _origin(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Attribute):
            owner = self._origin(node.value) if isinstance(node.value, ast.Name) else None
            return f"{owner}.{node.attr}" if owner else None
        name = _name(node)
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), None)

    def _add(self, name: str, kind: UseKind, node: ast.AST, **more: Any) -> None:
        where = f"{self._module}:{getattr(node, 'lineno', 0)}"
        self.found.append(Use(name, kind, where, **more))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if (node.module or "").startswith("pants."):
                self._add(f"{node.module}.{alias.name}", UseKind.IMPORT, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        origin = self._origin(node)
        if origin:
            self._add(origin, UseKind.MEMBER, node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        origin = self._origin(node.func)
        if origin:
            keywords = tuple(each.arg for each in node.keywords if each.arg)
            positional = [each for each in node.args if not isinstance(each, ast.Starred)]
            given = len(positional) + len(keywords)
            is_open = given < len(node.args) + len(node.keywords)
            call = Call(len(positional), keywords, is_open)
            self._add(origin, UseKind.CALL, node, call=call)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for base in _bases(self._module, self._tree, node.name, self._release):
            self._add(base, UseKind.BASE, node)
            for member in node.body:
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    names, function = [member.name], member
                else:
                    names, function = _assigned(member), None
                for name in names:
                    self._add(
                        f"{base}.{name}",
                        UseKind.OVERRIDE,
                        member,
                        owner=f"{self._module}.{node.name}",
                        function=function,
                    )
        self.generic_visit(node)

    def visit_FunctionDef(self, node: Function) -> None:
        scope = dict.fromkeys((n for each in node.body for n in _stored(each)), None)
        for argument in _arguments(node):
            scope[argument.arg] = self._origin(argument.annotation) if argument.annotation else None
        self._scopes.append(scope)
        self.generic_visit(node)
        self._scopes.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # The name is Python's.


def _arguments(node: Function) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _stored(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def _assigned(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [name for target in node.targets for name in _stored(target)]
    return list(_stored(node.target)) if isinstance(node, ast.AnnAssign) else []


def uses_of(module: str, tree: ast.Module, release: Release) -> list[Use]:
    """Where a module uses names of Pants."""
    return _Uses(module, tree, release).found


@cache
def uses(release: Release) -> tuple[Use, ...]:
    """Where the plugin uses names of Pants when it runs on a version of it."""
    trees = {module: module_tree(module, release) for module in sources()}
    return tuple(use for module in trees for use in uses_of(module, trees[module], release))
