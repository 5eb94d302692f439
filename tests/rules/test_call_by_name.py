"""The plugin's rules stay clear of what Pants' reading of their source does not see.

Pants finds out from the source of a rule which rules it calls. What escapes it, escapes it without
a word, or on some versions only. Each check here has snippets that it would refuse.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.plugin_source import PANTS_API, Function, imports, module_tree, sources

DECORATORS = ("rule", "uncacheable_rule", "goal_rule")
# Its rules stand for those of the members of a union.
POLYMORPHIC = "polymorphic_rule"
# Pants as it was before calls by name, and as it is since.
OLD, NEW = (2, 17, 1), (2, 30)

TREES = {module: ast.parse(source) for module, source in sources().items() if module != PANTS_API}


def functions(tree: ast.Module) -> list[Function]:
    """Those at the top of a module."""
    return [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def is_rule(function: Function) -> bool:
    names = (each.func if isinstance(each, ast.Call) else each for each in function.decorator_list)
    return any(isinstance(name, ast.Name) and name.id in DECORATORS for name in names)


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def is_implicitly(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "implicitly"


def hands_over(call: ast.Call) -> bool:
    """Whether a call has `**implicitly()` among its arguments, as those of rules have."""
    return any(each.arg is None and is_implicitly(each.value) for each in call.keywords)


def calls_of_what_stands_below(tree: ast.Module) -> Iterator[str]:
    """Since 2.30, only the coroutines below a rule are known to it, all of them as rules. What they
    return must be a class that is there already."""
    below = {function.name: function for function in functions(tree)}
    classes = {node.name: node.lineno for node in tree.body if isinstance(node, ast.ClassDef)}
    for function in functions(tree):
        del below[function.name]
        if not is_rule(function) and not isinstance(function, ast.AsyncFunctionDef):
            continue
        for call in calls(function):
            called = below.get(ast.unparse(call.func))
            if called is None:
                continue
            is_async = isinstance(called, ast.AsyncFunctionDef)
            returned = ast.unparse(called.returns) if called.returns else ""
            if is_rule(called) and not is_async:
                yield f"{called.name} is no coroutine, and stands below {function.name}"
            elif is_async and not is_rule(called):
                yield f"{called.name} is no rule, and stands below {function.name}"
            elif is_async and not returned.isidentifier():
                yield f"{called.name} returns {returned}, and stands below {function.name}"
            elif classes.get(returned, 0) > function.lineno:
                yield f"{returned}, of which {function.name} asks for one, stands below it"


def hidden_arguments(tree: ast.Module) -> Iterator[str]:
    """`**implicitly()` is read where it stands; it has no arguments but a member of a union."""
    literal = [
        each.value
        for call in calls(tree)
        for each in call.keywords
        if each.arg is None and is_implicitly(each.value)
    ]
    named = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "implicitly"]
    if len(named) > len(literal):
        yield f"implicitly is used {len(named)} times, and {len(literal)} times as **implicitly()"
    for each in literal:
        if ast.unparse(each) != "implicitly()" and union_given(each) is None:
            yield f"{ast.unparse(each)} has arguments"


def union_given(implicit: ast.expr) -> str | None:
    """The union in `implicitly({member: TheUnion})`."""
    assert isinstance(implicit, ast.Call)
    for given in implicit.args:
        if isinstance(given, ast.Dict) and len(implicit.args) == len(given.keys) == 1:
            (key,), (value,) = given.keys, given.values
            if isinstance(key, ast.Name) and isinstance(value, ast.Name):
                return value.id
    return None


def unions_of(trees: Mapping[str, ast.Module]) -> dict[str, str]:
    """The unions that polymorphic rules of some modules take, by the full names of the rules."""
    return {
        f"{module}.{function.name}": ast.unparse(function.args.args[0].annotation or function)
        for module, tree in trees.items()
        for function in functions(tree)
        if any(ast.unparse(each) == POLYMORPHIC for each in function.decorator_list)
    }


def odd_calls_of_unions(module: str, tree: ast.Module, unions: Mapping[str, str]) -> Iterator[str]:
    """A polymorphic rule is called with a member of its union; no other rule is."""
    own = {function.name: f"{module}.{function.name}" for function in functions(tree)}
    origins = {**imports(tree), **own}
    for call in calls(tree):
        wanted = unions.get(origins.get(ast.unparse(call.func), ""))
        implicit = [each.value for each in call.keywords if is_implicitly(each.value)]
        found = [union for union in map(union_given, implicit) if union]
        if found != ([wanted] if wanted else []) or (wanted and call.args):
            yield f"{ast.unparse(call.func)} is given {found}, not {wanted}"


def calls_out_of_sight(tree: ast.Module) -> Iterator[str]:
    """Since 2.32, what a function calls is only looked at in coroutines."""

    def visit(node: ast.AST, is_seen: bool) -> Iterator[str]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            is_seen = isinstance(node, ast.AsyncFunctionDef)
        if isinstance(node, ast.Call) and hands_over(node) and not is_seen:
            yield f"{ast.unparse(node.func)} is called outside of a coroutine"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, is_seen)

    return visit(tree, False)


def given(function: Function) -> list[str]:
    """The types of what a rule's caller gives."""
    return [ast.unparse(each.annotation) for each in function.args.posonlyargs if each.annotation]


