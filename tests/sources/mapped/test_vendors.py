# The presets: each vendor's events (fixtures/README.md) as the calls they must become, and who is let in.

import hmac
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest

from aftercall.domain.errors import Problem
from aftercall.domain.project import Projection, project
from aftercall.engine.upstream import Request, SignedType
from aftercall.sources import SOURCES
from tests.sources.mapped.asked import ask, call, fixture, of
from tests.sources.vectors import SIGNED_AT, accepted, changed, check_age, check_security, signed_type

SECRET = "12345678901234567890123456789012"
MULTIPART = "multipart/form-data; boundary=----x"


def names(projection: Projection) -> str:
    return " ".join(e.name.removeprefix("call.") for e in projection.events)


def told(name: str, bodies: list[Any], **given: Any) -> Projection:
    """The call, whatever the order its events come in, and however often."""
    source = of(name, **given)
    parsed = [ask(source, body) for body in bodies]
    facts = [fact for one in parsed for fact in one.facts]
    projection = call(*parsed)
    assert project([*reversed(facts), *facts]) == projection
    return projection


def parts(body: dict[str, str]) -> bytes:
    said = [f'------x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in body.items()]
    return ("".join(said) + "------x--\r\n").encode()


# Exotel


def test_exotel_call_through_the_api() -> None:
    bodies = fixture("exotel")
    found = told("exotel", [bodies["answered"], bodies["terminal"]])
    assert names(found) == "agent_answered ended completed recording_ready"
    made = found.call
    assert (made.status, made.direction, made.call_type) == ("answered", "outbound", "click_to_call")
    assert (made.from_, made.to, made.agent and made.agent.number) == (
        "08069010148",
        "07011234567",
        "04012345102",
    )
    assert str(made.started_at) == "2025-08-21 10:58:13+00:00"
    assert (made.duration_seconds, made.talk_time_seconds) == (271, 251)
    assert made.custom_fields == {"custom_field": "A-17"}


@pytest.mark.parametrize("way", ["json", "form", "parts", "query"])
def test_exotel_says_the_same_in_every_way(way: str) -> None:
    body = fixture("exotel")["terminal"]
    sent: dict[str, tuple[bytes, str | None, str]] = {
        "json": (json.dumps(body).encode(), "application/json", ""),
        "form": (urlencode(body).encode(), "application/x-www-form-urlencoded", ""),
        "parts": (parts(body), MULTIPART, ""),
        "query": (b"", None, urlencode(body)),
    }
    raw, content_type, query = sent[way]
    found = call(ask(of("exotel"), raw, content_type=content_type, query=query)).call
    assert (found.status, found.talk_time_seconds, found.recording_url) == (
        "answered", 251, "https://recordings.example/abc123.mp3",
    )  # fmt: skip
    if way != "json":  # the names of a form say what is below what: Legs[1][Cause]
        assert found.hangup is not None
        assert found.hangup.cause == "NORMAL_CLEARING"


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("no-answer", "missed", "no_answer"), ("default", "missed", "busy"), ("passthru", "answered", None),
        ("passthru-hangup", "missed", "caller_cancelled"),
    ],
)  # fmt: skip
def test_exotel_outcomes(name: str, status: str, reason: str | None) -> None:
    made = told("exotel", [fixture("exotel")[name]]).call
    assert (made.status, made.reason) == (status, reason)


def test_exotel_incoming_call_in_a_passthru() -> None:
    made = call(ask(of("exotel"), query=urlencode(fixture("exotel")["passthru"]))).call
    assert (made.direction, made.from_, made.to, made.did) == (
        "inbound",
        "07011234567",
        "08069010148",
        "08069010148",
    )
    assert (made.agent and made.agent.number) == "04012345102"


# Aircall


def test_aircall_call_from_beginning_to_end() -> None:
    bodies = fixture("aircall")
    found = told("aircall", [bodies[name] for name in ("created", "ringing", "answered", "ended")])
    assert names(found) == "received agent_dialed agent_answered ended completed recording_ready"
    made = found.call
    assert (made.status, made.direction, made.final) == ("answered", "inbound", True)
    assert (made.from_, made.to, made.from_name) == ("+33 6 12 34 56 78", "+33 1 76 36 06 95", "Ada Byron")
    assert (made.agent and (made.agent.id, made.agent.name)) == ("456", "Jordan")
    assert (made.queue and made.queue.name) == "Support"
    assert (made.duration_seconds, made.talk_time_seconds, made.ring_time_seconds) == (271, 260, 8)
    assert (made.tags, made.notes) == (("billing", "vip"), "Callback scheduled")
    assert (made.billing and made.billing.cost) == 0.05


