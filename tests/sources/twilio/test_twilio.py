# Twilio: the signature in its forms, and scripted calls (fixtures/README.md) as the calls they must become.

import hmac
import json
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from aftercall.domain.call import Call
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Fact
from aftercall.domain.project import Projection
from aftercall.engine.upstream import Parsed, Request
from aftercall.sources import twilio
from tests.sources.vectors import (
    SIGNED_AT,
    VECTORS,
    accepted,
    changed,
    check_security,
    names,
    read,
    source,
    told,
)

FIXTURES = Path(__file__).parent / "fixtures"
FORM = VECTORS["twilio_form"]
JSON = VECTORS["twilio_json"]


def form_request(url: str = FORM["url"], **headers: str) -> Request:
    given = {"x-twilio-signature": FORM["signature"], "content-type": "application/x-www-form-urlencoded"}
    return Request(url=url, headers=given | headers, body=urlencode(FORM["params"]).encode(), now=SIGNED_AT)


def signed(url: str, said: str, secret: str = FORM["token"]) -> str:
    return b64encode(hmac.new(secret.encode(), (url + said).encode(), sha256).digest()).decode()


def requests(name: str, **given: Any) -> list[Parsed]:
    lines = [json.loads(line) for line in (FIXTURES / f"{name}.jsonl").read_text().splitlines()]
    return [
        read("twilio", urlencode(line["params"]).encode(), now=SIGNED_AT + timedelta(seconds=line["after"]),
             query=line.get("query", ""), of=source("twilio", **given))
        for line in lines
    ]  # fmt: skip


def projection(name: str, **given: Any) -> Projection:
    return told(requests(name, **given))


def after(call: Call) -> tuple[float | None, ...]:
    """Started, answered by the server, connected, ended: in seconds from the call's first sign."""
    times = (call.started_at, call.server_answered_at, call.connected_at, call.ended_at)
    return tuple(None if at is None else (at - SIGNED_AT).total_seconds() for at in times)


# The signature


def test_form_signature() -> None:
    check_security("twilio", FORM["token"], form_request(), "x-twilio-signature")


def test_form_signature_covers_the_url_with_and_without_its_port() -> None:
    assert accepted("twilio", FORM["token"], form_request(FORM["url"].replace(".com/", ".com:443/")))
    assert not accepted("twilio", FORM["token"], form_request(FORM["url"] + "?ac_crm=1"))
    assert not accepted("twilio", FORM["token"], form_request(FORM["url"].replace("https", "http")))


def test_json_signature_covers_the_body_by_its_hash() -> None:
    url = JSON["url"]
    request = Request(
        url=url, query=url.partition("?")[2], body=JSON["body"].encode(), now=SIGNED_AT,
        headers={"x-twilio-signature": JSON["signature"], "content-type": "application/json"},
    )  # fmt: skip
    check_security("twilio", JSON["token"], request, "x-twilio-signature")
    other = changed(request, query=request.query.replace("0", "1"), url=url.replace("0", "1"))
    assert not accepted("twilio", JSON["token"], other)


@pytest.mark.parametrize("algorithm", ["HMAC_SHA256", "hmac_sha256"])
def test_sha256_signature_of_a_shared_key(algorithm: str) -> None:
    said = "".join(name + FORM["params"][name] for name in sorted(FORM["params"]))
    settings = {"x-twilio-webhooks-signature-settings": f"key=webhooks_sharedkey_1,algorithm={algorithm}"}
    request = form_request(**settings, **{"x-twilio-signature": signed(FORM["url"], said)})
    check_security("twilio", FORM["token"], request, "x-twilio-signature")
    unsaid = {name: value for name, value in request.headers.items() if "settings" not in name}
    assert not accepted("twilio", FORM["token"], changed(request, headers=unsaid))


def test_unknown_signature_algorithm_is_refused() -> None:
    settings = {"x-twilio-webhooks-signature-settings": "key=k,algorithm=NONE"}
    assert not accepted("twilio", FORM["token"], form_request(**settings))


