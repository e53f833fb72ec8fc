# What an SMSC sends (S6): receipts and texts, told before they are acknowledged; and what it should not send.

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftercall.channels.sms.smpp import assembly, inbox, pdu
from aftercall.channels.sms.smpp.message import Address
from aftercall.channels.sms.smpp.pdu import Pdu
from aftercall.domain import gsm7
from aftercall.domain.errors import Unavailable
from tests.channels.sms.smpp.rig import rig
from tests.support.smsc import Answer, Smsc
from tests.support.wait import until

RECEIPT = (
    "id:{} sub:001 dlvrd:001 submit date:2611201200 done date:2611201201 stat:DELIVRD err:000 text:Hello"
)


async def test_a_receipt_is_told_and_then_acknowledged() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        home.gate = asyncio.Event()
        (id_,) = (await home.send()).provider_ids
        waiting = asyncio.create_task(smsc.deliver(RECEIPT.format(id_)))

        async def told() -> bool:
            return home.told == 1

        await until(told)
        assert not waiting.done()
        home.gate.set()
        assert await waiting == 0
        (receipt,) = home.receipts
        assert (receipt.provider_id, receipt.status) == (id_, "delivered")
        assert receipt.at == datetime(2026, 11, 20, 12, 1, tzinfo=UTC)


async def test_a_receipt_may_come_before_the_answer_to_its_submit() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(id="0000ABCD99", delay=0.2)
        sending = asyncio.create_task(home.send())
        await smsc.submitted(1)
        assert await smsc.deliver(RECEIPT.format("abcd99")) == 0
        assert home.receipts[0].provider_id == (await sending).provider_ids[0]


async def test_a_receipt_may_come_as_data_sm() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        body = (
            b"\0"
            + Address("1", 1, 1).encode() * 2
            + b"\4\0\0"
            + pdu.tlv(0x1E, b"77\0")
            + pdu.tlv(0x427, b"\2")
        )
        assert await smsc.answered(smsc.send(Pdu(pdu.DATA_SM, 0, 0, body))) == 0
        assert [(one.provider_id, one.status) for one in home.receipts] == [("77", "delivered")]


async def test_a_text_is_told() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        assert await smsc.deliver("STOP", esm_class=0) == 0
        (text,) = home.texts
        assert (text.from_, text.to, text.text, text.keyword) == (
            "+919876543210",
            "+14085559876",
            "STOP",
            None,
        )


@pytest.mark.parametrize(
    ("source", "number"),
    [
        (Address("919876543210", 1, 1), "+919876543210"),
        (Address("+919876543210", 1, 1), "+919876543210"),
        (Address("919876543210", 0, 0), "+919876543210"),
        (Address("9876543210", 2, 1), "9876543210"),
        (Address("9876543210", 0, 0), "9876543210"),
        (Address("09876543210", 0, 0), "09876543210"),
        (Address("55512", 3, 0), "55512"),
        (Address("BANK", 5, 0), "BANK"),
    ],
)
async def test_numbers_are_international_where_that_is_known(source: Address, number: str) -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        await smsc.deliver("Hi", esm_class=0, source=source)
        assert home.texts[0].from_ == number


@pytest.mark.parametrize(
    ("content", "data_coding", "text"),
    [
        (gsm7.encode("5 € @"), 0, "5 € @"),
        ("बंद करो 🎉".encode("utf-16-be"), 8, "बंद करो 🎉"),
        ("बंद".encode("utf-16-be"), 0x18, "बंद"),
        (b"Gr\xfc\xdfe", 3, "Grüße"),
        (b"STOP\0", 1, "STOP"),
        (b"\xff\xfe", 1, "\ufffd\ufffd"),
        (b"x", 0xF1, "x"),
        (b"", 0, ""),
    ],
)
async def test_texts_are_read_by_their_data_coding(content: bytes, data_coding: int, text: str) -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        await smsc.deliver(content=content, data_coding=data_coding, esm_class=0)
        assert home.texts[0].text == text


async def test_the_alphabet_of_plain_texts_is_the_connections() -> None:
    async with Smsc() as smsc, rig(smsc.port, alphabet="latin1") as home:
        await smsc.deliver(content=b"Gr\xfc\xdfe @", esm_class=0)
        assert home.texts[0].text == "Grüße @"


def parts(*texts: str, reference: int = 9) -> list[bytes]:
    return [bytes([5, 0, 3, reference, len(texts), n]) + text.encode() for n, text in enumerate(texts, 1)]


async def test_parts_in_any_order_become_one_text() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        sent = parts("Please ", "do not ", "write again")
        order = [sent[2], sent[0], sent[0], sent[1]]  # one of them twice
        statuses = await asyncio.gather(*(smsc.deliver(content=one, esm_class=0x40) for one in order))
        assert statuses == [0, 0, 0, 0]
        assert [text.text for text in home.texts] == ["Please do not write again"]


async def test_parts_with_sar_tlvs_become_one_text() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        sar = [{0x20C: b"\1\2", 0x20E: b"\2", 0x20F: bytes([n])} for n in (1, 2)]
        both = zip(["ST", "OP"], sar, strict=True)
        await asyncio.gather(*(smsc.deliver(text, esm_class=0, tlvs=tlvs) for text, tlvs in both))
        assert [text.text for text in home.texts] == ["STOP"]


