"""Twilio Programmable Voice: the signature, callbacks and Event Streams (B6).

What callbacks tell is in `twilio_callbacks.py` and `twilio_actions.py`.
"""

import re
from base64 import b64encode
from datetime import datetime
from typing import Any, Literal, TypeGuard
from urllib.parse import parse_qsl

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Fact
from aftercall.engine import vendor_signatures
from aftercall.engine.reading import decode
from aftercall.engine.taking import form, inner, text, word, written
from aftercall.engine.upstream import Parsed, Question, Reply, Request, Unparsable
from aftercall.sources.answer import answer_about
from aftercall.sources.signing import secrets
from aftercall.sources.twilio_actions import action_facts
from aftercall.sources.twilio_callbacks import ENDS, Callback, stamp

timing: Timing = Timing(gate=0.3, quiet=2.0, settle_max=10.0)
# Ignored where Twilio expects nothing; where it expects TwiML, an empty document is no error.
reply: Reply = Reply(200, b"<Response/>", "text/xml")
unparsable: Unparsable = "accept"

API = "https://api.twilio.com"
ACCOUNT, CALL = re.compile(r"AC[0-9a-fA-F]{32}"), re.compile(r"CA[0-9a-fA-F]{32}")
# A call as the API shows it, by the names that a callback has for the same:
# https://www.twilio.com/docs/voice/api/call-resource
AS_CALLBACK = {
    "CallSid": "sid", "ParentCallSid": "parent_call_sid", "CallStatus": "status", "Direction": "direction",
    "From": "from", "To": "to", "CallerName": "caller_name", "ForwardedFrom": "forwarded_from",
    "AnsweredBy": "answered_by", "CallDuration": "duration", "Timestamp": "end_time",
}  # fmt: skip
ON = frozenset({"queued", "initiated", "ringing", "in-progress"})


def check_settings(source: Source) -> None:
    """Raise Invalid for an account SID that is none: it becomes part of an address."""
    account = source.settings.get("account_sid")
    if account is not None and not _is(account, ACCOUNT):
        raise Invalid.field("settings.account_sid", "must be AC and 32 hexadecimal digits")


def verify(source: Source, request: Request) -> None:
    vendor_signatures.twilio(secrets(source), request)


def read(source: Source, request: Request) -> Parsed:
    query = parse_qsl(request.query)
    if request.body.lstrip()[:1] in (b"[", b"{"):
        return _of_stream(source, request, query)
    params = dict(form(request.body))
    token = request.headers.get("i-twilio-idempotency-token")
    facts = _told(Callback(source, params, query, request.now, token))
    return Parsed(tuple(facts), ignored=int(not facts), why="It adds nothing to what is known of the call.")


def _told(callback: Callback) -> list[Fact]:
    facts = action_facts(callback)
    return callback.status_facts() if facts is None else facts


def _of_stream(source: Source, request: Request, query: list[tuple[str, str]]) -> Parsed:
    """Event Streams: CloudEvents, each with the parameters of a callback."""
    facts: list[Fact] = []
    ignored = 0
    whole = decode(request.body)
    for event in whole if type(whole) is list else [whole]:
        told = inner(event, "data", "request", "parameters")
        params = {name: found for name, value in told.items() if (found := text(_first(value))) is not None}
        if "CallSid" not in params:
            ignored += 1
            continue
        at = written(inner(event, "data").get("timestamp")) or request.now
        facts += _told(Callback(source, params, query, at, word(event.get("id"))))
    return Parsed(tuple(facts), ignored=ignored)


def _first(value: Any) -> Any:
    return next(iter(value), None) if type(value) is list else value


def question(source: Source, call_key: str, now: datetime) -> Question | None:  # noqa: ARG001  # of no matter here
    account, tokens = source.settings.get("account_sid"), secrets(source)
    if not tokens or not _is(account, ACCOUNT) or not _is(call_key, CALL):
        return None
    login = b64encode(account.encode() + b":" + tokens[0]).decode()
    url = f"{API}/2010-04-01/Accounts/{account}/Calls/{call_key}.json"
    return Question(url=url, headers=(("Authorization", f"Basic {login}"),))


def answered(
    source: Source, call_key: str, status: int, body: bytes, now: datetime
) -> Parsed | Literal["alive"] | None:
    """An end without its time says less than the last that was heard of the call: it is none."""
    call = answer_about(call_key, "sid", status, body)
    if call is None:
        return None
    if word(call.get("status")) in ON:
        return "alive"
    said = {name: found for name, field in AS_CALLBACK.items() if (found := word(call.get(field)))}
    if said.get("CallStatus") not in ENDS or stamp(said.get("Timestamp")) is None:
        return None
    return Parsed(tuple(_told(Callback(source, said | {"SequenceNumber": ""}, [], now, None))))


def _is(value: Any, pattern: re.Pattern[str]) -> TypeGuard[str]:
    return type(value) is str and pattern.fullmatch(value) is not None