def test_signature_covers_each_value_of_a_repeated_field_once() -> None:
    body = b"CallSid=CA1&Digits=2&Digits=1&Digits=2"
    given = b64encode(
        hmac.new(b"secret-1", (FORM["url"] + "CallSidCA1Digits1Digits2").encode(), "sha1").digest()
    )
    request = changed(form_request(**{"x-twilio-signature": given.decode()}), body=body)
    assert accepted("twilio", "secret-1", request)


# Calls


def test_inbound_call_that_an_agent_answers() -> None:
    made = projection("inbound_answered")
    call = made.call
    assert (call.direction, call.status, call.reason, call.call_type) == (
        "inbound",
        "answered",
        None,
        "direct",
    )
    assert (call.from_, call.to, call.did) == ("+14085551234", "+14085559876", "+14085559876")
    assert after(call) == (0, 1, 20, 272)
    assert (call.duration_seconds, call.talk_time_seconds, call.billable_seconds) == (272, 251, 271)
    assert call.agent is not None
    assert call.agent.id == "jordan"
    assert call.ring_time_seconds == 13
    assert [digit.digit for digit in call.digits] == ["1"]
    [recording] = call.recordings
    assert (recording.status, recording.duration_seconds, recording.channels) == ("ready", 251, 2)
    assert call.recording_url is not None
    assert call.recording_url.endswith("/RE55555555555555555555555555555555.mp3")
    assert call.custom_fields == {"stir_verstat": "TN-Validation-Passed-A"}
    assert call.data_quality == ()
    assert names(made) == [
        "received", "dtmf", "agent_dialed", "agent_answered", "connected", "ended", "completed", "recording_ready"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "reason", "times", "talk"),
    [
        ("inbound_nobody_answers", "missed", "no_answer", (0, 1, None, 24), 0),
        ("inbound_voicemail", "voicemail", None, (0, 1, None, 40), 0),
        ("inbound_hangs_up_in_queue", "abandoned", "caller_hangup_in_queue", (0, 1, None, 46), 0),
        ("inbound_two_phones_ring", "answered", None, (0, 1, 9, 30), 21),
        ("outbound_answered", "answered", None, (0, 8, 8, 50), 42),
        ("outbound_busy", "missed", "busy", (0, None, None, 5), 0),
        ("outbound_bad_number", "missed", "invalid_number", (0, None, None, 1), 0),
        ("outbound_machine", "voicemail", None, (0, 8, 8.2, 20), 11),
        ("click_to_call", "answered", None, (0, 4, 11, 42), 30),
        ("click_to_call_agent_missed", "missed", "agent_no_answer", (0, None, None, 30), 0),
        ("completed_only", "missed", "unknown", (1, None, None, 272), 0),
    ],
)
def test_call(name: str, status: str, reason: str | None, times: tuple[float | None, ...], talk: int) -> None:
    call = projection(name).call
    assert (call.status, call.reason) == (status, reason)
    assert after(call) == times
    assert call.talk_time_seconds == talk
    assert call.direction == ("inbound" if name.startswith(("inbound", "completed")) else "outbound")


def test_voicemail_has_its_message_and_its_words() -> None:
    made = projection("inbound_voicemail")
    assert [leg.reason for leg in made.call.missed_agents] == ["busy"]
    assert made.call.missed_agents[0].agent.id == "101"
    assert made.call.transcript is not None
    assert made.call.transcript.turns[0].text == "Please call me back."
    assert {"voicemail_left", "recording_ready", "transcript_ready"} <= set(names(made))


def test_phone_that_rang_in_vain_has_not_missed_what_another_answered() -> None:
    call = projection("inbound_two_phones_ring").call
    assert call.missed_agents == ()
    assert call.agent is not None
    assert call.agent.id == "bob"


def test_queue_is_named_by_the_callbacks_url() -> None:
    call = projection("inbound_hangs_up_in_queue").call
    assert call.queue is not None
    assert (call.queue.id, call.queue.name, call.wait_seconds) == ("QU8", "Support", 40)


