# S3, S5, S6: what is special about Kannel; what holds for every provider is in test_provider_contract.py, and
# test_kannel_live.py asks a real one. Queries are captured from it, see fixtures/kannel/README.md.

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.channels.sms.kannel import KannelSettings, kannel
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Receipt, Text
from aftercall.engine.messaging import Answer
from aftercall.engine.reading import read
from tests.channels.sms.contract import CALLBACK, DLT, callback, fixture, header_of, submission
from tests.support.kannel import QUERY

SETTINGS = KannelSettings(
    api_base="http://10.0.0.5:13013", username="aftercall", password="kannel-password", sender="ACME"
)
AT = datetime(2026, 11, 20, 16, 45, 53, tzinfo=UTC)


def headers(**sms: Any) -> dict[str, str]:
    return dict(kannel.submit(submission(SETTINGS, **sms)).headers)


def heard(name: str) -> Receipt:
    [receipt] = kannel.hear(SETTINGS, callback(b"", fixture(f"kannel/{name}.txt").decode())).receipts
    return receipt


def text(query: str) -> Text:
    [one] = kannel.hear(SETTINGS, callback(b"", query)).texts
    return one


def test_the_password_stands_in_a_header_only() -> None:
    question = kannel.submit(submission(SETTINGS))
    assert question.url == "http://10.0.0.5:13013/cgi-bin/sendsms"
    assert header_of(question, "X-Kannel-Password") == "kannel-password"
    assert question.body == b"Thanks for your call, we call back today"


def test_receipts_of_every_kind_are_asked_for_with_our_reference() -> None:
    asked = headers()
    assert asked["X-Kannel-DLR-Mask"] == "31"
    assert asked["X-Kannel-DLR-URL"] == f"{CALLBACK}?reference=dl_01&dlr=%d&id=%F&answer=%A&at=%T"


def test_a_percent_sign_of_our_address_is_doubled() -> None:
    question = kannel.submit(submission(SETTINGS, "https://a.example/x%2Fy"))
    assert header_of(question, "X-Kannel-DLR-URL").startswith("https://a.example/x%%2Fy?reference=dl_01&")


def test_ucs2_is_coding_2() -> None:
    assert headers(encoding="ucs2")["X-Kannel-Coding"] == "2"
    assert headers()["X-Kannel-Coding"] == "0"


@pytest.mark.parametrize(("seconds", "minutes"), [(30, "1"), (3600, "60"), (3659, "60")])
def test_validity_is_in_minutes(seconds: int, minutes: str) -> None:
    assert headers(validity_seconds=seconds)["X-Kannel-Validity"] == minutes


def test_the_sender_of_the_connection_is_used_where_the_text_has_none() -> None:
    assert headers()["X-Kannel-From"] == "ACME"
    assert headers(sender="+15552220000")["X-Kannel-From"] == "+15552220000"


def test_dlt_ids_are_tlvs_by_the_names_that_kannel_gives_them() -> None:
    assert headers(dlt=DLT)["X-Kannel-Meta-Data"] == (
        "?smpp?PE_ID=1101234567890123456&Template_ID=1107123456789012345"
    )


def test_the_chain_of_telemarketers_is_sent_where_it_has_a_name() -> None:
    settings = msgspec.structs.replace(SETTINGS, entity_tag="", template_tag="", chain_tag="TM")
    dlt = msgspec.structs.replace(DLT, chain=("1201", "1302"))
    assert header_of(kannel.submit(submission(settings, dlt=dlt)), "X-Kannel-Meta-Data") == (
        "?smpp?TM=1201%2C1302"
    )


@pytest.mark.parametrize(
    ("status", "said", "segments"),
    [
        (202, b"0: Accepted for delivery", None),
        (202, b"3: Queued for later delivery", None),
        (202, b"Sent. Message splits: 3", 3),
    ],
)
def test_these_answers_mean_taken(status: int, said: bytes, segments: int | None) -> None:
    outcome = kannel.submitted(submission(SETTINGS), Answer(status=status, body=said))
    assert (outcome.ok, outcome.segments) == (True, segments)


def test_a_kannel_that_is_busy_is_asked_again() -> None:
    answer = Answer(status=503, body=b"Temporal failure, try again later.")
    outcome = kannel.submitted(submission(SETTINGS), answer)
    assert (outcome.error, outcome.retry, outcome.in_doubt) == ("unavailable", True, False)


def test_a_failure_while_sending_is_in_doubt() -> None:
    outcome = kannel.submitted(submission(SETTINGS), Answer(status=500, body=b"Sending failed."))
    assert (outcome.ok, outcome.in_doubt, outcome.retry) == (False, True, False)


