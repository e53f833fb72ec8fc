# Vonage: requests, answers that are 200 whatever happens, receipts part by part, two kinds of signature (S3, S5, S6).

import hmac
import json
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from urllib.parse import urlencode

import pytest

from aftercall.channels.sms.vonage import vonage
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unauthenticated
from aftercall.domain.message import Receipt
from aftercall.engine.messaging import Answer
from aftercall.engine.reading import read
from aftercall.engine.upstream import Request
from tests.channels.sms.contract import (
    CALLBACK,
    DLT,
    NOW,
    REFERENCE,
    TEXT,
    callback,
    changed,
    fixture,
    form_of,
    query_of,
    submission,
)

SECRET = "signature-secret-of-tests"


def made(**more: Any) -> Any:
    given = {"api_key": "abcd1234", "api_secret": "api-secret", "sender": "AcmeInc"} | more
    return read(given, vonage.Settings, field="settings")


def submitted(body: bytes | dict[str, Any], status: int = 200) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return vonage.submitted(submission(made()), Answer(status=status, body=raw))


def part(status: str, **more: str) -> dict[str, str]:
    return {"status": status, "message-id": f"m{status}"} | more


def test_submit() -> None:
    question = vonage.submit(submission(made(), validity_seconds=600))
    assert question.url == "https://rest.nexmo.com/sms/json"
    assert form_of(question) == {
        "from": "AcmeInc", "to": "15558675310", "text": TEXT, "type": "text", "client-ref": REFERENCE,
        "callback": CALLBACK, "ttl": "600000",
    }  # fmt: skip


def test_submit_with_dlt_and_unicode() -> None:
    form = form_of(vonage.submit(submission(made(), dlt=DLT, encoding="ucs2", sender="+919876543210")))
    assert (form["entity-id"], form["content-id"], form["type"]) == (
        DLT.entity_id,
        DLT.template_id,
        "unicode",
    )
    assert form["from"] == "919876543210"


def test_submit_leaves_out_a_callback_that_is_too_long() -> None:
    form = form_of(vonage.submit(submission(made(), callback_url=f"https://example.com/{'x' * 100}")))
    assert "callback" not in form


@pytest.mark.parametrize(("seconds", "ttl"), [(1, "20000"), (10**9, "604800000")])
def test_submit_keeps_the_validity_within_bounds(seconds: int, ttl: str) -> None:
    assert form_of(vonage.submit(submission(made(), validity_seconds=seconds)))["ttl"] == ttl


def test_submitted() -> None:
    assert submitted(fixture("vonage/created.json")) == Outcome(
        ok=True, status_code=200, provider_ids=("aaaaaaaa-bbbb-cccc-dddd-0123456789ab",), segments=1,
        price="0.03330000", currency="EUR",
    )  # fmt: skip


def test_submitted_in_parts_has_an_id_a_part() -> None:
    outcome = submitted(fixture("vonage/created-two-parts.json"))
    assert outcome.provider_ids == ("0A0000000123ABCD1", "0A0000000123ABCD2")
    assert (outcome.segments, outcome.price) == (2, "0.06660000")


def test_submitted_when_a_200_says_no() -> None:
    outcome = submitted(fixture("vonage/refused.json"))
    assert (outcome.ok, outcome.error, outcome.retry, outcome.in_doubt) == (
        False,
        "credentials",
        False,
        False,
    )
    assert outcome.detail.startswith("Vonage says 4 (Bad Credentials): the API key or secret is wrong")


def test_submitted_when_throttled() -> None:
    outcome = submitted({"messages": [{"status": "1", "error-text": "Throughput Rate Exceeded"}]})
    assert (outcome.error, outcome.retry) == ("throttled", True)


def test_submitted_when_some_parts_were_taken_is_in_doubt() -> None:
    outcome = submitted({"messages": [part("0"), part("1")]})
    assert (outcome.in_doubt, outcome.retry, outcome.provider_ids) == (True, False, ("m0", "m1"))


def test_submitted_when_vonage_failed_is_in_doubt() -> None:
    outcome = submitted({"messages": [{"status": "5", "error-text": "Internal Error"}]})
    assert (outcome.in_doubt, outcome.provider_code) == (True, "5")