def test_click_to_call_rings_the_agent_first() -> None:
    made = projection("click_to_call")
    call = made.call
    assert (call.call_type, call.to, call.caller_id) == ("click_to_call", "+14085551234", "+14085559876")
    assert call.agent is not None
    assert call.agent.number == "+14085550101"
    assert call.custom_fields == {"crm": "A-17"}
    assert names(made) == [
        "initiated", "agent_dialed", "agent_answered", "customer_answered", "connected", "ended", "completed"
    ]  # fmt: skip


def test_click_to_call_may_be_the_sources_setting() -> None:
    lines = (FIXTURES / "click_to_call.jsonl").read_text().splitlines()
    of = source("twilio", settings={"first_leg": "agent"})
    made = told([read("twilio", urlencode(json.loads(line)["params"]).encode(), of=of) for line in lines])
    assert made.call == replace(projection("click_to_call").call, custom_fields={})


def test_event_stream_brings_the_same_call() -> None:
    parsed = read("twilio", (FIXTURES / "event_stream.json").read_bytes(), now=SIGNED_AT + timedelta(days=1))
    assert parsed.ignored == 1
    assert {f.natural_id for f in parsed.facts} <= {
        f.natural_id for one in requests("inbound_answered") for f in one.facts
    }


def test_withheld_number_is_said_to_be() -> None:
    params = FORM["params"] | {"From": "+266696687"}
    call = told([read("twilio", urlencode(params).encode())]).call
    assert (call.from_, call.from_presentation) == (None, "anonymous")


def test_minutes_are_never_taken_for_seconds() -> None:
    facts = read("twilio", urlencode(FORM["params"] | {"Duration": "5", "CallDuration": ""}).encode()).facts
    assert facts[-1].data.billable_seconds is None


def test_retry_is_the_same_fact_and_the_same_key_pressed_twice_is_not() -> None:
    def pressed(token: str) -> Fact:
        body = b"CallSid=CA1&Direction=inbound&CallStatus=in-progress&Digits=1"
        request = Request(url="", headers={"i-twilio-idempotency-token": token}, body=body, now=SIGNED_AT)
        return twilio.read(source("twilio"), request).facts[0]

    assert pressed("a").natural_id == pressed("a").natural_id != pressed("b").natural_id


@pytest.mark.parametrize(
    "body",
    [b"CallSid=CA1&StatusCallbackEvent=participant-join&ConferenceSid=CF1", b"CallSid=CA1&CallStatus=new"],
)
def test_what_says_nothing_of_a_call_is_ignored(body: bytes) -> None:
    parsed = read("twilio", body)
    assert (parsed.facts, parsed.ignored) == ((), 1)


@pytest.mark.parametrize("body", [b"", b"CallSid=", b"CallSid=" + b"x" * 201, b"MessageSid=SM1"])
def test_request_without_a_call_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read("twilio", body)


def test_copy_passed_on_as_the_docs_say_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources" / "twilio.md").read_text()
    sample: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], sample)  # noqa: S102 (our own page)
    sent: list[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: sent.append(request))
    sample["pass_on"](FORM["params"], FORM["url"], FORM["token"])
    headers = {"x-twilio-signature": sent[0].get_header("X-twilio-signature")}
    request = Request(url=sent[0].full_url, headers=headers, body=sent[0].data, now=SIGNED_AT)
    assert accepted("twilio", FORM["token"], request)


@pytest.mark.parametrize("given", ["", "AC", "ac" + "2" * 32, "AC" + "2" * 31 + "/", 22, ["AC" + "2" * 32]])
def test_account_sid_that_is_none_is_refused(given: Any) -> None:
    twilio.check_settings(source("twilio", settings={"account_sid": "AC" + "2" * 32, "first_leg": "agent"}))
    with pytest.raises(Invalid, match="account_sid"):
        twilio.check_settings(source("twilio", settings={"account_sid": given}))


def test_a_key_that_is_no_call_sid_is_asked_about_nowhere() -> None:
    asking = source("twilio", settings={"account_sid": "AC" + "2" * 32})
    assert twilio.question(asking, "CA" + "1" * 32, SIGNED_AT) is not None
    for key in ("", "CA1", "../" + "1" * 31, "CA" + "1" * 32 + "\n"):
        assert twilio.question(asking, key, SIGNED_AT) is None
