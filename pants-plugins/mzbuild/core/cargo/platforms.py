"""Which platforms a dependency is for: what stands in `[target.'…'.dependencies]`.

The format is rustc's: https://doc.rust-lang.org/reference/conditional-compilation.html
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Callable, Optional

from mzbuild.core.text.limits import DEEPEST

_TOKEN = re.compile(r'"[^"]*"|[(),=]|[^\s"(),=]+')

# Whether a name holds, or has a value; None where that is not known.
Holds = Callable[[str, Optional[str]], Optional[bool]]

_POINTER_WIDTHS = {"x86_64": "64", "aarch64": "64"}


def applies(platform: str, triple: str, cfg: Container[str] | None = None) -> bool | None:
    """Whether the dependencies of a platform are those of a target triple.

    `cfg` has the lines of `rustc --print=cfg`, where they are known. Else None stands for what
    cannot be told: what depends on the compiler's flags, say.
    """
    if not platform.startswith("cfg("):
        return platform == triple
    try:
        holds = _by_triple(triple) if cfg is None else _by_compiler(cfg)
        return _condition(_TOKEN.findall(platform)[::-1], holds, DEEPEST)
    except (IndexError, ValueError):
        return None


def _by_compiler(cfg: Container[str]) -> Holds:
    return lambda name, value: (name if value is None else f'{name}="{value}"') in cfg


def _by_triple(triple: str) -> Holds:
    facts = _facts(triple)

    def holds(name: str, value: str | None) -> bool | None:
        fact = facts.get(name)
        if value is not None:
            return None if fact is None else fact == value
        return fact if isinstance(fact, bool) else None

    return holds


def _facts(triple: str) -> Mapping[str, bool | str]:
    """What is known of a target: whether a name holds, or the one value that it has."""
    arch, vendor, system, environment = triple.split("-")
    if system != "linux" or arch not in _POINTER_WIDTHS:
        return {}
    return {
        "unix": True,
        "windows": False,
        "target_os": "linux",
        "target_family": "unix",
        "target_vendor": vendor,
        "target_arch": arch,
        "target_env": environment,
        "target_endian": "little",
        "target_pointer_width": _POINTER_WIDTHS[arch],
    }


def _condition(tokens: list[str], holds: Holds, levels: int) -> bool | None:
    """Takes one condition off the end of the tokens, which are in reverse order, and tells whether
    it holds. Raises `ValueError` where more levels of others are in it."""
    if not levels:
        raise ValueError
    name = tokens.pop()
    if tokens[-1:] == ["="]:
        tokens.pop()
        return holds(name, tokens.pop().strip('"'))
    if tokens[-1:] != ["("]:
        return holds(name, None)
    parts = []
    # What comes first is the parenthesis, and then the comma after each of the conditions.
    while tokens.pop() != ")":
        if tokens[-1] != ")":
            parts.append(_condition(tokens, holds, levels - 1))
    if name == "not":
        (part,) = parts
        return None if part is None else not part
    # `cfg` holds as `all` does, of the one condition in it.
    decisive = name == "any"
    if decisive in parts:
        return decisive
    return None if None in parts else not decisive