async def test_parts_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "WAIT", 0.2)
    async with Smsc() as smsc, rig(smsc.port) as home:
        first, _, third = parts("one ", "two ", "three")
        deliveries = (smsc.deliver(content=one, esm_class=0x40) for one in (third, first))
        assert await asyncio.gather(*deliveries) == [0, 0]
        assert [text.text for text in home.texts] == ["one three"]


async def test_parts_that_wait_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "MOST", 3)
    async with Smsc() as smsc, rig(smsc.port) as home:
        for reference in range(5):
            smsc.send(Pdu(pdu.DELIVER_SM, 0, 0, _part(reference)))
        await home.heard(texts=2)
        assert [text.text for text in home.texts] == ["first 0", "first 1"]


def _part(reference: int) -> bytes:
    content = bytes([5, 0, 3, reference, 2, 1]) + f"first {reference}".encode()
    source = Address("919876543210", 1, 1).encode()
    return b"\0" + source * 2 + b"\x40\0\0\0\0\0\0\0\0" + bytes([len(content)]) + content


async def test_what_could_not_be_committed_is_sent_again() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        home.failures = [Unavailable("the store is away"), RuntimeError("what it was about is not logged")]
        assert await smsc.deliver("STOP", esm_class=0) == pdu.TRY_AGAIN
        assert await smsc.deliver("STOP", esm_class=0) == pdu.TRY_AGAIN
        assert await smsc.deliver("STOP", esm_class=0) == 0
        assert len(home.texts) == 1


async def test_one_that_cannot_be_committed_does_not_hold_up_the_others() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        home.gate = asyncio.Event()
        first = asyncio.create_task(smsc.deliver("first", esm_class=0))

        async def told() -> bool:
            return home.told == 1

        await until(told)
        home.failures = [
            RuntimeError("the batch"),
            RuntimeError("the batch of two"),
            RuntimeError("the second"),
        ]
        rest = [asyncio.create_task(smsc.deliver(text, esm_class=0)) for text in ("second", "third")]
        await smsc.answered(smsc.send(Pdu(pdu.ENQUIRE_LINK, 0, 0)))
        home.gate.set()
        assert [await one for one in (first, *rest)] == [pdu.TRY_AGAIN, pdu.TRY_AGAIN, 0]
        assert [text.text for text in home.texts] == ["third"]


async def test_more_than_there_is_room_for_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "ROOM", 5)
    async with Smsc() as smsc, rig(smsc.port) as home:
        home.gate = asyncio.Event()
        waiting = [asyncio.create_task(smsc.deliver("STOP", esm_class=0)) for _ in range(20)]

        async def refused() -> bool:
            return sum(task.done() for task in waiting) >= 10

        await until(refused)
        home.gate.set()
        answers = await asyncio.gather(*waiting)
        assert {pdu.TRY_AGAIN, 0} == set(answers)
        assert len(home.texts) == answers.count(0)


@pytest.mark.parametrize(
    "body",
    [b"", b"\0", b"\0\1", b"\0\1\1" + b"9" * 50, b"\0" * 11],
    ids=["empty", "cut", "cut address", "no end", "short"],
)
async def test_a_malformed_body_is_refused_for_good(body: bytes) -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        assert await smsc.answered(smsc.send(Pdu(pdu.DELIVER_SM, 0, 0, body))) == pdu.NEVER
        assert (await home.send()).ok


async def test_a_receipt_that_says_nothing_is_refused_for_good() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        assert await smsc.deliver("what is this", esm_class=4) == pdu.NEVER
        assert (home.receipts, home.texts) == ([], [])


@pytest.mark.parametrize("command", [0x00, 0x04, 0x09, 0x111, 0x7FFF_FFFF])
async def test_an_unknown_command_is_answered_with_a_nack(command: int) -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        assert await smsc.answered(smsc.send(Pdu(command, 0, 0, b"whatever"))) == pdu.INVALID_COMMAND
        assert smsc.received[-1].command == pdu.GENERIC_NACK
        assert (await home.send()).ok


@pytest.mark.parametrize("length", [0, 15, 100_000, 0xFFFF_FFFF])
async def test_a_stream_out_of_step_is_left(length: int) -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.play(length.to_bytes(4, "big") + b"\0" * 12)

        async def again() -> bool:
            return smsc.logins == 2

        await until(again)
        assert any(one.command == pdu.GENERIC_NACK for one in smsc.received)
        await home.in_state("connected")
        assert (await home.send()).ok


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(Pdu, st.integers(0, 2**32 - 1) | st.sampled_from([4, 5, 0x103, 0x80000004, 0x80000000]),
                          st.integers(0, 2**32 - 1), st.just(0), st.binary(max_size=100)), max_size=20))  # fmt: skip
def test_no_pdu_ends_the_holding(pdus: list[Pdu]) -> None:
    async def play() -> None:
        async with Smsc() as smsc, rig(smsc.port) as home:
            for one in pdus:
                smsc.send(one)
            await home.in_state("connected")
            # What looks like an answer may have been taken for one, but not for ever.
            assert any([(await home.send()).ok for _ in range(25)])

    asyncio.run(play())
