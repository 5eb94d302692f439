"""What the plugin uses of Pants is there in each version of a table, without any engine.

The table is made by `python3 -m tests.pants_names`. What holds in the version that is installed is
read from its own source besides.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pants
import pytest

from tests.pants_names import Facts, Tree, parameters, read_table
from tests.plugin_source import (
    PANTS_API,
    Call,
    Release,
    Use,
    UseKind,
    imports,
    module_tree,
    release_of,
    sources,
    tree_of,
    uses,
    uses_of,
)

TABLE = read_table()
IN_EACH_VERSION = pytest.mark.parametrize("version", TABLE)
BY_NAME = (2, 30)


def pants_api(release: Release) -> ast.Module:
    """The module that knows versions of Pants, as one of them runs it."""
    return module_tree(PANTS_API, release)


def signature(fact: str) -> inspect.Signature | None:
    """The parameters that a fact tells of, if it does."""
    found = re.search(r"\(.*\)( -> \w+)?$", fact)
    names: dict[str, object] = {}
    if found:
        exec(f"from __future__ import annotations\ndef f{found[0]}: ...", names)
    function = names.get("f")
    return inspect.signature(function) if inspect.isfunction(function) else None


def fits(known: inspect.Signature, call: Call) -> bool:
    """Whether what has some parameters can be called like that."""
    bind = known.bind_partial if call.is_open else known.bind
    try:
        bind(*range(call.positional), **dict.fromkeys(call.keywords))
    except TypeError:
        return False
    return True


def calls_of(known: inspect.Signature) -> Iterator[Call]:
    """How Pants may call a method that it has with some parameters."""
    named = [p for p in known.parameters.values() if p.kind is not p.VAR_KEYWORD]
    by_place = [p for p in named if p.kind is p.POSITIONAL_OR_KEYWORD]
    only_by_name = tuple(p.name for p in named if p.kind is p.KEYWORD_ONLY)
    yield Call(len(by_place), only_by_name, is_open=False)
    yield Call(0, (*(p.name for p in by_place), *only_by_name), is_open=False)


def faults(used: Iterable[Use], facts: Facts) -> list[str]:
    """What cannot be, given what Pants' names are in a version."""
    used = tuple(used)
    # A member that is not known is one that only a class below the named one has, or one of ours.
    # A class of ours may have it from any of its bases.
    overridden = {
        (use.owner, use.name.rpartition(".")[2])
        for use in used
        if use.kind is UseKind.OVERRIDE and facts.get(use.name)
    }
    found = []
    for use in used:
        fact = facts.get(use.name)
        own = (use.owner, use.name.rpartition(".")[2])
        if fact is None:
            is_wrong = use.kind is UseKind.IMPORT or (use.name in facts and own not in overridden)
        else:
            is_wrong = not _holds(use, fact)
        if is_wrong:
            found.append(f"{use.where} {use.kind.value} {use.name}, which is {fact or 'nothing'}")
    return found


def _holds(use: Use, fact: str) -> bool:
    known = signature(fact)
    if use.call and known:
        # A call by name gives what Pants is to find with `**implicitly()`, and nothing by name.
        is_plain = not fact.startswith("rule ") or (use.call.is_open and not use.call.keywords)
        return is_plain and fits(known, use.call)
    if use.kind is UseKind.BASE:
        # Only those of native classes that are for it can be subclassed.
        return fact.startswith(("class", "native field class"))
    if use.function and known:
        own = signature(f"({parameters(use.function.args, leave_out=1)})")
        return own is not None and all(fits(own, call) for call in calls_of(known))
    return not use.name.endswith((".__init__", ".__new__"))


@IN_EACH_VERSION
def test_what_the_plugin_uses_is_there(version: str) -> None:
    assert faults(uses(release_of(version)), TABLE[version]) == []


