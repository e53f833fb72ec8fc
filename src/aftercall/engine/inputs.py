"""Raw input: what a source sent as it was sent, for people to look at and for `rebuild` to read again (R1).

It is written down in the transaction that holds its facts, so neither is there without the other.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import unquote

import msgspec

from aftercall.domain.account import KEEP_RAW_HOURS, Source
from aftercall.domain.errors import Problem
from aftercall.engine.ids import new_id
from aftercall.engine.input_rows import MAX_GIVEN, Given, Input, Result
from aftercall.engine.upstream import Parsed, Request

MAX_BODY = 1_048_576  # bytes kept of a body; what is longer is cut and cannot be read again
MAX_IGNORED_BODY = 16_384  # likewise, of what says nothing of a call
MAX_TEXT = 2_000  # characters kept of a path, a header, a reason
MAX_QUERY = 20_000  # of a query, which some vendors tell their events in
# What is of use to people or to parsers. Credentials and signatures are not, so they are never kept.
HEADERS = (
    "content-type", "content-encoding", "user-agent", "date", "idempotency-key", "i-twilio-idempotency-token",
    "webhook-id", "webhook-timestamp", "x-request-id",
)  # fmt: skip
SECRET = re.compile(
    r"(^|[_-])(token|secret|password|passwd|pwd|key|apikey|auth|authorization|signature|sig|credential)s?([_-]|$)"
)
MASK = "***"
NOTHING_OF_A_CALL = "It says nothing about a call."
EVENTS = "/v1/events"  # the path of what came with an API key; its sender was told what could not be read


def raw_input(source: Source, request: Request, result: Result, error: str | None = None) -> Input | None:
    """What is kept of a request, None for nothing. What could not be read is kept whatever the source says."""
    hours = source.raw_hours or (KEEP_RAW_HOURS if result == "unparsable" else 0)
    if not hours:
        return None
    most = MAX_IGNORED_BODY if result == "ignored" else MAX_BODY
    return Input(
        id=new_id("in"),
        account_id=source.account_id,
        source_id=source.id,
        received_at=request.now,
        expires_at=request.now + timedelta(hours=hours),
        result=result,
        path=_text(request.path),
        query=_text(masked(request.query), MAX_QUERY),
        headers={name: _text(request.headers[name]) for name in HEADERS if name in request.headers},
        body=request.body[:most],
        size=len(request.body),
        error=None if error is None else _text(error),
    )


def judged(parsed: Parsed) -> tuple[Result, str | None]:
    """What became of a request that could be read, and why it gave nothing or not all."""
    if parsed.errors:
        return "unparsable", parsed.errors[0][1]
    return ("taken", None) if parsed.facts else ("ignored", parsed.why or NOTHING_OF_A_CALL)


def masked(query: str) -> str:
    """A query string, byte for byte but for the values of what is named like a secret."""
    return "&".join(map(_mask, query.split("&"))) if query else ""


def _mask(part: str) -> str:
    name, equals, value = part.partition("=")
    secret = equals and value and SECRET.search(unquote(name).lower())
    return f"{name}={MASK}" if secret else part


def _text(text: str, most: int = MAX_TEXT) -> str:
    return text.replace("\0", "")[:most]


def settled(kept: Input, results: Sequence[tuple[Given, str | Problem]]) -> Input:
    """The input with what became of its facts: the call of each, or why it was not taken."""
    problems = [result for _, result in results if isinstance(result, Problem)]
    call_ids = dict.fromkeys(result for _, result in results if isinstance(result, str))
    changes: dict[str, object] = {}
    if problems:
        changes = {"result": "refused", "error": problems[0].message}
    return msgspec.structs.replace(
        kept,
        given=tuple(given for given, result in results if isinstance(result, str))[:MAX_GIVEN],
        call_ids=tuple(call_ids)[:MAX_GIVEN],
        **changes,
    )