def test_receipt() -> None:
    expected = Receipt(
        provider_id="0A0000000123ABCD1", reference=REFERENCE, status="delivered", provider_status="delivered",
        at=datetime(2020, 1, 1, 12, tzinfo=UTC),
    )  # fmt: skip
    body = fixture("vonage/delivered.json")
    assert vonage.hear(made(), callback(body)).receipts == (expected,)
    fields = urlencode(json.loads(body))
    assert vonage.hear(made(), callback(fields.encode())).receipts == (expected,)
    assert vonage.hear(made(), callback(b"", fields)).receipts == (expected,)


def test_receipt_when_the_recipient_has_opted_out() -> None:
    [told] = vonage.hear(made(), callback(fixture("vonage/opted-out.json"))).receipts
    assert (told.status, told.error, told.provider_code, told.suppress) == (
        "failed",
        "opted_out",
        "dlr-9",
        True,
    )


def test_text() -> None:
    [came] = vonage.hear(made(), callback(fixture("vonage/inbound.json"))).texts
    assert (came.from_, came.to, came.text) == ("+447700900001", "+447700900000", "Hello world")


def test_callbacks_are_not_checked_without_a_signature_secret() -> None:
    vonage.verify(made(), callback(b"{}"))


# The parameter `sig`, reckoned here as the vendor's page describes it


def signed(method: str, **fields: str) -> Request:
    given = {"msisdn": "447700900001", "text": "a&b=c", "timestamp": str(int(NOW.timestamp()))} | fields
    said = "".join(f"&{name}={given[name].replace('&', '_').replace('=', '_')}" for name in sorted(given))
    if method == "md5hash":
        sig = md5((said + SECRET).encode(), usedforsecurity=False).hexdigest()
    else:
        sig = hmac.new(SECRET.encode(), said.encode(), method).hexdigest().upper()
    return callback(urlencode(given | {"sig": sig}).encode())


def accepted(request: Request, method: str) -> bool:
    try:
        vonage.verify(made(signature_secret=SECRET, signature_method=method), request)
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("method", ["md5hash", "md5", "sha1", "sha256", "sha512"])
def test_sig(method: str) -> None:
    request = signed(method)
    assert accepted(request, method)
    assert not accepted(request, "sha256" if method != "sha256" else "sha1")
    assert not accepted(changed(request, body=request.body.replace(b"a%26b", b"a%26x")), method)
    assert not accepted(changed(request, body=request.body.partition(b"&sig")[0]), method)


def test_sig_when_old() -> None:
    assert not accepted(signed("sha256", timestamp=str(int(NOW.timestamp()) - 400)), "sha256")


# Questions


def test_look_up_by_our_reference() -> None:
    question = vonage.look_up(submission(made()), NOW)
    assert question.url.startswith("https://api.nexmo.com/v2/reports/records?")
    asked = query_of(question)
    assert (asked["product"], asked["to"], asked["date_start"]) == (
        "SMS",
        "15558675310",
        "2026-11-20T09:59:30Z",
    )


def test_looked_up() -> None:
    found = vonage.looked_up(submission(made()), Answer(status=200, body=fixture("vonage/records.json")))
    assert found is not None
    assert (found.ok, found.provider_ids) == (True, ("0A0000000123ABCD1",))


def test_looked_up_when_there_is_none() -> None:
    answer = Answer(status=200, body=b'{"records": [{"client_ref": "another", "message_id": "m"}]}')
    assert vonage.looked_up(submission(made()), answer) is None


def test_looked_up_when_it_failed() -> None:
    record = {"client_ref": REFERENCE, "message_id": "m", "status": "failed", "error_code": "9"}
    answer = Answer(status=200, body=json.dumps({"records": [record]}).encode())
    found = vonage.looked_up(submission(made()), answer)
    assert found is not None
    assert (found.ok, found.error, found.suppress) == (False, "opted_out", True)


def test_probe() -> None:
    assert vonage.probe(made()).url == "https://rest.nexmo.com/account/get-balance"
    line = vonage.probed(Answer(status=200, body=b'{"value": 3.14159, "autoReload": false}'))
    assert line == "Vonage takes the login. Balance: 3.14159 EUR"


def test_text_that_is_binary_is_empty() -> None:
    [came] = vonage.hear(made(), callback(b"msisdn=447700900001&to=447700900000&type=binary&data=00")).texts
    assert came.text == ""
