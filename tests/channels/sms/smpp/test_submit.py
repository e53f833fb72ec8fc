# A text as submits (S3): encodings, parts, addresses, validity, India's TLVs.

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.channels.sms.smpp import Settings, coding
from aftercall.channels.sms.smpp.message import MESSAGE_PAYLOAD, ShortMessage, encode
from aftercall.channels.sms.smpp.settings import Tlv
from aftercall.channels.sms.smpp.submit import Unsendable, compose
from aftercall.domain.message import Dlt, Sms
from aftercall.domain.segments import measure
from tests.channels.sms.smpp.rig import NOW


def settings(**more: Any) -> Settings:
    return Settings(host="smsc.example", system_id="aftercall", **more)


def sms(text: str = "Hello", **more: Any) -> Sms:
    fields: dict[str, Any] = {
        "to": "+919876543210",
        "sender": "+14085559876",
        "category": "transactional",
    } | more
    return Sms(text=text, **({"encoding": measure(text).encoding} | fields))


def composed(text: str = "Hello", *, given: Settings | None = None, **more: Any) -> list[ShortMessage]:
    return compose(sms(text, **more), given or settings(), 7, NOW)


def one(text: str = "Hello", *, given: Settings | None = None, **more: Any) -> ShortMessage:
    (made,) = composed(text, given=given, **more)
    return made


def test_a_plain_text_is_unpacked_gsm() -> None:
    made = one("Hi @ €")
    assert (made.content, made.data_coding, made.esm_class) == (b"Hi \x00 \x1be", 0, 0)
    assert (made.source.value, made.source.ton, made.source.npi) == ("14085559876", 1, 1)
    assert (made.destination.value, made.destination.ton, made.destination.npi) == ("919876543210", 1, 1)
    assert made.registered_delivery == 1


def test_other_texts_are_utf16() -> None:
    made = one("नमस्ते 🎉")
    assert (made.content, made.data_coding) == ("नमस्ते 🎉".encode("utf-16-be"), 8)


def test_latin1_is_used_where_the_connection_says_so() -> None:
    made = one("Grüße", given=settings(alphabet="latin1", gsm_data_coding=3))
    assert (made.content, made.data_coding) == (b"Gr\xfc\xdfe", 3)


def test_what_latin1_lacks_goes_as_utf16() -> None:
    assert one("5 €", given=settings(alphabet="latin1")).data_coding == 8


def test_long_texts_have_a_header() -> None:
    made = composed("a" * 200)
    assert [m.content[:6].hex() for m in made] == ["050003070201", "050003070202"]
    assert [len(m.content) for m in made] == [159, 53]
    assert {m.esm_class for m in made} == {0x40}


def test_long_texts_have_sar_tlvs() -> None:
    made = composed("a" * 200, given=settings(long_messages="sar"))
    assert [m.tlvs for m in made] == [
        {0x020C: b"\0\7", 0x020E: b"\2", 0x020F: b"\1"},
        {0x020C: b"\0\7", 0x020E: b"\2", 0x020F: b"\2"},
    ]
    assert {m.esm_class for m in made} == {0}


def test_long_texts_go_whole_as_payload() -> None:
    made = one("य" * 200, given=settings(long_messages="payload"))
    assert len(made.content) == 400
    assert MESSAGE_PAYLOAD.to_bytes(2, "big") + (400).to_bytes(2, "big") in encode(made)


def test_long_texts_go_as_single_messages() -> None:
    made = composed("a" * 200, given=settings(long_messages="each"))
    assert [(len(m.content), m.esm_class, m.tlvs) for m in made] == [(153, 0, {}), (47, 0, {})]


@given(
    st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("€[]🎉य")),
        min_size=1,
        max_size=500,
    )
)
def test_the_parts_read_back_are_the_text(text: str) -> None:
    text = text.replace("\0", "").replace("\x1b", "") or "x"
    made = composed(text)
    assert len(made) == measure(text).segments
    assert "".join(coding.read(m, "gsm")[0] for m in made) == text
    assert all(len(m.content) <= 159 for m in made)


@pytest.mark.parametrize(
    ("kind", "sender", "written"),
    [
        ("long_code", "+14085559876", ("14085559876", 1, 1)),
        ("toll_free", "+18005551234", ("18005551234", 1, 1)),
        ("short_code", "55512", ("55512", 3, 0)),
        ("alphanumeric", "AfterCall", ("AfterCall", 5, 0)),
        ("dlt_header", "AFTCAL", ("AFTCAL", 5, 0)),
        ("long_code", "", ("", 0, 0)),
    ],
)
def test_senders_are_written_by_their_kind(kind: Any, sender: str, written: tuple[str, int, int]) -> None:
    source = one(sender=sender, sender_kind=kind).source
    assert (source.value, source.ton, source.npi) == written


def test_ton_and_npi_are_what_the_connection_says() -> None:
    made = one(given=settings(source_ton=2, source_npi=8, destination_ton=0, destination_npi=0, plus=True))
    assert (made.source.value, made.source.ton, made.source.npi) == ("+14085559876", 2, 8)
    assert (made.destination.value, made.destination.ton, made.destination.npi) == ("+919876543210", 0, 0)


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({}, ""),
        ({"validity_seconds": 3600}, "000000010000000R"),
        ({"validity_seconds": 93_784}, "000001020304000R"),
    ],
)
def test_validity_is_relative(more: dict[str, Any], written: str) -> None:
    assert one(**more).validity == written


def test_validity_is_absolute_where_the_connection_says_so() -> None:
    given = settings(validity_seconds=3600, validity_format="absolute")
    assert one(given=given).validity == "261120130000000+"


DLT = Dlt(entity_id="1101456789012345678", template_id="1107123456789012345", chain=("1302", "1303"))


def test_dlt_tlvs_are_sent() -> None:
    assert one(dlt=DLT).tlvs == {
        0x1400: b"1101456789012345678",
        0x1401: b"1107123456789012345",
        0x1402: b"1302,1303",
    }


def test_dlt_tlvs_are_as_the_connection_says() -> None:
    given = settings(dlt_entity_tag="0x1500", dlt_template_tag="", dlt_null_terminated=True, dlt_chain_tag="")
    assert one(dlt=DLT, given=given).tlvs == {0x1500: b"1101456789012345678\0"}


def test_more_tlvs_are_sent_with_every_message() -> None:
    more = (Tlv(tag="0x1403", value="ab"), Tlv(tag="0x1404", value="ab", form="c_string"),
            Tlv(tag="0x1405", value="00ff", form="hex"))  # fmt: skip
    assert one(given=settings(tlvs=more)).tlvs == {0x1403: b"ab", 0x1404: b"ab\0", 0x1405: b"\x00\xff"}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"to": ""}, "invalid_recipient"),
        ({"sender": "A name that is far too long"}, "sender"),
        ({"sender": "Ünï"}, "sender"),
        ({"text": "`", "encoding": "gsm7"}, "content"),
        ({"text": "a" * 153 * 256}, "content"),
    ],
)
def test_what_cannot_be_written_is_refused(more: dict[str, Any], error: str) -> None:
    with pytest.raises(Unsendable) as refused:
        composed(**more)
    assert refused.value.error == error
    assert "`" not in refused.value.detail