def rules_of(trees: Mapping[str, ast.Module]) -> dict[str, Function]:
    """The rules of some modules, by their full names."""
    return {
        f"{module}.{function.name}": function
        for module, tree in trees.items()
        for function in functions(tree)
        if is_rule(function)
    }


def arities(trees: Mapping[str, ast.Module]) -> dict[str, int]:
    """How many arguments the caller of each rule gives: of ours, and of Pants' in our module."""
    known = {name: len(given(function)) for name, function in rules_of(trees).items()}
    for node in module_tree(PANTS_API, OLD).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("_get("):
            assert isinstance(node.value, ast.Call)
            name = f"{PANTS_API}.{ast.unparse(node.targets[0])}"
            known[name] = len(node.value.args) - 1
    return known


def odd_calls(module: str, tree: ast.Module, known: Mapping[str, int]) -> Iterator[str]:
    """A rule is called with what stands before `/`, by place, and `**implicitly()`."""
    own = {function.name: f"{module}.{function.name}" for function in functions(tree)}
    origins = {**imports(tree), **own}
    for call in calls(tree):
        name = ast.unparse(call.func)
        arity = known.get(origins.get(name, ""))
        if arity is None:
            if hands_over(call) and origins.get(name) in own.values():
                yield f"{name} is no rule"
        elif len(call.keywords) != 1 or not hands_over(call):
            yield f"{name} is called with other keywords than **implicitly()"
        elif len(call.args) != arity or any(isinstance(a, ast.Starred) for a in call.args):
            yield f"{name} is called with {len(call.args)} arguments, not {arity}"


@dataclass(frozen=True)
class Needs:
    """What a function asks for by its parameters, and which functions it calls, by full names."""

    given: tuple[str, ...]
    found: tuple[str, ...]
    calls: tuple[str, ...]


def needs_of(trees: Mapping[str, ast.Module]) -> dict[str, Needs]:
    """The needs of all functions of some modules, rules or not, by their full names."""
    needs = {}
    for module, tree in trees.items():
        own = {function.name: f"{module}.{function.name}" for function in functions(tree)}
        origins = {**imports(tree), **own}
        for function in functions(tree):
            found = [ast.unparse(each.annotation) for each in function.args.args if each.annotation]
            called = (origins.get(ast.unparse(call.func), "") for call in calls(function))
            needs[own[function.name]] = Needs(
                tuple(given(function)), tuple(found if is_rule(function) else ()), tuple(called)
            )
    return needs


def leaks(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """What a rule is given by its caller is not in scope below it: neither what it needs besides,
    nor what it calls, may need that in turn."""
    rules, needs = rules_of(trees), needs_of(trees)
    makers: dict[str, list[str]] = {}
    for name, function in rules.items():
        output = ast.unparse(function.returns) if function.returns else ""
        makers.setdefault(output, []).append(name)
    for name in rules:
        # Functions, each with those of its parameters that have to be in scope.
        todo = [(name, needs[name].found)]
        for function_name, parameters in todo:
            below = [
                (each, needs[each].found) for each in needs[function_name].calls if each in needs
            ]
            for needed in parameters:
                if needed in needs[name].given:
                    yield f"{name} is given what {function_name} needs, too: {needed}"
                for maker in makers.get(needed, ()):
                    below.append((maker, needs[maker].given + needs[maker].found))
            todo += [each for each in dict.fromkeys(below) if each not in todo]


def marks_as_rule(tree: ast.Module) -> Iterator[str]:
    """From 2.19 on, Pants takes what has these attributes for a rule that is called by name."""
    marks = ("rule", "rule_id")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if node.attr in marks:
                yield f"{ast.unparse(node)} is set"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            if any(isinstance(each, ast.Constant) and each.value in marks for each in node.args):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("wraps"):
            yield f"{ast.unparse(node)} may copy such an attribute"


def asks_for_version(tree: ast.Module) -> Iterator[str]:
    """Only one module knows of versions."""
    for name in imports(tree).values():
        if name.startswith("pants.version.") or name in ("pants.version", f"{PANTS_API}.BY_NAME"):
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("pants"))
        if isinstance(node, ast.Attribute) and node.attr == "PANTS_SEMVER":
            yield ast.unparse(node)


