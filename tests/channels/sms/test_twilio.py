# Twilio: requests, answers, callbacks with Twilio's own validator as oracle, and the look-up (S3, S5, S6).

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # it has no types

from aftercall.channels.sms.twilio import twilio
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unauthenticated, Unreadable
from aftercall.domain.message import Receipt
from aftercall.engine.messaging import Answer
from aftercall.engine.reading import read
from aftercall.engine.upstream import Request
from tests.channels.sms.contract import (
    CALLBACK,
    NOW,
    callback,
    fixture,
    form_of,
    header_of,
    query_of,
    submission,
)

TOKEN, SHARED = "12345678901234567890123456789012", "shared-key-of-tests"
SID = "AC22222222222222222222222222222222"
TO = "+15558675310"


def made(**more: Any) -> Any:
    given = {"account_sid": SID, "auth_token": TOKEN, "signing_secret": SHARED} | more
    return read(given, twilio.Settings, field="settings")


def submitted(body: bytes, status: int = 201) -> Outcome:
    return twilio.submitted(submission(made()), Answer(status=status, body=body))


def receipt(name: str, **more: str) -> Receipt:
    body = fixture(f"twilio/{name}.txt") + "".join(f"&{n}={v}" for n, v in more.items()).encode()
    return twilio.hear(made(), callback(body, "reference=dl_01")).receipts[0]


# Submit


def test_submit() -> None:
    question = twilio.submit(submission(made(), sender="+14155552345", validity_seconds=600))
    assert question.method == "POST"
    assert question.url == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
    assert form_of(question) == {
        "To": TO, "From": "+14155552345", "Body": "Thanks for your call, we call back today",
        "StatusCallback": f"{CALLBACK}?reference=dl_01", "ValidityPeriod": "600",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "sms", "expected"),
    [
        ({"sender": "+14155550000"}, {}, {"From": "+14155550000"}),
        ({}, {"sender": "ACME", "sender_kind": "alphanumeric"}, {"From": "ACME"}),
        ({}, {"sender": "MG" + 32 * "1", "sender_kind": "pool"}, {"MessagingServiceSid": "MG" + 32 * "1"}),
        ({"messaging_service_sid": "MG" + 32 * "1"}, {}, {"MessagingServiceSid": "MG" + 32 * "1"}),
        (
            {"messaging_service_sid": "MG" + 32 * "1"},
            {"sender": "+14155550000"},
            {"MessagingServiceSid": "MG" + 32 * "1", "From": "+14155550000"},
        ),
        ({"smart_encoded": True}, {}, {"SmartEncoded": "true"}),
        ({"say_intent": True}, {"category": "promotional"}, {"MessageIntent": "marketing"}),
        ({}, {"validity_seconds": 99_999}, {"ValidityPeriod": "36000"}),
    ],
)
def test_submit_says_what_is_set(
    settings: dict[str, Any], sms: dict[str, Any], expected: dict[str, str]
) -> None:
    form = form_of(twilio.submit(submission(made(**settings), callback_url=None, **sms)))
    assert {name: value for name, value in form.items() if name not in ("To", "Body")} == expected


def test_submit_with_an_api_key() -> None:
    with_key = made(api_key_sid="SK" + 32 * "3", api_key_secret="key-secret")
    login = header_of(twilio.submit(submission(with_key)), "Authorization")
    assert login != header_of(twilio.submit(submission(made())), "Authorization")


def test_settings_when_wrong() -> None:
    with pytest.raises(Invalid, match=r"settings\.account_sid"):
        made(account_sid="AC1/../x")


# Answers


def test_submitted() -> None:
    outcome = submitted(fixture("twilio/created.json"))
    assert outcome == Outcome(
        ok=True, status_code=201, provider_ids=("SM33333333333333333333333333333333",), segments=1
    )


def test_submitted_when_refused() -> None:
    outcome = submitted(fixture("twilio/refused.json"), 400)
    assert (outcome.error, outcome.provider_code, outcome.retry) == ("invalid_recipient", "21211", False)
    assert outcome.detail == (
        "Twilio says 21211 (The 'To' number … is not a valid phone number): it is no valid number; correct it"
    )


def test_submitted_when_opted_out() -> None:
    outcome = submitted(b'{"code": 21610, "message": "unsubscribed recipient", "status": 400}', 400)
    assert (outcome.error, outcome.suppress) == ("opted_out", True)


def test_submitted_when_a_success_has_an_error_inside() -> None:
    message = json.loads(fixture("twilio/created.json")) | {"status": "failed", "error_code": 30034}
    outcome = submitted(json.dumps(message).encode())
    assert (outcome.ok, outcome.error, outcome.provider_code) == (False, "registration", "30034")


def test_submitted_when_the_code_is_new() -> None:
    outcome = submitted(b'{"code": 29999, "message": "Something new"}', 400)
    assert (outcome.error, outcome.provider_code, outcome.retry) == ("config", "29999", False)
    assert "Something new" in outcome.detail


# Callbacks


def test_receipt_when_delivered() -> None:
    assert receipt("status-delivered") == Receipt(
        provider_id="SM33333333333333333333333333333333", reference="dl_01", status="delivered",
        provider_status="delivered", at=datetime(2023, 8, 24, 5, 3, tzinfo=UTC),
    )  # fmt: skip


