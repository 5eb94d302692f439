"""What the answers of a registry's API mean: https://distribution.github.io/distribution/spec/api/"""

from __future__ import annotations

import http
import re

from mzbuild.core.registries.addresses import Server
from mzbuild.core.registries.http_transport import Response
from mzbuild.core.registries.retry import FinalError, TransientError, parse_retry_after
from mzbuild.core.text.json_reader import read_json

_CODE = re.compile("[A-Z_]{3,40}")
_SHOWN_CODES = 3
_LARGEST_ERROR = 1 << 16  # bytes
# What the API says of a tag, or of all that could have had it.
_ABSENCES = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"})


def describe(server: Server, response: Response) -> str:
    """A status in words. Nothing else of the answer is shown: anything may be in it."""
    try:
        phrase = f" {http.HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = ""
    codes = sorted(error_codes(response))[:_SHOWN_CODES]
    detail = f" ({', '.join(codes)})" if codes else ""
    return f"{server} answers {response.status}{phrase}{detail}"


def error_codes(response: Response) -> frozenset[str]:
    """The codes of the API's errors in an answer, such as `MANIFEST_UNKNOWN`."""
    if len(response.body) > _LARGEST_ERROR:
        return frozenset()
    try:
        errors = read_json(response.body)["errors"]
        codes = frozenset(str(error["code"]) for error in errors)
    except (ValueError, LookupError, TypeError):
        return frozenset()
    return frozenset(code for code in codes if _CODE.fullmatch(code))


def fault(server: Server, response: Response, now: float) -> TransientError | FinalError:
    """What to raise for an answer that was not hoped for; `now` is the time of day."""
    reason = describe(server, response)
    retry_after = parse_retry_after(response.headers.get("Retry-After"), now)
    if response.status == 429 or (response.status == 503 and retry_after):
        return TransientError(reason, retry_after, of_server=True)
    if response.status in (408, 425) or response.status >= 500:
        return TransientError(reason, retry_after)
    return FinalError(reason)


def is_from_registry(response: Response) -> bool:
    """Whether an answer says that it comes from the API, and not from whatever else is there."""
    version = response.headers.get("Docker-Distribution-Api-Version", "")
    return version.startswith("registry/2") or bool(error_codes(response))


def says_absent(response: Response) -> bool:
    """Whether an answer definitely says that there is no such tag.

    Any web server, login page or proxy that is not the registry may answer 404 as well.
    """
    if response.status != 404:
        return False
    codes = error_codes(response)
    return bool(codes & _ABSENCES) if codes else is_from_registry(response)