@pytest.mark.parametrize(
    ("why", "more", "status", "reason"),
    [
        ("agents_did_not_answer", {}, "missed", "agent_no_answer"),
        ("no_available_agent", {}, "missed", "no_agents"),
        ("short_abandoned", {}, "missed", "caller_cancelled"),
        ("abandoned_in_ivr", {}, "abandoned", "caller_hangup_in_ivr"),
        ("abandoned_in_classic", {}, "abandoned", "caller_hangup_in_queue"),
        ("out_of_opening_hours", {}, "missed", "closed_hours"),
        ("agents_did_not_answer", {"voicemail": "https://recordings.example/vm.mp3"}, "voicemail", None),
    ],
)  # fmt: skip
def test_aircall_missed_calls(why: str, more: dict[str, str], status: str, reason: str | None) -> None:
    body = fixture("aircall")["missed"]
    body["data"] |= {"missed_call_reason": why} | more
    made = told("aircall", [body]).call
    assert (made.status, made.reason) == (status, reason)


def test_aircall_outgoing_call() -> None:
    made = told("aircall", [fixture("aircall")["outbound"]]).call
    assert (made.status, made.from_, made.to) == ("answered", "+33 1 76 36 06 95", "+33 6 12 34 56 78")
    assert (made.agent and made.agent.name) == "Jordan"


# Dialpad


def test_dialpad_call_with_what_came_after_it() -> None:
    bodies = fixture("dialpad")
    names_ = ("ringing", "connected", "hangup", "recording", "transcription", "recap")
    found = told("dialpad", [bodies[name] for name in names_])
    assert names(found) == (
        "received agent_dialed agent_answered ended completed recording_ready transcript_ready analyzed"
    )
    made = found.call
    assert (made.status, made.from_, made.to, made.from_name) == (
        "answered", "+14085551234", "+14085559876", "Ada Byron",
    )  # fmt: skip
    assert (made.agent and made.agent.name) == "Jordan"
    assert (made.duration_seconds, made.talk_time_seconds) == (271, 251)
    assert made.recordings[0].duration_seconds == 251
    assert made.transcript is not None
    assert made.transcript.turns[0].text == "Hello. I want to renew."
    assert (made.analysis and made.analysis.summary) == "The customer renews."
    assert made.tags == ("vip",)


def test_dialpad_legs_of_a_call_centre_belong_to_the_first_call() -> None:
    bodies = fixture("dialpad")
    made = told("dialpad", [bodies[name] for name in ("queue", "leg-missed", "queue-hangup")]).call
    assert (made.source_call_key, made.status, made.queue and made.queue.name) == (
        "2000",
        "abandoned",
        "Support",
    )
    assert [leg.agent.name for leg in made.agents if leg.missed] == ["Kim"]


# RingCentral


@pytest.mark.parametrize(
    ("script", "status", "reason", "agent"),
    [
        ("answered", "answered", None, "Jordan"), ("ring-group", "answered", None, "Kim"),
        ("missed", "missed", "no_answer", None), ("outbound", "answered", None, "Jordan"),
    ],
)  # fmt: skip
def test_ringcentral_sessions(script: str, status: str, reason: str | None, agent: str | None) -> None:
    made = told("ringcentral", fixture("ringcentral")[script]).call
    assert (made.status, made.reason, made.agent and made.agent.name) == (status, reason, agent)
    customer = made.to if script == "outbound" else made.from_
    assert customer == "+14085551234"
    if status == "answered":
        assert (made.duration_seconds, made.talk_time_seconds) == (271, 251)


def test_ringcentral_asks_whether_somebody_is_here() -> None:
    request = Request(url="", headers={"validation-token": "abc-123"}, now=SIGNED_AT)
    kind = signed_type("ringcentral")
    kind.verify(of("ringcentral"), request)
    parsed = kind.read(of("ringcentral"), request)
    assert parsed.reply is not None
    assert parsed.reply.headers == (("validation-token", "abc-123"),)
    assert parsed.facts == ()