def test_no_route_is_no_matter_of_the_password() -> None:
    answer = Answer(status=403, body=b"Not routable. Do not try again.")
    assert kannel.submitted(submission(SETTINGS), answer).error == "config"


def test_a_field_that_kannel_rejects_is_named() -> None:
    answer = Answer(status=400, body=b"Validity field misformed, rejected")
    assert "Validity field misformed" in kannel.submitted(submission(SETTINGS), answer).detail


def test_a_receipt_that_the_smsc_has_it() -> None:
    assert heard("dlr-taken") == Receipt(
        reference="dlv_1", status="sent", provider_status="delivered to SMSC", at=AT
    )


def test_a_receipt_of_a_delivery() -> None:
    receipt = heard("dlr-delivered")
    assert (receipt.status, receipt.provider_id) == ("delivered", "722b555e-b8db-4d88-b8dd-8feee3187fff")


def test_a_receipt_of_a_rejection_has_the_words_of_the_smsc() -> None:
    receipt = heard("dlr-rejected")
    assert (receipt.status, receipt.error) == ("rejected", "blocked")
    assert receipt.detail == "Kannel says 16 (NO such number): the SMSC did not take it"


def test_a_receipt_with_a_code_of_dlt_is_told_by_that() -> None:
    receipt = heard("dlr-undelivered-smpp")
    assert (receipt.status, receipt.provider_status) == ("undelivered", "UNDELIV")
    assert (receipt.provider_code, receipt.error) == ("650", "blocked")
    assert "Thank you" not in receipt.detail


def test_a_number_in_the_words_of_the_smsc_is_left_out() -> None:
    query = "reference=dlv_1&dlr=16&answer=NACK%2Fno+route+to+%2B15550001111"
    [receipt] = kannel.hear(SETTINGS, callback(b"", query)).receipts
    assert "5550001111" not in receipt.detail


def test_a_text_that_came_in() -> None:
    assert text(fixture("kannel/inbound.txt").decode()) == Text(
        provider_id="f6435c69-09bc-4729-aa3b-cb5513e7c4f9",
        from_="+15550001111",
        to="+15552220000",
        text="STOP",
        at=datetime(2026, 11, 20, 16, 52, 40, tzinfo=UTC),
    )


def test_a_text_in_ucs2_that_came_in() -> None:
    assert text(fixture("kannel/inbound-ucs2.txt").decode()).text == "रुको +1&x"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.booleans())
def test_every_text_survives_the_query(said: str, wide: bool) -> None:
    raw = said.encode("utf-16-be" if wide else "utf-8")
    charset = "UTF-16BE" if wide else "UTF-8"
    assert text(f"from=15550001111&text={quote_plus(raw)}&charset={charset}").text == said


def test_nothing_is_answered_that_kannel_would_send_on() -> None:
    reply = kannel.hear(SETTINGS, callback(b"", fixture("kannel/inbound.txt").decode())).reply
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("query", ["", "dlr=7&reference=x", "dlr=x&reference=x", "dlr=1", "text=STOP"])
def test_a_query_that_says_nothing_is_unreadable(query: str) -> None:
    with pytest.raises(Unreadable):
        kannel.hear(SETTINGS, callback(b"", query))


@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        ("https://kannel.example.com:13013", True),
        ("http://kannel:13013", True),
        ("http://kannel.internal:13013", True),
        ("http://127.0.0.1:13013", True),
        ("http://192.168.1.7", True),
        ("http://172.20.0.2:80", True),
        ("http://kannel.example.com:13013", False),
        ("http://172.32.0.2", False),
        ("http://8.8.8.8", False),
        ("http://10.0.0.5.example.com", False),
        ("http://10.0.0.5:13013/x", False),
    ],
)
def test_the_password_crosses_no_foreign_network_in_clear(base: str, allowed: bool) -> None:
    given_ = {"api_base": base, "username": "a", "password": "b"}
    if allowed:
        read(given_, KannelSettings)
        return
    with pytest.raises(Invalid, match="api_base"):
        read(given_, KannelSettings)


@pytest.mark.parametrize("said", [b"Authorization failed for sendsms", b"<html>hello</html>"])
def test_a_probe_says_what_is_wrong(said: bytes) -> None:
    with pytest.raises(Invalid, match=r"user name or password is wrong|not Kannel's sendsms"):
        kannel.probed(Answer(status=403, body=said))


def test_the_documentation_has_the_get_url_that_is_tested() -> None:
    assert f"CALLBACK_URL{QUERY}" in (Path(__file__).parents[3] / "docs/channels/kannel.md").read_text()
