# Telnyx: requests, answers, webhooks (S3, S5, S6). Its signature is held by tests/sources/telnyx and the contract.

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.channels.sms.telnyx import telnyx
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Receipt
from aftercall.engine.messaging import Answer, Heard
from aftercall.engine.reading import read
from tests.channels.sms.contract import CALLBACK, TEXT, callback, fixture, header_of, submission

PROFILE = "4000eba1-a0c0-4563-9925-b25e842a7cb6"


def made(**more: Any) -> Any:
    public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8032, 7.1
    return read({"api_key": "KEY-of-tests", "public_key": public} | more, telnyx.Settings, field="settings")


def submitted(body: bytes | dict[str, Any], status: int = 200) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return telnyx.submitted(submission(made()), Answer(status=status, body=raw))


def body_of(settings: Any = None, **sms: Any) -> Any:
    return json.loads(telnyx.submit(submission(settings or made(), **sms)).body)


def heard(name: str) -> Heard:
    return telnyx.hear(made(), callback(fixture(f"telnyx/{name}.json"), "reference=dl_01"))


def test_submit() -> None:
    question = telnyx.submit(submission(made(), sender="+18445550001"))
    assert question.url == "https://api.telnyx.com/v2/messages"
    assert header_of(question, "Authorization") == "Bearer KEY-of-tests"
    assert json.loads(question.body) == {
        "from": "+18445550001", "to": "+15558675310", "text": TEXT, "type": "SMS",
        "webhook_url": f"{CALLBACK}?reference=dl_01",
    }  # fmt: skip


def test_submit_with_a_name_needs_the_profile() -> None:
    body = body_of(made(messaging_profile_id=PROFILE), sender="ACME", sender_kind="alphanumeric")
    assert (body["from"], body["messaging_profile_id"]) == ("ACME", PROFILE)


def test_submit_from_a_pool() -> None:
    body = body_of(sender=PROFILE, sender_kind="pool")
    assert body["messaging_profile_id"] == PROFILE
    assert "from" not in body


def test_submitted() -> None:
    assert submitted(fixture("telnyx/created.json")) == Outcome(
        ok=True, status_code=200, provider_ids=("40385f64-5717-4562-b3fc-2c963f66afa6",), segments=1,
        price="0.0051", currency="USD",
    )  # fmt: skip


def test_submitted_when_a_success_has_an_error_inside() -> None:
    created = json.loads(fixture("telnyx/created.json"))
    created["data"]["errors"] = [{"code": "40001", "title": "Not routable"}]
    outcome = submitted(created)
    assert (outcome.ok, outcome.error, outcome.provider_code) == (False, "unreachable", "40001")


def test_submitted_when_the_recipient_has_opted_out() -> None:
    said = {"code": "40300", "title": "Blocked due to STOP message", "detail": "An existing block rule."}
    outcome = submitted({"errors": [said]}, 403)
    assert (outcome.error, outcome.suppress, outcome.retry) == ("opted_out", True, False)


def test_submitted_when_the_same_code_is_about_the_sender() -> None:
    outcome = submitted(
        {"errors": [{"code": "40300", "title": "The from number has no messaging profile"}]}, 403
    )
    assert (outcome.error, outcome.suppress) == ("sender", False)


def test_submitted_when_the_key_is_wrong() -> None:
    outcome = submitted({"errors": [{"code": "10009", "title": "Authentication failed"}]}, 401)
    assert (outcome.error, outcome.retry) == ("credentials", False)


def test_receipt_when_sent() -> None:
    [told] = heard("sent").receipts
    assert (told.status, told.at) == ("sent", datetime(2019, 1, 23, 18, 10, 3, tzinfo=UTC))


def test_receipt_when_delivered() -> None:
    assert heard("finalized").receipts == (
        Receipt(
            provider_id="40385f64-5717-4562-b3fc-2c963f66afa6", reference="dl_01", status="delivered",
            provider_status="delivered", at=datetime(2019, 1, 23, 18, 10, 5, tzinfo=UTC), segments=1,
            price="0.0051", currency="USD",
        ),
    )  # fmt: skip


def test_receipt_when_it_failed() -> None:
    [told] = heard("finalized-failed").receipts
    assert (told.status, told.error, told.provider_code) == ("undelivered", "filtered", "40002")
    assert told.detail.startswith("Telnyx says 40002 (Blocked as spam - temporary, The message was flagged")


def test_text() -> None:
    [came] = heard("received").texts
    assert (came.from_, came.to, came.text, came.keyword) == ("+18665550001", "+18445550001", "STOP", "stop")


def test_event_of_another_kind_says_nothing() -> None:
    body = b'{"data": {"event_type": "message.link_click", "payload": {"id": "1"}}}'
    told = telnyx.hear(made(), callback(body))
    assert (told.receipts, told.texts) == ((), ())


def test_webhook_that_is_none() -> None:
    with pytest.raises(Unreadable):
        telnyx.hear(made(), callback(b'{"data": {}}'))


def test_settings_when_the_public_key_is_none() -> None:
    with pytest.raises(Invalid, match=r"settings\.public_key"):
        made(public_key="abc")


def test_probe() -> None:
    assert telnyx.probe(made()).url == "https://api.telnyx.com/v2/balance"
    answer = Answer(status=200, body=fixture("telnyx/balance.json"))
    assert telnyx.probed(answer) == "Telnyx takes the login. Credit: 400.00 USD"
