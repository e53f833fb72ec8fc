# LiveKit: the token made by its own rules, and rooms (fixtures/README.md) as the calls they must become.

import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from aftercall.domain.errors import Invalid
from aftercall.domain.project import Projection
from aftercall.engine.upstream import Request
from aftercall.sources import livekit
from tests.sources.vectors import (
    SIGNED_AT,
    accepted,
    check_age,
    check_security,
    names,
    read,
    source,
    told,
)

SECRET = "APIkey1:secret-of-the-key"
BODY = b'{"event":"room_started","id":"EV_1","room":{"sid":"RM_1"}}'


def encoded(part: Any) -> bytes:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def token(body: bytes = BODY, key: str = "secret-of-the-key", alg: str = "HS256", **claims: Any) -> str:
    at = int(SIGNED_AT.timestamp())
    hashed = b64encode(sha256(body).digest()).decode()
    given = {"iss": "APIkey1", "nbf": at, "exp": at + 300, "sha256": hashed} | claims
    said = (
        encoded({"alg": alg, "typ": "JWT"})
        + b"."
        + encoded({k: v for k, v in given.items() if v is not None})
    )
    signature = urlsafe_b64encode(hmac.new(key.encode(), said, sha256).digest()).rstrip(b"=")
    return (said + b"." + signature).decode()


def request(authorization: str, body: bytes = BODY) -> Request:
    return Request(url="", headers={"authorization": authorization}, body=body, now=SIGNED_AT)


def room(name: str, **settings: Any) -> Projection:
    lines = (Path(__file__).parent / "fixtures" / f"{name}.jsonl").read_bytes().splitlines()
    return told([read("livekit", line, of=source("livekit", settings=settings)) for line in lines])


# The token


def test_token() -> None:
    check_security("livekit", SECRET, request(token()), "authorization")
    check_age("livekit", SECRET, request(token()), [300 + 59, 300 + 61])


def test_token_with_the_secret_alone_or_after_bearer() -> None:
    assert accepted("livekit", "secret-of-the-key", request(token()))
    assert accepted("livekit", SECRET, request(f"Bearer {token()}"))


@pytest.mark.parametrize(
    "bad",
    [
        token(iss="APIkey2"), token(alg="none"), token(alg="HS512"), token(key="another"), token(body=b"{}"),
        token(sha256=None), token(exp=None), token(exp="x"), token(nbf=int(SIGNED_AT.timestamp()) + 100),
        token().rpartition(".")[0] + ".", "a.b.c", "..", "é.é.é",
    ],
)  # fmt: skip
def test_token_when_bad(bad: str) -> None:
    assert not accepted("livekit", SECRET, request(bad))


def test_token_that_was_changed() -> None:
    good = token()
    for i in range(len(good) - 1):  # of the last character two bits mean nothing
        other = good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1 :]
        assert not accepted("livekit", SECRET, request(other)), i


# Calls


def test_inbound_call() -> None:
    made = room("inbound")
    call = made.call
    assert (call.direction, call.call_type, call.status) == ("inbound", "ai_agent", "answered")
    assert (call.from_, call.to, call.uuid) == ("+14085551234", "+14085559876", "SCL_1")
    assert (call.duration_seconds, call.talk_time_seconds) == (62, 60)
    assert call.agent is not None
    assert (call.agent.id, call.agent.kind) == ("reception", "ai")
    assert call.hangup is not None
    assert (call.hangup.cause, call.hangup.by) == ("CLIENT_INITIATED", "caller")
    assert call.custom_fields == {"room": "call-_+14085551234_x", "crm": "A-17", "X-Campaign": "spring"}
    [recording] = call.recordings
    assert (recording.status, recording.duration_seconds) == ("ready", 60)
    assert recording.started_at == SIGNED_AT + timedelta(seconds=3)
    assert call.recording_url == "https://bucket.example.com/call.ogg"
    assert {"received", "agent_answered", "ended", "completed", "recording_ready"} <= set(names(made))


@pytest.mark.parametrize(
    ("name", "status", "reason", "talk"),
    [
        ("outbound_answered", "answered", None, 30),
        ("outbound_answered_unseen", "answered", None, 0),
        ("outbound_no_answer", "missed", "no_answer", 0),
    ],
)
def test_outbound_call(name: str, status: str, reason: str | None, talk: int) -> None:
    call = room(name).call
    assert (call.direction, call.status, call.reason) == ("outbound", status, reason)
    assert (call.from_, call.to, call.talk_time_seconds) == ("+14085559876", "+14085551234", talk)


def test_rooms_of_other_names_are_ignored() -> None:
    assert room("inbound", room_prefix="call-").call.status == "answered"
    parsed = read("livekit", BODY, of=source("livekit", settings={"room_prefix": "call-"}))
    assert (parsed.facts, parsed.ignored) == ((), 1)


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b'{"event":"ingress_started","id":"EV_1"}',
        b'{"event":"track_published","id":"E","room":{"sid":"R"}}',
    ],
)
def test_what_says_nothing_of_a_call_is_ignored(body: bytes) -> None:
    parsed = read("livekit", body)
    assert (parsed.facts, parsed.ignored) == ((), 1)


def test_event_without_an_id_is_refused() -> None:
    with pytest.raises(Invalid):
        read("livekit", b'{"event":"room_finished","room":{"sid":"RM_1"}}')


@pytest.mark.parametrize("given", [{"url": "wss://example.com"}, {"url": 7}, {"api_key": ["APIkey1"]}])
def test_address_or_key_that_can_be_none_is_refused(given: dict[str, Any]) -> None:
    livekit.check_settings(source("livekit", settings={"url": "https://example.com", "api_key": "APIkey1"}))
    with pytest.raises(Invalid, match=next(iter(given))):
        livekit.check_settings(source("livekit", settings=given))
