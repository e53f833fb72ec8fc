# S3, S5, S6: what is special about Exotel; what holds for every provider is in test_provider_contract.py. Payloads
# are built from documentation, see fixtures/exotel/README.md.

from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.channels.sms.exotel import ExotelSettings, exotel
from aftercall.channels.sms.settings import basic
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Receipt, Text
from aftercall.engine.messaging import Answer
from tests.channels.sms.contract import CALLBACK, DLT, callback, fixture, form_of, header_of, submission

SETTINGS = ExotelSettings(account_sid="acme1", api_key="key", api_token="exotel-token", sender="ACMEIN")
SID = "0b6c6a98f32682862ce6edf1bdab3526"


def form(**sms: Any) -> dict[str, str]:
    return form_of(exotel.submit(submission(SETTINGS, **sms)))


def outcome(status: int, name: str) -> Any:
    return exotel.submitted(submission(SETTINGS), Answer(status=status, body=fixture(f"exotel/{name}.json")))


def heard(name: str) -> Receipt:
    [receipt] = exotel.hear(SETTINGS, callback(fixture(f"exotel/{name}.txt"))).receipts
    return receipt


@pytest.mark.parametrize(
    ("region", "host"), [("singapore", "api.exotel.com"), ("mumbai", "api.in.exotel.com")]
)
def test_the_region_decides_the_host(region: Any, host: str) -> None:
    settings = ExotelSettings(account_sid="acme1", api_key="key", api_token="exotel-token", region=region)
    question = exotel.submit(submission(settings))
    assert question.url == f"https://{host}/v1/Accounts/acme1/Sms/send.json"
    assert header_of(question, "Authorization") == basic("key", "exotel-token")[1]


def test_a_text_with_dlt_ids() -> None:
    assert form(to="+919876543210", text="Thanks", dlt=DLT) == {
        "From": "ACMEIN",
        "To": "+919876543210",
        "Body": "Thanks",
        "EncodingType": "plain",
        "CustomField": "dl_01",
        "StatusCallback": f"{CALLBACK}?reference=dl_01",
        "DltEntityId": DLT.entity_id,
        "DltTemplateId": DLT.template_id,
        "SmsType": "transactional",
    }


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("service_implicit", "transactional"),
        ("service_explicit", "transactional_opt_in"),
        ("promotional", "promotional"),
    ],
)
def test_the_category_decides_the_type(category: str, kind: str) -> None:
    assert form(dlt=DLT, category=category)["SmsType"] == kind


def test_without_dlt_ids_exotel_looks_for_the_template_itself() -> None:
    assert not {"DltEntityId", "DltTemplateId", "SmsType"} & set(form())


def test_unicode_is_said() -> None:
    assert form(encoding="ucs2")["EncodingType"] == "unicode"


def test_the_sid_finds_the_receipts() -> None:
    taken = outcome(200, "taken")
    assert (taken.ok, taken.provider_ids) == (True, (SID,))


def test_a_200_with_a_failure_inside_is_a_failure() -> None:
    refused = outcome(200, "taken-failed")
    assert (refused.ok, refused.error, refused.provider_code) == (False, "blocked", "FAILED_DND")
    assert "(23005)" in refused.detail


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [(403, "refused-balance", "credit"), (400, "refused-recipient", "invalid_recipient")],
)
def test_a_refusal_is_told_by_its_sentence(status: int, name: str, error: str) -> None:
    assert outcome(status, name).error == error


def test_a_number_in_exotels_words_is_left_out() -> None:
    assert "9876543210" not in outcome(400, "refused-recipient").detail
    body = b'{"RestException": {"Status": 400, "Message": "Odd number 09876543210"}}'
    refused = exotel.submitted(submission(SETTINGS), Answer(status=400, body=body))
    assert "(Odd number …)" in refused.detail


def test_a_wrong_login_is_a_matter_of_credentials() -> None:
    assert (outcome(401, "refused-login").error, outcome(401, "refused-login").retry) == (
        "credentials",
        False,
    )


def test_a_receipt_of_a_delivery() -> None:
    assert heard("status-delivered") == Receipt(
        provider_id=SID,
        reference="dlv_1",
        status="delivered",
        provider_status="sent",
        at=datetime(2024, 1, 15, 5, 0, 2, tzinfo=UTC),
        segments=2,
    )


def test_a_receipt_is_keyed_on_the_word_and_shows_the_number() -> None:
    receipt = heard("status-dnd")
    assert (receipt.status, receipt.error, receipt.provider_code) == ("rejected", "blocked", "FAILED_DND")
    assert receipt.detail.startswith("Exotel says FAILED_DND (23005): ")
    assert receipt.at is None  # it was never sent: 1970


@pytest.mark.parametrize(
    ("status", "detailed", "meaning"),
    [
        ("sent", "DELIVERED_TO_OPERATOR", "sent"),
        ("sent", "", "sent"),
        ("delivered", "", "delivered"),
        ("failed", "FAILED_EXPIRED", "expired"),
        ("expired", "", "expired"),
        ("undelivered", "", "undelivered"),
        ("failed-dnd", "", "rejected"),
        ("something new", "FAILED_SPAM", "failed"),
        ("something new", "", "sent"),
    ],
)
def test_the_meaning_of_a_status(status: str, detailed: str, meaning: str) -> None:
    body = f"SmsSid={SID}&Status={status}&DetailedStatus={detailed}".encode()
    [receipt] = exotel.hear(SETTINGS, callback(body)).receipts
    assert receipt.status == meaning


def test_the_reference_of_the_callbacks_address_comes_first() -> None:
    request = callback(fixture("exotel/status-delivered.txt"), "reference=dl_02")
    [receipt] = exotel.hear(SETTINGS, request).receipts
    assert receipt.reference == "dl_02"


@pytest.mark.parametrize("by_get", [True, False])
def test_a_text_that_came_in(by_get: bool) -> None:
    raw = fixture("exotel/inbound.txt")
    request = callback(b"", raw.decode()) if by_get else callback(raw)
    heard = exotel.hear(SETTINGS, request)
    assert heard.texts == (
        Text(
            provider_id="9d3c",
            from_="+919876543210",
            to="56070",
            text="STOP",
            at=datetime(2024, 1, 15, 5, 1, tzinfo=UTC),
        ),
    )
    assert heard.reply is not None
    assert heard.reply.body == b""  # a body would be sent to the person


def test_a_callback_that_is_neither_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        exotel.hear(SETTINGS, callback(b"CallSid=1&Status=completed"))


def test_a_probe_takes_a_text_that_is_not_there_for_a_good_login() -> None:
    answer = Answer(status=404, body=fixture("exotel/not-found.json"))
    assert exotel.probed(answer) == "Exotel takes the login."


def test_a_probe_with_a_wrong_login_says_so() -> None:
    with pytest.raises(Invalid, match="login"):
        exotel.probed(Answer(status=401, body=fixture("exotel/refused-login.json")))