def test_what_the_plugin_uses_is_as_the_installed_version_has_it() -> None:
    tree = Tree(Path(pants.__file__ or pants.__path__[0]).parent.parent)
    used = uses(release_of(tree.version))
    facts = {use.name: tree.fact(use.name) for use in used}
    known = TABLE.get(tree.version)
    if known is not None:
        assert {name: fact for name, fact in facts.items() if fact != known.get(name)} == {}
    assert faults(used, {name: fact for name, fact in facts.items() if fact}) == []


def test_the_table_is_about_names_in_use() -> None:
    used = {use.name for version in TABLE for use in uses(release_of(version))}
    assert set().union(*TABLE.values()) <= used, "run tests/pants_names.py again"


def bound(tree: ast.Module) -> set[str]:
    """The names that a module has at its top."""
    names = set(imports(tree))
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        names.update(
            each.id
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        )
    return names


@IN_EACH_VERSION
def test_pants_api_has_all_that_is_asked_of_it(version: str) -> None:
    release = release_of(version)
    asked = {
        origin.rpartition(".")[2]
        for module in sources()
        for origin in imports(module_tree(module, release)).values()
        if origin.rpartition(".")[0] == PANTS_API
    }
    assert asked - bound(pants_api(release)) == set()


def get_types(tree: ast.Module) -> dict[str, tuple[str, list[str]]]:
    """The type of the result and those of the arguments, by the names of what makes a `Get`."""
    return {
        ast.unparse(node.targets[0]): (output, given)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "_get"
        for output, *given in [list(map(ast.unparse, node.value.args))]
    }


def typed(fact: str | None, kind: str) -> tuple[str, list[str]] | None:
    """The types that a fact tells of, if it is of this kind."""
    known = signature(fact) if fact and fact.startswith(f"{kind} ") else None
    return (
        (known.return_annotation, [each.annotation for each in known.parameters.values()])
        if known
        else None
    )


def rule_types(tree: ast.Module, name: str, facts: Facts) -> tuple[str, list[str]] | None:
    """The same of what is called by name: a rule of Pants, or what hands its arguments to one, or
    to a function of the engine."""
    origins = imports(tree)
    if name in origins:
        return typed(facts.get(origins[name]), "rule")
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name and node.returns:
            (called,) = (each.value for each in ast.walk(node) if isinstance(each, ast.Await))
            assert isinstance(called, ast.Call)
            types = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
            names = [each.arg for each in node.args.args]
            pairs = ", ".join(map(": ".join, zip(names, types)))
            function = ast.unparse(called.func)
            if ast.unparse(called) == f"{function}(**implicitly({{{pairs}}}))":
                inner = rule_types(tree, function, facts)
                return (inner[0], types) if inner else None
            if ast.unparse(called) == f"{function}({', '.join(names)})":
                native = typed(facts.get(origins.get(function, "")), "native function")
                return native if native and native[1] == types else None
    return None


def differences(gets: ast.Module, by_name: ast.Module, facts: Facts) -> dict[str, object]:
    """Which rules mean something else, or nothing, where they are called by name."""
    found: dict[str, object] = {}
    for name, (output, given) in get_types(gets).items():
        types = rule_types(by_name, name, facts)
        if types is None or (types[0], types[1][: len(given)]) != (output, given):
            found[name] = types
    return found


# In earlier ones, these are no rules written in Python.
@pytest.mark.parametrize("version", [v for v in TABLE if release_of(v) >= (2, 27)])
def test_a_get_means_the_rule_that_is_called_by_name(version: str) -> None:
    by_name = pants_api(max(release_of(version), BY_NAME))
    gets = pants_api((2, 17, 1))
    assert len(get_types(gets)) > 20
    assert differences(gets, by_name, TABLE[version]) == {}


# From here on: that these checks find what is wrong.

