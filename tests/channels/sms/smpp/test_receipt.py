# Receipts as SMSCs write them (S6): the oddities that others' issue trackers know. The texts are made up after
# SMPP 3.4, appendix B.

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.channels.sms.smpp import Settings, receipt
from aftercall.channels.sms.smpp.ids import KEPT, Ids, canonical
from aftercall.channels.sms.smpp.message import ShortMessage
from aftercall.domain.message import Receipt

FULL = "id:{id} sub:001 dlvrd:001 submit date:2611201200 done date:{done} stat:{stat} err:{err} text:Hello"


def written(**more: str) -> str:
    return FULL.format(**({"id": "1001", "done": "2611201201", "stat": "DELIVRD", "err": "000"} | more))


def read(
    text: str, tlvs: dict[int, bytes] | None = None, ids: Ids | None = None, **more: Any
) -> Receipt | None:
    settings = Settings(host="x", system_id="x", **more)
    message = ShortMessage(esm_class=4, content=text.encode(), tlvs=tlvs or {})
    ids = ids or Ids(settings.response_ids, settings.receipt_ids)
    return receipt.read(message, receipt.text_of(message), settings, ids)


def test_a_receipt_by_the_book() -> None:
    assert read(written()) == Receipt(
        provider_id="1001",
        status="delivered",
        provider_status="DELIVRD",
        at=datetime(2026, 11, 20, 12, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("stat", "status", "error"),
    [
        ("DELIVRD", "delivered", None), ("delivered", "delivered", None), ("ENROUTE", "sent", None),
        ("ACCEPTD", "sent", None), ("ACCEPTED", "sent", None), ("EXPIRED", "expired", "expired"),
        ("UNDELIV", "undelivered", "unreachable"), ("REJECTD", "rejected", "blocked"),
        ("DELETED", "failed", "unknown"), ("UNKNOWN", "failed", "unknown"), ("FAILED", "failed", "unknown"),
        ("SCHEDULED", "queued", None), ("BLACKLST", "failed", "unknown"),
    ],
)  # fmt: skip
def test_states_mean(stat: str, status: str, error: str | None) -> None:
    found = read(written(stat=stat))
    assert found is not None
    assert (found.status, found.error, found.provider_status) == (status, error, stat.upper())


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (0, "queued"), (1, "sent"), (2, "delivered"), (3, "expired"), (4, "failed"), (5, "undelivered"),
        (6, "sent"), (7, "failed"), (8, "rejected"), (9, "failed"),
    ],
)  # fmt: skip
def test_a_receipt_may_be_in_tlvs_only(state: int, status: str) -> None:
    found = read("", {0x001E: b"AB12\0", 0x0427: bytes([state]), 0x0423: b"\3\0\x2a"})
    assert found is not None
    assert (found.provider_id, found.status, found.provider_code) == ("ab12", status, "42")


@pytest.mark.parametrize(("err", "code"), [("000", None), ("0DB", "0DB"), ("BLOCKED", "BLOCKED"), ("", None)])
def test_err_is_kept_as_it_is_written(err: str, code: str | None) -> None:
    found = read(written(stat="UNDELIV", err=err))
    assert found is not None
    assert found.provider_code == code


@pytest.mark.parametrize(
    ("err", "error"), [("620", "sender"), ("633", "template"), ("651", "window"), ("195", "config")]
)
def test_the_registrys_codes_are_explained(err: str, error: str) -> None:
    found = read(written(stat="REJECTD", err=err))
    assert found is not None
    assert (found.error, found.provider_code) == (error, err)
    assert found.detail