@pytest.mark.parametrize("token", ["", "x" * 501, "a b", "é"])
def test_ringcentral_echoes_no_nonsense(token: str) -> None:
    request = Request(url="", headers={"validation-token": token}, now=SIGNED_AT)
    assert not accepted("ringcentral", SECRET, request)


def test_ringcentral_validation_lets_no_event_in() -> None:
    body = json.dumps(fixture("ringcentral")["missed"][0]).encode()
    request = Request(url="", headers={"validation-token": "abc"}, body=body, now=SIGNED_AT)
    assert not accepted("ringcentral", SECRET, request)


# Vonage


def test_vonage_outgoing_call() -> None:
    made = told("vonage", fixture("vonage")["outbound"]).call
    assert (made.status, made.direction, made.to) == ("answered", "outbound", "447700900000")
    assert str(made.started_at) == "2025-08-21 10:58:13.250000+00:00"
    assert (made.duration_seconds, made.talk_time_seconds) == (270, 250)
    assert (made.billing and made.billing.cost) == 0.018825


def test_vonage_busy_call() -> None:
    made = told("vonage", fixture("vonage")["busy"]).call
    assert (made.status, made.reason, made.direction) == ("missed", "busy", "outbound")


def test_vonage_incoming_call_that_an_agent_took() -> None:
    made = told("vonage", fixture("vonage")["inbound"], direction="inbound").call
    assert (made.status, made.direction, made.from_) == ("answered", "inbound", "447700900000")
    assert (made.to, made.did) == ("442079460000", "442079460000")
    assert (made.agent and made.agent.number) == "442079460111"


# MyOperator


def test_myoperator_answered_call() -> None:
    found = told("myoperator", [fixture("myoperator")["answered"]])
    made = found.call
    assert (made.source_call_key, made.status, made.direction) == ("u.1755773893.17", "answered", "inbound")
    assert (made.from_, made.did, made.queue and made.queue.name) == (
        "+917011234567",
        "+918069010148",
        "Support",
    )
    assert (made.agent and made.agent.name) == "Jordan"
    assert [leg.agent.name for leg in made.agents if leg.missed] == ["Kim"]
    assert made.duration_seconds == 271
    assert names(found) == "agent_missed ended completed recording_ready"


@pytest.mark.parametrize("way", ["json", "form", "query"])
def test_myoperator_says_the_same_in_every_way(way: str) -> None:
    body = fixture("myoperator")["missed"]
    flat = urlencode({n: json.dumps(v) if isinstance(v, list) else v for n, v in body.items()})
    whole = urlencode({"myoperator": json.dumps(body)})
    sent = {"json": (json.dumps(body), ""), "form": (whole, ""), "query": ("", flat)}[way]
    found = call(ask(of("myoperator"), sent[0].encode(), query=sent[1])).call
    assert (found.source_call_key, found.status, found.reason) == ("u.1755773893.18", "missed", "no_answer")


# Signatures


def jwt(claims: dict[str, Any], secret: str = SECRET, alg: str = "HS256") -> str:
    def part(value: bytes) -> str:
        return urlsafe_b64encode(value).rstrip(b"=").decode()

    said = f"{part(json.dumps({'alg': alg, 'typ': 'JWT'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{said}.{part(hmac.new(secret.encode(), said.encode(), sha256).digest())}"


BODY = json.dumps(fixture("vonage")["busy"][0]).encode()
AIRCALL = json.dumps(fixture("aircall")["ended"] | {"token": SECRET}).encode()


def vonage(**claims: Any) -> Request:
    said = {"iat": SIGNED_AT.timestamp(), "iss": "Vonage", "payload_hash": sha256(BODY).hexdigest()} | claims
    return Request(url="", headers={"authorization": f"Bearer {jwt(said)}"}, body=BODY, now=SIGNED_AT)


def dialpad(**claims: Any) -> Request:
    return Request(url="", body=jwt(fixture("dialpad")["hangup"] | claims).encode(), now=SIGNED_AT)


def test_vonage_signature() -> None:
    check_security("vonage", SECRET, vonage(), "authorization")
    check_age("vonage", SECRET, vonage(), [299, 301])
    # A token that says until when it holds is held to that.
    check_age("vonage", SECRET, vonage(exp=SIGNED_AT.timestamp() + 30, nbf=SIGNED_AT.timestamp()), [89, 91])
    assert not accepted("vonage", SECRET, vonage(payload_hash=None))