Check = Callable[[ast.Module], Iterable[str]]


@pytest.mark.parametrize(
    "check",
    [calls_of_what_stands_below, hidden_arguments, calls_out_of_sight, asks_for_version],
)
def test_no_module_has_what_pants_would_not_see(check: Check) -> None:
    assert {module: list(check(tree)) for module, tree in TREES.items() if any(check(tree))} == {}


def test_members_of_unions_are_given_to_the_rules_that_take_them() -> None:
    unions = unions_of(TREES)
    assert unions
    odd = {
        module: list(odd_calls_of_unions(module, tree, unions)) for module, tree in TREES.items()
    }
    assert {module: found for module, found in odd.items() if found} == {}


def test_rules_are_called_as_they_are_written() -> None:
    known = arities(TREES)
    assert len(known) > 100
    found = {module: list(odd_calls(module, tree, known)) for module, tree in TREES.items()}
    assert {module: odd for module, odd in found.items() if odd} == {}


def test_what_a_rule_is_given_is_not_needed_below_it() -> None:
    assert list(leaks(TREES)) == []


def test_no_function_looks_like_a_rule_before_calls_by_name() -> None:
    assert list(marks_as_rule(module_tree(PANTS_API, OLD))) == []


@pytest.mark.parametrize(
    ("check", "snippet", "expected"),
    [
        (
            calls_of_what_stands_below,
            "@rule\nasync def top() -> A: await below(**implicitly())\n"
            "@rule\ndef below() -> B: ...",
            "below is no coroutine, and stands below top",
        ),
        (
            calls_of_what_stands_below,
            "@rule\nasync def top() -> A: await below(1)\nasync def below(x: int) -> B: ...",
            "below is no rule, and stands below top",
        ),
        (
            calls_of_what_stands_below,
            "async def top() -> A: await below(**implicitly())\n"
            "@rule(desc='x')\nasync def below() -> pkg.B: ...",
            "below returns pkg.B, and stands below top",
        ),
        (
            calls_of_what_stands_below,
            "@uncacheable_rule\nasync def top() -> A: await below(**implicitly())\nclass B: ...\n"
            "@rule\nasync def below() -> B: ...",
            "B, of which top asks for one, stands below it",
        ),
        (
            hidden_arguments,
            "async def f():\n  rest = implicitly()\n  await g(**rest)",
            "implicitly is used 1 times, and 0 times as **implicitly()",
        ),
        (
            hidden_arguments,
            "async def f(): await g(**implicitly({a: A, b: B}))",
            "implicitly({a: A, b: B}) has arguments",
        ),
        (
            hidden_arguments,
            "async def f(): await g(**implicitly(a))",
            "implicitly(a) has arguments",
        ),
        (
            calls_out_of_sight,
            "async def f():\n  def g(): return h(**implicitly())\n  await g()",
            "h is called outside of a coroutine",
        ),
        (asks_for_version, "from pants.version import VERSION", "pants.version.VERSION"),
        (asks_for_version, "from pants import version", "pants.version"),
        (asks_for_version, "import pants.version", "pants.version"),
        (
            asks_for_version,
            "from mzbuild.pants_api import BY_NAME",
            "mzbuild.pants_api.BY_NAME",
        ),
        (asks_for_version, "pants_api.PANTS_SEMVER", "pants_api.PANTS_SEMVER"),
        (marks_as_rule, "def f():\n  call.rule = 1", "call.rule is set"),
        (marks_as_rule, "setattr(call, 'rule_id', 1)", "setattr(call, 'rule_id', 1)"),
        (marks_as_rule, "@wraps(f)\ndef g(): ...", "wraps(f) may copy such an attribute"),
    ],
)
def test_a_trap_is_seen(check: Check, snippet: str, expected: str) -> None:
    assert list(check(ast.parse(snippet))) == [expected]


