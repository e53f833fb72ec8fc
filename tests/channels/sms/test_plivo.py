# Plivo: requests, answers, callbacks and their signatures V2 and V3 (S3, S5, S6).

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from aftercall.channels.sms.plivo import plivo
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unauthenticated, Unreadable
from aftercall.domain.message import Receipt
from aftercall.engine.messaging import Answer
from aftercall.engine.reading import read
from tests.channels.sms.contract import CALLBACK, DLT, TEXT, callback, fixture, submission, with_headers

TOKEN = "plivo-token-of-tests"
POWERPACK = "86bbb125-97bb-4d72-89fd-81d5c515b015"


def made(**more: Any) -> Any:
    return read(
        {"auth_id": "MAXXXXXXXXXXXXXXXXXX", "auth_token": TOKEN} | more, plivo.Settings, field="settings"
    )


def submitted(body: bytes, status: int = 202) -> Outcome:
    return plivo.submitted(submission(made()), Answer(status=status, body=body))


def body_of(settings: Any = None, **sms: Any) -> Any:
    return json.loads(plivo.submit(submission(settings or made(), **sms)).body)


def test_submit() -> None:
    question = plivo.submit(submission(made(), sender="+14155552345"))
    assert question.url == "https://api.plivo.com/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/"
    assert json.loads(question.body) == {
        "src": "14155552345", "dst": "15558675310", "text": TEXT, "type": "sms",
        "url": f"{CALLBACK}?reference=dl_01", "method": "POST",
    }  # fmt: skip


def test_submit_with_dlt() -> None:
    body = body_of(
        to="+919876543210", sender="ACMEIN", sender_kind="dlt_header", category="promotional", dlt=DLT
    )
    assert body["src"] == "ACMEIN"
    assert body["dlt_entity_id"] == DLT.entity_id
    assert (body["dlt_template_id"], body["dlt_template_category"]) == (DLT.template_id, "promotional")


def test_submit_with_a_powerpack() -> None:
    assert body_of(made(powerpack_uuid=POWERPACK))["powerpack_uuid"] == POWERPACK
    body = body_of(sender=POWERPACK, sender_kind="pool")
    assert body["powerpack_uuid"] == POWERPACK
    assert "src" not in body


def test_submit_with_a_validity_and_without_a_log() -> None:
    body = body_of(made(log_texts=False), validity_seconds=86_400)
    assert (body["message_expiry"], body["log"]) == (10_800, "false")


def test_submitted() -> None:
    assert submitted(fixture("plivo/created.json")) == Outcome(
        ok=True, status_code=202, provider_ids=("db3ce55a-7f1d-11e1-8ea7-1231380bc196",)
    )


def test_submitted_when_refused() -> None:
    outcome = submitted(fixture("plivo/refused.json"), 404)
    assert (outcome.error, outcome.retry) == ("config", False)
    assert outcome.detail.startswith("Plivo says 404 (not found): ")


def test_submitted_when_there_is_no_credit() -> None:
    outcome = submitted(b'{"api_id": "1", "error": "Insufficient credit"}', 400)
    assert (outcome.error, outcome.provider_code) == ("credit", "900")


def test_submitted_when_a_success_says_the_number_is_invalid() -> None:
    outcome = submitted(b'{"message_uuid": [], "invalid_number": ["123"], "api_id": "1"}')
    assert (outcome.ok, outcome.error) == (False, "invalid_recipient")


def test_receipt_when_delivered() -> None:
    [told] = plivo.hear(made(), callback(fixture("plivo/status-delivered.txt"), "reference=dl_01")).receipts
    assert told == Receipt(
        provider_id="db3ce55a-7f1d-11e1-8ea7-1231380bc196", reference="dl_01", status="delivered",
        provider_status="delivered", at=datetime(2023, 8, 24, 5, 1, 50, 423456, UTC), segments=1,
        price="0.00350", currency="USD",
    )  # fmt: skip


def test_receipt_when_the_recipient_has_opted_out() -> None:
    [told] = plivo.hear(made(), callback(fixture("plivo/status-stop.txt"))).receipts
    assert (told.status, told.error, told.suppress) == ("undelivered", "opted_out", True)


def test_receipt_that_comes_as_a_query() -> None:
    [told] = plivo.hear(made(), callback(b"", "MessageUUID=u1&Status=sent&reference=dl_01")).receipts
    assert (told.provider_id, told.reference, told.status) == ("u1", "dl_01", "sent")


def test_text() -> None:
    [came] = plivo.hear(made(), callback(fixture("plivo/inbound.txt"))).texts
    assert (came.from_, came.to, came.text, came.keyword) == ("+15558675310", "+14155552345", "STOP", "stop")


def test_callback_that_is_neither() -> None:
    with pytest.raises(Unreadable):
        plivo.hear(made(), callback(b"MessageUUID=u1"))


def mac(said: str, token: str = TOKEN) -> str:
    return b64encode(hmac.new(token.encode(), said.encode(), sha256).digest()).decode()


def test_signature_v2_covers_the_address_without_its_query() -> None:
    request = callback(b"Status=sent&MessageUUID=u1", "reference=dl_01")
    plivo.verify(
        made(),
        with_headers(request, x_plivo_signature_v2=mac(f"{CALLBACK}77"), x_plivo_signature_v2_nonce="77"),
    )


def test_signature_v2_with_the_main_accounts_token() -> None:
    given = {"x_plivo_signature_v2": mac("x"), "x_plivo_signature_ma_v2": mac(f"{CALLBACK}77")}
    plivo.verify(made(), with_headers(callback(b"a=b"), x_plivo_signature_v2_nonce="77", **given))


def test_signature_v3_where_it_is_given_must_be_right() -> None:
    right = with_headers(
        callback(b"Status=sent"), x_plivo_signature_v2=mac(f"{CALLBACK}77"), x_plivo_signature_v2_nonce="77",
        x_plivo_signature_v3=mac(f"{CALLBACK}?Statussent.77"), x_plivo_signature_v3_nonce="77",
    )  # fmt: skip
    plivo.verify(made(), right)
    with pytest.raises(Unauthenticated):
        plivo.verify(made(), with_headers(right, x_plivo_signature_v3=mac("something else")))


def test_probe() -> None:
    assert plivo.probe(made()).url == "https://api.plivo.com/v1/Account/MAXXXXXXXXXXXXXXXXXX/"
    answer = Answer(status=200, body=fixture("plivo/account.json"))
    assert plivo.probed(answer) == "Plivo takes the login. Credit: 100.35 USD"


def test_text_of_a_picture_is_its_caption() -> None:
    [came] = plivo.hear(
        made(), callback(b"From=15558675310&To=14155552345&Type=mms&Body=Look&MediaCount=1")
    ).texts
    assert came.text == "Look"
