# PDUs as octets (S3): round trips, any chunking, anything hostile.

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.channels.sms.smpp import message
from aftercall.channels.sms.smpp.message import Address, ShortMessage
from aftercall.channels.sms.smpp.pdu import (
    DATA_SM,
    DELIVER_SM,
    LONGEST,
    SUBMIT_SM,
    Fields,
    Framer,
    Malformed,
    Pdu,
    encode,
    tlv,
)

U32, OCTET = st.integers(0, 2**32 - 1), st.integers(0, 255)
PDUS = st.builds(Pdu, U32, U32, U32, st.binary(max_size=300))
WORDS = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=30)
ADDRESSES = st.builds(Address, WORDS, OCTET, OCTET)
TAGS = st.integers(0, 0xFFFF).filter(lambda tag: tag != message.MESSAGE_PAYLOAD)
MESSAGES = st.builds(
    ShortMessage,
    source=ADDRESSES, destination=ADDRESSES, service_type=WORDS, esm_class=OCTET, protocol=OCTET, priority=OCTET,
    schedule=WORDS, validity=WORDS, registered_delivery=OCTET, replace_if_present=OCTET, data_coding=OCTET,
    default_message=OCTET, content=st.binary(max_size=600),
    tlvs=st.dictionaries(TAGS, st.binary(max_size=40), max_size=5),
)  # fmt: skip


@given(st.lists(PDUS, max_size=5), st.lists(st.integers(1, 40), min_size=1))
def test_framer_finds_the_pdus_in_any_pieces(pdus: list[Pdu], sizes: list[int]) -> None:
    stream, framer, at, turn = b"".join(map(encode, pdus)), Framer(), 0, 0
    found: list[Pdu] = []
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        found += framer.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert found == pdus


@pytest.mark.parametrize("length", [0, 4, 15, LONGEST + 1, 0xFFFF_FFFF])
def test_framer_gives_up_a_stream_whose_length_makes_no_sense(length: int) -> None:
    good = encode(Pdu(SUBMIT_SM, 0, 1))
    found: list[Pdu] = []
    with pytest.raises(Malformed, match=f"a PDU of {length} octets"):
        found.extend(Framer().feed(good + length.to_bytes(4, "big")))
    assert len(list(Framer().feed(good))) == 1


@given(st.binary(max_size=400))
def test_framer_reads_anything_or_says_that_it_is_malformed(data: bytes) -> None:
    framer = Framer()
    with suppress(Malformed):
        for one in framer.feed(data):
            assert len(one.body) <= LONGEST


@given(MESSAGES)
def test_a_short_message_comes_back_as_it_was(sent: ShortMessage) -> None:
    assert message.decode(SUBMIT_SM, message.encode(sent)) == sent


@given(st.sampled_from([SUBMIT_SM, DELIVER_SM, DATA_SM]), st.binary(max_size=300))
def test_a_body_of_any_octets_is_read_or_malformed(command: int, body: bytes) -> None:
    with suppress(Malformed):
        message.decode(command, body)


def test_a_body_cut_short_within_its_message_is_read_as_far_as_it_goes() -> None:
    body = message.encode(ShortMessage(content=b"Hello"))
    assert message.decode(DELIVER_SM, body[:-2]).content == b"Hel"


def test_a_broken_tail_of_tlvs_is_left_out() -> None:
    assert Fields(tlv(0x1400, b"abc") + tlv(0x1401, b"abcdef")[:-1]).tlvs() == {0x1400: b"abc"}


def test_a_tlv_that_comes_twice_counts_once() -> None:
    assert Fields(tlv(0x1E, b"a") + tlv(0x1E, b"b")).tlvs() == {0x1E: b"a"}


def test_a_long_content_goes_as_payload() -> None:
    body = message.encode(ShortMessage(content=b"x" * 255))
    assert body.endswith(b"\0\0" + tlv(message.MESSAGE_PAYLOAD, b"x" * 255))


def test_data_sm_has_its_text_in_the_payload() -> None:
    addresses = Address("491234", 1, 1).encode() + Address("408", 1, 1).encode()
    body = b"\0" + addresses + b"\4\1\0" + tlv(message.MESSAGE_PAYLOAD, b"id:1")
    read = message.decode(DATA_SM, body)
    assert (read.source.value, read.destination.value, read.esm_class, read.content) == (
        "491234",
        "408",
        4,
        b"id:1",
    )