def test_what_pants_sees_is_no_trap() -> None:
    tree = ast.parse(
        "class B: ...\ndef plain(): return later()\n"
        "@rule\ndef first() -> B: ...\n"
        "async def helper(x: int) -> B: return await first(**implicitly())\n"
        "@rule\nasync def top() -> A:\n  await helper(1)\n  await first(**implicitly())\n"
        "  await concurrently(below(each, **implicitly()) for each in (1, 2))\n"
        "@rule\nasync def below(x: int, /) -> B: ...\ndef later(): ..."
    )
    checks = (calls_of_what_stands_below, hidden_arguments, calls_out_of_sight, asks_for_version)
    assert [found for check in checks for found in check(tree)] == []


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("two(1, 2, **implicitly())", []),
        ("create_digest(1, **implicitly())", []),
        ("helper(1)", []),
        ("two(1, **implicitly())", ["two is called with 1 arguments, not 2"]),
        ("two(*both, 2, **implicitly())", ["two is called with 2 arguments, not 2"]),
        ("two(1, b=2, **implicitly())", ["two is called with other keywords than **implicitly()"]),
        ("two(1, 2)", ["two is called with other keywords than **implicitly()"]),
        ("two(1, 2, **rest)", ["two is called with other keywords than **implicitly()"]),
        ("create_digest(**implicitly())", ["create_digest is called with 0 arguments, not 1"]),
        ("helper(1, **implicitly())", ["helper is no rule"]),
    ],
)
def test_an_odd_call_is_seen(call: str, expected: list[str]) -> None:
    tree = ast.parse(
        "from mzbuild.pants_api import create_digest\n"
        "@rule\nasync def two(a: A, b: B, /, c: C) -> D: ...\nasync def helper(x: int): ...\n"
        f"async def f(): await {call}"
    )
    assert list(odd_calls("m", tree, arities({"m": tree}))) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("many(**implicitly({each: Union}))", []),
        ("one(1, **implicitly())", []),
        ("many(**implicitly())", ["many is given [], not Union"]),
        ("many(each, **implicitly({each: Union}))", ["many is given ['Union'], not Union"]),
        ("many(**implicitly({each: Other}))", ["many is given ['Other'], not Union"]),
        ("one(**implicitly({each: Union}))", ["one is given ['Union'], not None"]),
    ],
)
def test_an_odd_call_of_a_union_is_seen(call: str, expected: list[str]) -> None:
    tree = ast.parse(
        "@polymorphic_rule\nasync def many(a: Union) -> D: ...\n"
        f"@rule\nasync def one(a: A, /) -> D: ...\nasync def f(): await {call}"
    )
    assert list(odd_calls_of_unions("m", tree, unions_of({"m": tree}))) == expected


@pytest.mark.parametrize(
    ("needing", "expected"),
    [
        ("@rule\ndef low(asked: Request) -> Low: ...", "m.low"),
        ("@rule\ndef low(asked: Request, /) -> Low: ...", "m.low"),
        ("@rule\nasync def low() -> Low: return await f(**implicitly())", "m.f"),
        ("@rule\nasync def low() -> Low: return await g()", "m.f"),
        ("@rule\nasync def low() -> Low: return await top(Request(), **implicitly())", None),
    ],
)
def test_a_leak_is_seen(needing: str, expected: str | None) -> None:
    tree = ast.parse(
        "@rule\ndef top(asked: Request, /, needed: Middle) -> A: ...\n"
        "@rule\ndef middle(needed: Low) -> Middle: ...\n"
        "@rule\ndef f(asked: Request) -> F: ...\n"
        "async def g(): return await f(**implicitly())\n" + needing
    )
    found = [f"m.top is given what {expected} needs, too: Request"] if expected else []
    assert list(leaks({"m": tree})) == found


def test_a_leak_by_a_call_is_seen() -> None:
    tree = ast.parse(
        "@rule\nasync def top(asked: Request, /) -> A: await low(**implicitly())\n"
        "@rule\nasync def low(asked: Request) -> Low: ..."
    )
    assert list(leaks({"m": tree})) == ["m.top is given what m.low needs, too: Request"]
