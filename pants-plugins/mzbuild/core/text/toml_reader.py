"""Reading TOML with the best parser that is at hand."""

from __future__ import annotations

import re
from typing import Any

from mzbuild.core.errors import MzbuildError

try:
    # Pants' own environment has no tomli unless somebody put it there; ./pants does.
    from tomli import loads
except ImportError:
    # It always has this one, which knows TOML 0.5: enough for almost every manifest.
    from toml import loads  # type: ignore[assignment]  # It takes further arguments.

_LINE = re.compile(r"\bline (\d+)")


def read_toml(content: bytes, where: str) -> dict[str, Any]:
    """The table that a TOML document holds.

    `where` is the file's name for messages. Raises `MzbuildError` for what is not TOML.
    """
    try:
        return dict(loads(content.decode()))
    except UnicodeDecodeError:
        raise MzbuildError(f"{where}: this is not valid TOML: it is not UTF-8 text.") from None
    except RecursionError:
        raise MzbuildError(
            f"{where}: this is not valid TOML: its tables or arrays are nested too deeply."
        ) from None
    # The fallback parser lets an IndexError or a TypeError escape for some malformed documents.
    except (ValueError, IndexError, TypeError) as error:
        line = _LINE.search(str(error))
        raise MzbuildError(
            f"{where}{f':{line[1]}' if line else ''}: this is not valid TOML: {error}."
        ) from None