FACTS: Facts = {
    "pants.a.Gone": None,
    "pants.a.Base": "class (x, y=...)",
    "pants.a.Base.gone": None,
    "pants.a.Base.there": "constant",
    "pants.a.Base.hook": "method (one, *, two)",
    "pants.a.Other": "class ()",
    "pants.a.Other.gone": "constant",
    "pants.a.Native": "native class (x)",
    "pants.a.Field": "native field class (raw_value, address)",
    "pants.a.Field.__init__": "method (raw_value, address)",
    "pants.a.some_rule": "rule (first: A, second: B) -> C",
    "pants.a.not_a_rule": "function (first)",
    "pants.a.native": "native function (first: A) -> C",
}


def found_in(snippet: str) -> list[str]:
    return faults(uses_of("snippet", tree_of(snippet, BY_NAME), BY_NAME), FACTS)


@pytest.mark.parametrize(
    ("snippet", "expected"),
    [
        ("from pants.a import Gone", "imports pants.a.Gone, which is nothing"),
        ("from pants.b import New", "imports pants.b.New, which is nothing"),
        ("from pants.a import Base\nBase.gone", "uses pants.a.Base.gone, which is nothing"),
        (
            "from pants.a import Base\ndef f(base: Base): return base.gone",
            "uses pants.a.Base.gone, which is nothing",
        ),
        (
            "from pants.a import Base\nBase(1, z=2)",
            "calls pants.a.Base, which is class (x, y=...)",
        ),
        ("from pants.a import Base\nBase(y=1)", "calls pants.a.Base, which is class (x, y=...)"),
        (
            "from pants.a import Base\nclass Own(Base):\n  gone = 1",
            "defines pants.a.Base.gone, which is nothing",
        ),
        (
            "from pants.a import Base\nclass Own(Base):\n  def hook(self, one): ...",
            "defines pants.a.Base.hook, which is method (one, *, two)",
        ),
        (
            "from pants.a import Base\nclass A(Base): ...\n"
            "class Own(A):\n  def hook(self, first, *, two): ...",
            "defines pants.a.Base.hook, which is method (one, *, two)",
        ),
        (
            "from pants.a import Native\nclass Own(Native): ...",
            "has as a base class pants.a.Native, which is native class (x)",
        ),
        (
            "from pants.a import Field\nclass Own(Field):\n"
            "  def __init__(self, value, address): ...",
            "defines pants.a.Field.__init__, which is method (raw_value, address)",
        ),
        (
            "from pants.a import some_rule\nsome_rule(1, second=2)",
            "calls pants.a.some_rule, which is rule (first: A, second: B) -> C",
        ),
        (
            "from pants.a import some_rule\nsome_rule(1, second=2, **implicitly())",
            "calls pants.a.some_rule, which is rule (first: A, second: B) -> C",
        ),
        (
            "from pants.a import some_rule\nsome_rule(1, 2, 3, **implicitly())",
            "calls pants.a.some_rule, which is rule (first: A, second: B) -> C",
        ),
    ],
)
def test_a_wrong_use_is_found(snippet: str, expected: str) -> None:
    (found,) = found_in(snippet)
    assert found.partition(" ")[2] == expected


@pytest.mark.parametrize(
    "snippet",
    [
        "from pants.a import Base, Other\nclass Own(Base, Other):\n  gone = there = own = 1",
        "from pants.a import Base\nclass Own(Base):\n  def hook(self, one, *, two, more=1): ...",
        "from pants.a import Base\ndef f(base: Base):\n  base = other()\n  Base(1, **more)",
        "from pants.a import Base\ndef f(Base): return Base.gone",
        "from pants.a import Field\nclass Own(Field):\n  alias = 1",
        "from pants.a import some_rule\nsome_rule(1, **implicitly({b: B}))",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from pants.a import Gone",
    ],
)
def test_a_right_use_is_no_fault(snippet: str) -> None:
    assert found_in(snippet) == []