def test_dialpad_signature_covers_every_byte() -> None:
    request = dialpad()
    assert accepted("dialpad", SECRET, request)
    assert accepted("dialpad", f"an-older-secret {SECRET}", request)
    for wrong in ("x" + SECRET[1:], ""):
        assert not accepted("dialpad", wrong, request)
    # The last character of a part may carry bits that mean nothing; the parts themselves may not differ.
    for i in range(len(request.body) - 1):
        flipped = request.body[:i] + bytes([request.body[i] ^ 1]) + request.body[i + 1 :]
        assert not accepted("dialpad", SECRET, changed(request, body=flipped)), i
    for bad in (
        b"",
        b"{}",
        b"a.b.c",
        request.body + b"AAAA",
        json.dumps(fixture("dialpad")["hangup"]).encode(),
    ):
        assert not accepted("dialpad", SECRET, changed(request, body=bad)), bad[:20]


def test_dialpad_token_that_is_over() -> None:
    request = dialpad(exp=SIGNED_AT.timestamp())
    check_age(
        "dialpad", SECRET, changed(dialpad(exp=SIGNED_AT.timestamp(), nbf=SIGNED_AT.timestamp())), [59, 61]
    )
    assert accepted("dialpad", SECRET, request)


@pytest.mark.parametrize("alg", ["none", "HS512", "RS256", ""])
def test_tokens_of_other_algorithms_are_refused(alg: str) -> None:
    token = jwt(fixture("dialpad")["hangup"], alg=alg)
    assert not accepted("dialpad", SECRET, Request(url="", body=token.encode(), now=SIGNED_AT))
    claims = {"iat": SIGNED_AT.timestamp(), "payload_hash": sha256(BODY).hexdigest()}
    headers = {"authorization": f"Bearer {jwt(claims, alg=alg)}"}
    assert not accepted("vonage", SECRET, Request(url="", headers=headers, body=BODY, now=SIGNED_AT))


def test_dialpad_event_is_read_out_of_its_token() -> None:
    parsed = signed_type("dialpad").read(of("dialpad"), dialpad())
    assert call(parsed).call.status == "missed"  # of a hangup alone: nobody is said to have answered


def test_aircall_token_in_the_body() -> None:
    request = Request(url="", body=AIRCALL, now=SIGNED_AT)
    assert accepted("aircall", SECRET, request)
    assert accepted("aircall", f"{SECRET} a-new-secret", request)
    assert not accepted("aircall", "x" + SECRET[1:], request)
    at = AIRCALL.index(SECRET.encode())
    for i in range(at, at + len(SECRET)):
        flipped = AIRCALL[:i] + bytes([AIRCALL[i] ^ 1]) + AIRCALL[i + 1 :]
        assert not accepted("aircall", SECRET, changed(request, body=flipped)), i
    for token in (None, 5, [SECRET], "", SECRET + "x", SECRET[:-1]):
        body = json.dumps(fixture("aircall")["ended"] | {"token": token}).encode()
        assert not accepted("aircall", SECRET, changed(request, body=body)), token


def test_ringcentral_verification_token() -> None:
    body = json.dumps(fixture("ringcentral")["missed"][0]).encode()
    request = Request(url="", headers={"verification-token": SECRET}, body=body, now=SIGNED_AT)
    assert accepted("ringcentral", SECRET, request)
    assert not accepted("ringcentral", "x" + SECRET[1:], request)
    for i in range(len(SECRET)):
        wrong = SECRET[:i] + chr(ord(SECRET[i]) ^ 1) + SECRET[i + 1 :]
        assert not accepted("ringcentral", SECRET, changed(request, headers={"verification-token": wrong}))
    assert not accepted("ringcentral", SECRET, changed(request, headers={}))


@pytest.mark.parametrize("name", ["aircall", "dialpad", "ringcentral", "vonage"])
def test_nothing_is_verified_without_a_signature(name: str) -> None:
    kind = SOURCES[name]
    assert isinstance(kind, SignedType)
    for body in (b"", b"{}", b"\xff", b"[]", b"a.b.c"):
        with pytest.raises(Problem) as refused:
            kind.verify(of(name), Request(url="", body=body, now=SIGNED_AT))
        assert refused.value.status in (400, 401)