def test_receipt_when_undelivered() -> None:
    told = receipt("status-undelivered")
    assert (told.status, told.error, told.provider_code) == ("undelivered", "unreachable", "30003")
    assert told.detail.startswith("Twilio says 30003: the phone is switched off")


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("queued", "", "queued"), ("accepted", "", "queued"), ("sending", "", "queued"), ("sent", "", "sent"),
        ("read", "", "delivered"), ("failed", "30007", "failed"), ("canceled", "", "failed"),
        ("failed", "30036", "expired"), ("a-new-one", "", "queued"),
    ],
)  # fmt: skip
def test_receipt_statuses(status: str, code: str, expected: str) -> None:
    body = urlencode({"MessageSid": "SM1", "MessageStatus": status} | ({"ErrorCode": code} if code else {}))
    [told] = twilio.hear(made(), callback(body.encode())).receipts
    assert (told.status, told.provider_status) == (expected, status)


def test_receipt_that_is_about_nothing() -> None:
    with pytest.raises(Unreadable):
        twilio.hear(made(), callback(b"MessageStatus=sent"))


def test_text_that_says_stop() -> None:
    heard = twilio.hear(made(), callback(fixture("twilio/inbound-stop.txt")))
    [came] = heard.texts
    assert (came.from_, came.to, came.text, came.keyword) == (TO, "+14155552345", "Stop", "stop")
    assert heard.reply is not None
    assert (heard.reply.status, heard.reply.body, heard.reply.content_type) == (
        200,
        b"<Response/>",
        "text/xml",
    )


# Signatures: what Twilio's own library signs, we accept


def verify(request: Request, **settings: str) -> bool:
    try:
        twilio.verify(made(**settings), request)
    except Unauthenticated:
        return False
    return True


class Repeated(dict[str, list[str]]):
    """What web frameworks give the library: several values a name."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def signed(url: str, fields: dict[str, list[str]], algorithm: str | None, secret: str) -> Request:
    signature = RequestValidator(secret).compute_signature(url, Repeated(fields), algorithm)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    if algorithm is not None:
        headers["x-twilio-webhooks-signature-settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    body = urlencode(fields, doseq=True).encode()
    return Request(url=url, query=urlsplit(url).query, headers=headers, body=body, now=NOW)


NAMES, VALUES = st.text("aZ09_é ", min_size=1, max_size=6), st.text(max_size=6)
FIELDS = st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3), max_size=5)


@pytest.mark.parametrize(
    ("algorithm", "secret"), [(None, TOKEN), ("HMAC_SHA1", TOKEN), ("HMAC_SHA256", SHARED)]
)
@given(fields=FIELDS)
def test_what_twilio_signs_is_accepted(
    algorithm: str | None, secret: str, fields: dict[str, list[str]]
) -> None:
    request = signed(f"{CALLBACK}?reference=dl_01", fields, algorithm, secret)
    assert verify(request)
    assert not verify(request, auth_token="another", signing_secret="another")


@pytest.mark.parametrize("signed_port", ["", ":443"])
@pytest.mark.parametrize("our_port", ["", ":443"])
def test_what_twilio_signs_with_or_without_port_is_accepted(signed_port: str, our_port: str) -> None:
    theirs = CALLBACK.replace(".com", f".com{signed_port}")
    request = signed(theirs, {"MessageSid": ["SM1"]}, None, TOKEN)
    ours = CALLBACK.replace(".com", f".com{our_port}")
    assert verify(Request(url=ours, headers=request.headers, body=request.body, now=NOW))


def test_a_signature_for_another_address_is_refused() -> None:
    request = signed(CALLBACK, {"MessageSid": ["SM1"]}, None, TOKEN)
    assert not verify(Request(url=CALLBACK + "x", headers=request.headers, body=request.body, now=NOW))


# Questions


def test_look_up() -> None:
    question = twilio.look_up(submission(made()), NOW)
    assert (question.method, question.body) == ("GET", b"")
    assert query_of(question) == {"To": TO, "DateSent>": "2026-11-20T09:59:30Z", "PageSize": "100"}


def test_looked_up_finds_the_first_with_the_same_text() -> None:
    answer = Answer(status=200, body=fixture("twilio/listed.json"))
    found = twilio.looked_up(submission(made(), text="Hi there"), answer)
    assert found is not None
    assert (found.ok, found.provider_ids, found.price) == (
        True,
        ("SM44444444444444444444444444444444",),
        "0.00750",
    )
    assert found.currency == "USD"


def test_looked_up_when_there_is_none() -> None:
    answer = Answer(status=200, body=fixture("twilio/listed.json"))
    assert twilio.looked_up(submission(made(), text="Never sent"), answer) is None


def test_looked_up_when_it_failed() -> None:
    listed = json.loads(fixture("twilio/listed.json"))
    listed["messages"][1] |= {"status": "undelivered", "error_code": 30005}
    found = twilio.looked_up(
        submission(made(), text="Hi there"), Answer(status=200, body=json.dumps(listed).encode())
    )
    assert found is not None
    assert (found.ok, found.error, found.in_doubt) == (False, "unreachable", False)


def test_probe() -> None:
    assert twilio.probe(made()).url.endswith(f"/Accounts/{SID}/Balance.json")
    line = twilio.probed(Answer(status=200, body=fixture("twilio/balance.json")))
    assert line == "Twilio takes the login. Balance: 12.34 USD"


def test_probed_when_the_login_is_wrong() -> None:
    with pytest.raises(Invalid, match="does not take the login"):
        twilio.probed(Answer(status=401, body=b"{}"))