@pytest.mark.parametrize(
    ("release", "expected"),
    [((2, 17, 1), "old()\nreturn old"), ((2, 29, 1), "old()\nb = 2"), ((2, 30, 0), "new()\nb = 2")],
)
def test_a_module_is_read_as_a_version_runs_it(release: tuple[int, ...], expected: str) -> None:
    source = """
IS_NEW = PANTS_SEMVER.release >= (2, 30)
if TYPE_CHECKING or not IS_NEW:
    old()
else:
    new()
if PANTS_SEMVER.release < (2, 20):
    return old
b = 1 if PANTS_SEMVER.release < (2, 20) else 2
"""
    tree = tree_of(source, release)
    assert "\n".join(map(ast.unparse, tree.body[1:])) == expected


def test_another_meaning_in_the_other_branch_is_found() -> None:
    gets = ast.parse(
        "some_rule = _get(C, A)\nswapped = _get(C, B)\nhelper = _get(C, A)\n"
        "wrong_helper = _get(C, A)\nnot_a_rule = _get(C)\nmissing = _get(C)\n"
        "native_helper = _get(C, A)\nwrong_native_helper = _get(C, B)\nnative = _get(C, A)"
    )
    by_name = ast.parse(
        "from pants.a import some_rule, not_a_rule, native\n"
        "from pants.a import some_rule as swapped\n"
        "async def helper(a: A, **_implicit: Any) -> C:\n"
        "  return await some_rule(**implicitly({a: A}))\n"
        "async def wrong_helper(a: A, **_implicit: Any) -> C:\n"
        "  return await some_rule(**implicitly({a: B}))\n"
        "async def native_helper(a: A, **_implicit: Any) -> C:\n  return await native(a)\n"
        "async def wrong_native_helper(b: B, **_implicit: Any) -> C:\n  return await native(b)"
    )
    assert differences(gets, by_name, FACTS) == {
        "swapped": ("C", ["A", "B"]),
        "wrong_helper": None,
        "not_a_rule": None,
        "missing": None,
        "wrong_native_helper": None,
        "native": None,
    }


def test_facts_are_read_from_a_source_tree(tmp_path: Path) -> None:
    files = {
        "VERSION": "2.31.0\n",
        "engine/internals/native_engine.pyi": "class Field:\n  def __init__(self, raw): ...\n"
        "async def native(a: A, b: pkg.B = ...) -> C: ...",
        "engine/a.py": """
from typing import TYPE_CHECKING
from pants.engine.b import Moved as Moved, native_field
if TYPE_CHECKING:
    from pants.engine.b import Hidden
Alias = Moved
def function(a, /, b=1, *args, c, **more): ...
@rule(desc="x")
async def a_rule(a: A, /, b: pkg.B) -> C: ...
""",
        "engine/b.py": """
from pants.engine.internals.native_engine import Field as native_field
class Hidden: ...
@dataclass
class Above:
    x: int
    y: int = field(init=False)
    z: ClassVar[int] = 1
@dataclass
class Moved(Above):
    w: int = 1
    @classmethod
    def make(cls, x): ...
    @property
    def prop(self): ...
    def method(self, x):
        self.late = x
class Open(Elsewhere): ...
""",
    }
    for name, text in files.items():
        path = tmp_path / "pants" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree = Tree(tmp_path)
    expected = {
        "a": "module",
        "a.Moved": "class (x, w=...)",
        "a.Alias": "class (x, w=...)",
        "a.Alias.make": "classmethod (x)",
        "a.Moved.prop": "property",
        "a.Moved.method": "method (x)",
        "a.Moved.late": "constant",
        "a.Moved.x": "constant",
        "a.Moved.none": None,
        "a.Hidden": None,
        "a.function": "function (a, /, b=..., *args, c, **more)",
        "a.a_rule": "rule (a: A, /, b: B) -> C",
        "a.native_field": "native field class (raw)",
        "internals.native_engine.native": "native function (a: A, b: B=...) -> C",
        "b.Open": "class",
        "c": None,
    }
    assert tree.version == "2.31.0"
    assert {name: tree.fact(f"pants.engine.{name}") for name in expected} == expected
