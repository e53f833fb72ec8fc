# S3, S6: what is special about MSG91; what holds for every provider is in test_provider_contract.py. Payloads are
# built from documentation, see fixtures/msg91/README.md.

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.channels.sms.msg91 import Msg91Settings, msg91
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Receipt
from aftercall.engine.messaging import Answer
from tests.channels.sms.contract import DLT, callback, fixture, form_of, header_of, submission

FLOW = "60f1a2b3c4d5e6f7a8b9c0d1"
SETTINGS = Msg91Settings(authkey="271234A-key", sender="ACMEIN", flows={DLT.template_id: FLOW})
INDIAN: dict[str, Any] = {"to": "+919876543210", "dlt": DLT}


def body(settings: Msg91Settings = SETTINGS, **sms: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(msg91.submit(submission(settings, **sms)).body)
    return made


def heard(name: str) -> tuple[Receipt, ...]:
    return msg91.hear(SETTINGS, callback(fixture(f"msg91/{name}"))).receipts


def test_the_key_stands_in_a_header() -> None:
    question = msg91.submit(submission(SETTINGS))
    assert header_of(question, "authkey") == "271234A-key"
    assert b"271234A-key" not in question.body


def test_a_template_with_a_flow_is_filled_in_by_msg91() -> None:
    question = msg91.submit(submission(SETTINGS, **INDIAN, variables=("Asha", "14:30")))
    assert question.url == "https://control.msg91.com/api/v5/flow"
    assert json.loads(question.body) == {
        "template_id": FLOW,
        "short_url": "0",
        "recipients": [{"mobiles": "919876543210", "VAR1": "Asha", "VAR2": "14:30"}],
        "sender": "ACMEIN",
        "CRQID": "dl_01",
    }


def test_a_text_without_a_flow_is_sent_as_it_is_written() -> None:
    settings = Msg91Settings(authkey="k", sender="ACMEIN")
    question = msg91.submit(submission(settings, **INDIAN, text="Thanks"))
    assert question.url == "https://api.msg91.com/api/v2/sendsms"
    assert json.loads(question.body) == {
        "route": "4",
        "country": "91",
        "unicode": 0,
        "sms": [{"message": "Thanks", "to": ["919876543210"]}],
        "DLT_TE_ID": DLT.template_id,
        "sender": "ACMEIN",
        "CRQID": "dl_01",
    }


def test_promotional_texts_have_a_route_of_their_own() -> None:
    assert body(category="promotional")["route"] == "1"


def test_a_number_of_another_country_is_international() -> None:
    assert body(to="+15558675310")["country"] == "0"


def test_unicode_is_said() -> None:
    assert body(encoding="ucs2")["unicode"] == 1


def test_another_address_is_used_for_both_apis() -> None:
    settings = Msg91Settings(authkey="k", api_base="https://sms.example.com/")
    assert msg91.submit(submission(settings)).url == "https://sms.example.com/api/v2/sendsms"
    assert msg91.probe(settings).url == "https://sms.example.com/api/balance.php"


def test_the_request_id_finds_the_receipts() -> None:
    outcome = msg91.submitted(submission(SETTINGS), Answer(status=200, body=fixture("msg91/taken.json")))
    assert (outcome.ok, outcome.provider_ids) == (True, ("346XXXXXXXXXXXX130",))


def test_a_200_with_an_error_inside_is_a_failure() -> None:
    outcome = msg91.submitted(submission(SETTINGS), Answer(status=200, body=fixture("msg91/refused.json")))
    assert (outcome.ok, outcome.error, outcome.provider_code) == (False, "invalid_recipient", "202")
    assert outcome.detail.endswith("it is no valid number; correct it")


def test_a_server_that_is_not_on_the_list_is_told_so() -> None:
    answer = Answer(status=401, body=fixture("msg91/refused-address.json"))
    outcome = msg91.submitted(submission(SETTINGS), answer)
    assert (outcome.error, outcome.provider_code) == ("credentials", "418")
    assert "whitelisted IPs" in outcome.detail


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Please provide valid authkey", "207"),
        ("Insufficient balance", "301"),
        ("Template ID missing", "400"),
        ("IP is not whitelisted", "418"),
    ],
)
def test_a_refusal_without_a_code_is_known_by_its_words(said: str, code: str) -> None:
    answer = Answer(status=200, body=json.dumps({"type": "error", "message": said}).encode())
    assert msg91.submitted(submission(SETTINGS), answer).provider_code == code


def test_a_receipt_of_webhook_v2() -> None:
    assert heard("report-v2.txt") == (
        Receipt(
            provider_id="346XXXXXXXXXXXX130",
            reference="dlv_1",
            status="delivered",
            provider_status="DELIVERED",
            at=datetime(2024, 5, 22, 4, 36, 20, tzinfo=UTC),
            price="0.01",
        ),
    )


def test_receipts_of_a_failure_have_its_reason() -> None:
    mismatch, dnd = heard("report-v2-failed.txt")
    assert (mismatch.status, mismatch.error, mismatch.provider_code) == ("rejected", "blocked", "16")
    assert "(Template mismatch)" in mismatch.detail
    assert (dnd.status, dnd.error, dnd.provider_code, dnd.reference) == ("rejected", "blocked", "9", None)


def test_a_receipt_of_webhook_v3() -> None:
    [receipt] = heard("report-v3.json")
    assert (receipt.status, receipt.provider_id, receipt.reference) == (
        "delivered",
        "346XXXXXXXXXXXX130",
        None,
    )


def test_a_receipt_of_the_new_webhook() -> None:
    [receipt] = heard("report-new.json")
    assert (receipt.status, receipt.error, receipt.reference) == ("failed", "unreachable", "dlv_1")
    assert receipt.at == datetime(2025, 9, 7, 7, 35, 20, tzinfo=UTC)
    assert "(Absent subscriber)" in receipt.detail


def test_a_status_that_is_new_is_no_failure() -> None:
    [receipt] = msg91.hear(SETTINGS, callback(b'{"requestId": "r1", "status": "77"}')).receipts
    assert (receipt.status, receipt.error) == ("sent", None)


def test_webhook_v4_is_unreadable_as_it_names_no_request() -> None:
    v4 = b'[{"data":[{"meta":"0","INMSID":"0","description":"DELIVERED","ts":1726729500}],"event":"delivered"}]'
    with pytest.raises(Unreadable, match="v2 or v3"):
        msg91.hear(SETTINGS, callback(v4))


def test_a_probe_asks_for_the_credit_by_post() -> None:
    question = msg91.probe(SETTINGS)
    assert (question.method, form_of(question)["authkey"]) == ("POST", "271234A-key")
    assert "271234A-key" not in question.url


def test_a_probe_tells_the_credit() -> None:
    assert msg91.probed(Answer(status=200, body=b"4512")).endswith("route: 4512")


def test_a_probe_with_a_wrong_key_is_answered_with_200_and_words() -> None:
    with pytest.raises(Invalid, match="whitelisted IPs"):
        msg91.probed(Answer(status=200, body=b'{"msgType":"error","msg":"Invalid authkey"}'))
