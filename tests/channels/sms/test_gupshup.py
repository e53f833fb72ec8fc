# S3, S5, S6: what is special about Gupshup; what holds for every provider is in test_provider_contract.py. Payloads
# are built from documentation, see fixtures/gupshup/README.md.

from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.channels.sms.gupshup import GupshupSettings, gupshup
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, Text
from aftercall.engine.messaging import Answer
from tests.channels.sms.contract import DLT, callback, fixture, form_of, submission

SETTINGS = GupshupSettings(userid="2000000000", password="gupshup-password", sender="ACMEIN")
ID = "3562707498794989059-328736121207676738"
AT = datetime(2018, 5, 15, 1, 30, tzinfo=UTC)


def outcome(body: bytes) -> Any:
    return gupshup.submitted(submission(SETTINGS), Answer(status=200, body=body))


def test_a_text_with_dlt_ids() -> None:
    question = gupshup.submit(submission(SETTINGS, to="+919876543210", text="Thanks", dlt=DLT))
    assert (question.method, question.url) == ("POST", "https://enterprise.smsgupshup.com/GatewayAPI/rest")
    assert form_of(question) == {
        "method": "SendMessage",
        "v": "1.1",
        "auth_scheme": "plain",
        "format": "text",
        "userid": "2000000000",
        "password": "gupshup-password",
        "send_to": "919876543210",
        "msg": "Thanks",
        "msg_type": "TEXT",
        "mask": "ACMEIN",
        "principalEntityId": DLT.entity_id,
        "dltTemplateId": DLT.template_id,
    }


def test_unicode_is_said() -> None:
    assert form_of(gupshup.submit(submission(SETTINGS, encoding="ucs2")))["msg_type"] == "Unicode_Text"


def test_the_id_finds_the_receipts() -> None:
    taken = outcome(fixture("gupshup/taken.txt"))
    assert (taken.ok, taken.provider_ids) == (True, (ID,))


def test_a_200_with_an_error_inside_is_a_failure() -> None:
    refused = outcome(fixture("gupshup/refused.txt"))
    assert (refused.ok, refused.error, refused.provider_code, refused.retry) == (
        False,
        "credentials",
        "102",
        False,
    )


def test_an_error_that_is_in_no_table_is_shown_in_gupshups_words() -> None:
    refused = outcome(b"error | 321 | The text is odd |")
    assert (refused.error, refused.provider_code, refused.in_doubt) == ("unknown", "321", False)
    assert "The text is odd" in refused.detail


def test_a_number_in_the_words_is_left_out() -> None:
    assert "5558675310" not in outcome(b"error | 105 | 15558675310 is not valid").detail


@pytest.mark.parametrize("body", [b"success", b"success | 919876543210", b"done | 1 | 2"])
def test_half_a_success_is_in_doubt(body: bytes) -> None:
    assert (outcome(body).ok, outcome(body).in_doubt) == (False, True)


def test_a_receipt_by_get() -> None:
    heard = gupshup.hear(SETTINGS, callback(b"", fixture("gupshup/report-get.txt").decode()))
    assert heard.receipts == (
        Receipt(provider_id=ID, status="delivered", provider_status="SUCCESS", at=AT, segments=2),
    )


def test_a_receipt_of_a_failure_by_get() -> None:
    query = fixture("gupshup/report-get-failed.txt").decode()
    [receipt] = gupshup.hear(SETTINGS, callback(b"", query)).receipts
    assert (receipt.status, receipt.error, receipt.provider_code) == ("failed", "blocked", "006")
    assert receipt.detail.startswith("Gupshup says 006 (DND_FAIL): ")


@pytest.mark.parametrize("name", ["reports.json", "reports-form.txt"])
def test_receipts_by_post(name: str) -> None:
    delivered, failed = gupshup.hear(SETTINGS, callback(fixture(f"gupshup/{name}"))).receipts
    assert (delivered.status, delivered.provider_id, delivered.at) == ("delivered", ID, AT)
    assert (failed.status, failed.error, failed.provider_code) == ("failed", "invalid_recipient", "003")


def test_a_code_that_is_a_number_gets_its_zeros_back() -> None:
    body = b'[{"externalId": "1-2", "eventType": "FAILED", "errCode": 3}]'
    [receipt] = gupshup.hear(SETTINGS, callback(body)).receipts
    assert receipt.provider_code == "003"


def test_a_code_of_dlt_is_known() -> None:
    [receipt] = gupshup.hear(SETTINGS, callback(b"", "externalId=1-2&status=FAILURE&errCode=633")).receipts
    assert receipt.error == "template"


def test_an_event_without_an_id_does_not_spoil_the_others() -> None:
    body = b'[{"eventType": "DELIVERED"}, {"externalId": "1-2", "eventType": "DELIVERED"}, 7]'
    assert [one.provider_id for one in gupshup.hear(SETTINGS, callback(body)).receipts] == ["1-2"]


def test_a_text_that_came_in() -> None:
    heard = gupshup.hear(SETTINGS, callback(b"", fixture("gupshup/inbound.txt").decode()))
    assert heard.texts == (Text(from_="+919812348765", to="9220092200", text="STOP ACME", at=AT),)
    assert heard.reply is not None
    assert heard.reply.body == b""  # a body would be sent to the person


@pytest.mark.parametrize("query", ["", "status=SUCCESS", "externalId="])
def test_a_query_that_says_nothing_is_unreadable(query: str) -> None:
    with pytest.raises(Unreadable):
        gupshup.hear(SETTINGS, callback(b"", query))