@pytest.mark.parametrize(
    ("done", "at"),
    [
        ("2611201730", "2026-11-20T12:00:00+00:00"),
        ("261120173005", "2026-11-20T12:00:05+00:00"),
        ("202611201730", "2026-11-20T12:00:00+00:00"),
        ("20261120173005", "2026-11-20T12:00:05+00:00"),
        ("0000000000", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times_are_read_in_the_smscs_zone(done: str, at: str | None) -> None:
    found = read(written(done=done), receipt_timezone="Asia/Kolkata")
    assert found is not None
    assert (found.at.isoformat() if found.at else None) == at


def test_what_people_wrote_is_not_read() -> None:
    found = read("id:1 stat:UNDELIV err:001 Text:stat:DELIVRD err:002 id:9")
    assert found is not None
    assert (found.provider_id, found.status, found.provider_code) == ("1", "undelivered", "001")


def test_empty_fields_do_not_swallow_the_next() -> None:
    found = read("id:77 sub: dlvrd: submit date: done date: stat:DELIVRD err: text:")
    assert found is not None
    assert (found.provider_id, found.status, found.at) == ("77", "delivered", None)


@pytest.mark.parametrize(
    "text", ["", "id: stat:DELIVRD", "stat:DELIVRD err:000", "id:12 err:000", "text:id:1 stat:x"]
)
def test_a_receipt_that_says_too_little_is_none(text: str) -> None:
    assert read(text) is None


@given(st.text(max_size=200), st.dictionaries(st.sampled_from([0x1E, 0x423, 0x427]), st.binary(max_size=5)))
def test_any_text_is_read_or_says_nothing(text: str, tlvs: dict[int, bytes]) -> None:
    message = ShortMessage(esm_class=4, content=text.encode(errors="replace"), tlvs=tlvs)
    settings = Settings(host="x", system_id="x")
    plain = receipt.text_of(message)
    receipt.is_receipt(message, plain)
    receipt.read(message, plain, settings, Ids("auto", "auto"))


def test_a_receipt_without_its_mark_is_recognised() -> None:
    assert receipt.is_receipt(ShortMessage(), written())
    assert receipt.is_receipt(ShortMessage(tlvs={0x001E: b"1"}), "")
    assert receipt.is_receipt(ShortMessage(esm_class=0x20), "")
    assert not receipt.is_receipt(ShortMessage(), "STOP")


@pytest.mark.parametrize(
    ("response", "receipt_ids", "answered", "told"),
    [
        ("hexadecimal", "decimal", "3E9", "0000001001"),
        ("hexadecimal", "hexadecimal", "00ABCDEF", "abcdef"),
        ("decimal", "hexadecimal", "0000001001", "3e9"),
        ("auto", "auto", "00ABCDEF", "abcdef"),
        ("auto", "auto", "1A2B3C4D", str(0x1A2B3C4D)),
        ("auto", "auto", str(0x1A2B3C4D), "1A2B3C4D"),
        ("text", "text", "Ab-0012", "Ab-0012"),
    ],
)
def test_a_receipt_finds_the_id_its_submit_had(
    response: Any, receipt_ids: Any, answered: str, told: str
) -> None:
    ids = Ids(response, receipt_ids)
    submitted = ids.submitted(answered)
    assert ids.told(told) == submitted


def test_of_two_ids_the_one_that_is_known_counts() -> None:
    ids = Ids("auto", "auto")
    ids.submitted("1A2B3C4D")
    assert ids.told("ffffffff", "1a2b3c4d") == "1a2b3c4d"
    assert ids.told("ffffffff", "eeeeeeee") == "ffffffff"


def test_what_was_learnt_of_ids_holds_for_those_of_earlier_processes() -> None:
    ids = Ids("auto", "auto")
    ids.submitted("1A2B3C4D")
    ids.told(str(0x1A2B3C4D))
    assert ids.told(str(0x1A2B3C00)) == "1a2b3c00"


def test_short_ids_are_not_converted() -> None:
    ids = Ids("auto", "auto")
    ids.submitted("10")
    assert ids.told("16") == "16"


def test_ids_are_forgotten_in_time() -> None:
    ids = Ids("auto", "auto")
    for number in range(KEPT + 10):
        ids.submitted(f"id{number}")
    assert len(ids._known) == KEPT


@given(st.text(max_size=150), st.sampled_from(["auto", "text", "decimal", "hexadecimal"]))
def test_the_canonical_form_is_its_own(id_: str, form: Any) -> None:
    once = canonical(id_, form)
    assert len(once) <= 100
    if form != "hexadecimal":
        assert canonical(once, form) == once
