# Submits over a real socket (S3): what each answer, or none, means; the window; throttling; being there.

import asyncio
from itertools import count

import pytest

from aftercall.channels.sms.smpp import pdu, statuses
from aftercall.channels.sms.smpp.pdu import Pdu
from tests.channels.sms.smpp.rig import rig
from tests.support.smsc import Answer, Smsc, Submit
from tests.support.wait import until

LONG = "a" * 400  # three parts


async def test_a_text_is_taken() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        outcome = await home.send()
        assert (outcome.ok, outcome.provider_ids, outcome.segments) == (True, ("1001",), 1)
        assert outcome.latency > 0
        (bind,) = smsc.binds
        assert (bind.command, bind.version) == (pdu.BIND_TRANSCEIVER, 0x34)
        assert smsc.submits[0].message.content == b"Hello"


async def test_a_long_text_has_an_id_for_each_part() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        outcome = await home.send(LONG)
        assert (outcome.ok, outcome.provider_ids, outcome.segments) == (True, ("1001", "1002", "1003"), 3)


async def test_references_of_long_texts_differ() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        await asyncio.gather(home.send(LONG), home.send(LONG))
        assert len({submit.message.content[:4] for submit in smsc.submits}) == 2


async def test_an_answer_without_an_id_is_ok() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(id="")
        outcome = await home.send()
        assert (outcome.ok, outcome.provider_ids) == (True, ())
        assert "receipts cannot be matched" in outcome.detail


@pytest.mark.parametrize(
    ("status", "error", "retry"),
    [
        (0x0B, "invalid_recipient", False), (0x0A, "sender", False), (0x45, "unknown", False),
        (0x08, "unavailable", True), (0x64, "unavailable", True), (0x65, "unknown", False),
        (0x58, "throttled", True), (0x14, "throttled", True), (0x40B, "unknown", False), (633, "template", False),
        (0xC3, "config", False), (651, "window", False),
    ],
)  # fmt: skip
async def test_a_refusal_has_a_name(status: int, error: str, retry: bool) -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(status)
        outcome = await home.send()
        assert (outcome.ok, outcome.error, outcome.retry, outcome.in_doubt) == (False, error, retry, False)
        assert outcome.provider_code == statuses.code(status)
        assert statuses.code(status) in outcome.detail


async def test_a_generic_nack_is_a_refusal() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(3, nack=True)
        outcome = await home.send()
        assert (outcome.ok, outcome.error, outcome.retry, outcome.in_doubt) == (False, "config", False, False)


async def test_a_text_without_an_answer_is_in_doubt() -> None:
    async with Smsc() as smsc, rig(smsc.port, response_timeout=1) as home:
        smsc.answers = lambda _: Answer(silent=True)
        smsc.send(Pdu(pdu.ENQUIRE_LINK, 0, 0))
        outcome = await home.send()
        assert (outcome.ok, outcome.in_doubt, outcome.retry, outcome.error) == (False, True, False, "timeout")
        assert len(smsc.submits) == 1


async def test_a_text_whose_connection_is_lost_is_in_doubt() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(drop=True)
        outcome = await home.send()
        assert (outcome.ok, outcome.in_doubt, outcome.retry) == (False, True, False)
        await home.in_state("connected")
        assert len(smsc.submits) == 1


@pytest.mark.slow
async def test_an_answer_that_comes_late_is_told_as_a_receipt() -> None:
    async with Smsc() as smsc, rig(smsc.port, response_timeout=1) as home:
        smsc.answers = lambda submit: Answer(delay=1.5 if submit.message.content == b"slow" else 0.2)
        slow = asyncio.create_task(home.send("slow", reference="dlv_slow"))
        for _ in range(5):  # something is heard meanwhile: the connection is well
            await home.send()
        assert (await slow).in_doubt
        await home.heard(receipts=1)
        (told,) = home.receipts
        assert (told.reference, told.provider_id, told.status) == ("dlv_slow", "1006", "sent")


@pytest.mark.slow
async def test_a_refusal_that_comes_late_is_told_as_a_receipt() -> None:
    async with Smsc() as smsc, rig(smsc.port, response_timeout=1) as home:
        slow = Answer(0x0B, delay=1.5)
        smsc.answers = lambda submit: slow if submit.message.content == b"slow" else Answer(delay=0.2)
        waiting = asyncio.create_task(home.send("slow", reference="dlv_slow"))
        for _ in range(5):
            await home.send()
        assert (await waiting).in_doubt
        await home.heard(receipts=1)
        (told,) = home.receipts
        assert (told.reference, told.status, told.error) == ("dlv_slow", "rejected", "invalid_recipient")


async def test_parts_after_a_refused_one_are_not_sent() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(0x08)
        outcome = await home.send(LONG)
        assert (outcome.retry, outcome.in_doubt, len(smsc.submits)) == (True, False, 1)


async def test_a_text_of_which_parts_were_taken_is_not_repeated() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        turn = count(1)
        smsc.answers = lambda _: Answer(0x08 if next(turn) == 2 else 0)
        outcome = await home.send(LONG)
        assert (outcome.ok, outcome.retry, outcome.in_doubt) == (False, False, False)
        assert (outcome.error, outcome.provider_ids) == ("unavailable", ("1001",))
        assert "parts 1 to 1 of 3 were taken, part 2 was not" in outcome.detail


async def test_a_text_whose_later_part_is_lost_is_in_doubt() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        turn = count(1)
        smsc.answers = lambda _: Answer(drop=next(turn) == 2)
        outcome = await home.send(LONG)
        assert (outcome.in_doubt, outcome.retry, outcome.provider_ids) == (True, False, ("1001",))


@pytest.mark.slow
async def test_a_later_part_that_is_throttled_is_tried_again() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        turn = count(1)
        smsc.answers = lambda _: Answer(0x58 if next(turn) == 2 else 0)
        outcome = await home.send(LONG)
        assert (outcome.ok, len(outcome.provider_ids), len(smsc.submits)) == (True, 3, 4)


async def test_no_more_wait_for_answers_than_the_window_has_room_for() -> None:
    async with Smsc() as smsc, rig(smsc.port, window=3) as home:
        smsc.answers = lambda _: Answer(silent=True)
        waiting = [asyncio.create_task(home.send(str(n))) for n in range(10)]
        await smsc.submitted(3)
        smsc.answers = lambda _: Answer()
        await smsc.deliver("id:1 stat:DELIVRD")  # by now a fourth would have come
        assert len(smsc.submits) == 3
        smsc.cut()
        outcomes = await asyncio.gather(*waiting)
        assert [outcome.in_doubt for outcome in outcomes] == [True] * 3 + [False] * 7
        assert all(outcome.ok or outcome.retry for outcome in outcomes[3:])


async def test_throttling_makes_submits_slower() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        smsc.answers = lambda _: Answer(0x58)
        assert (await home.send()).error == "throttled"
        held = home.smpp._held["con_1"]
        assert held.session is not None
        assert held.session.pace.rate == 1.0
        smsc.answers = lambda _: Answer()
        start = asyncio.get_running_loop().time()
        assert (await home.send()).ok
        assert asyncio.get_running_loop().time() - start > 0.5


async def test_who_would_wait_long_for_its_turn_is_told_to_come_back() -> None:
    async with Smsc() as smsc, rig(smsc.port, window=100) as home:
        smsc.answers = lambda _: Answer(0x58)
        await home.send()
        waiting = [asyncio.create_task(home.send()) for _ in range(30)]
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=5)
        outcomes = [task.result() for task in done]
        assert {(one.error, one.retry, one.in_doubt) for one in outcomes} == {("throttled", True, False)}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


async def test_enquire_link_is_answered() -> None:
    async with Smsc() as smsc, rig(smsc.port):
        assert await smsc.answered(smsc.send(Pdu(pdu.ENQUIRE_LINK, 0, 0))) == 0


@pytest.mark.slow
async def test_a_silent_smsc_is_asked() -> None:
    async with Smsc() as smsc, rig(smsc.port, enquire_link_interval=1) as home:

        async def asked() -> bool:
            return [one.command for one in smsc.received].count(pdu.ENQUIRE_LINK) >= 2

        await until(asked)
        assert smsc.logins == 1
        assert (await home.in_state("connected")).error is None


@pytest.mark.slow
async def test_an_smsc_that_does_not_answer_enquire_link_is_left() -> None:
    async with Smsc() as smsc, rig(smsc.port, enquire_link_interval=1, response_timeout=1) as home:
        smsc.mute = True

        async def left() -> bool:
            status = home.smpp.status("con_1")
            return status is not None and "does not answer enquire_link" in (status.error or "")

        await until(left)
        smsc.mute = False
        await home.in_state("connected")


async def test_an_smsc_that_says_nothing_at_all_is_left_at_once() -> None:
    async with Smsc() as smsc, rig(smsc.port, response_timeout=1) as home:
        smsc.mute = True
        outcomes = await asyncio.gather(home.send(), home.send())
        assert [outcome.in_doubt for outcome in outcomes] == [True, True]
        smsc.mute = False

        async def again() -> bool:
            return smsc.logins == 2

        await until(again)


async def test_a_receiver_cannot_send() -> None:
    async with Smsc() as smsc, rig(smsc.port, bind="receiver") as home:
        outcome = await home.send()
        assert (outcome.error, outcome.retry) == ("config", False)
        assert smsc.binds[0].command == pdu.BIND_RECEIVER


async def test_what_cannot_be_written_is_not_sent() -> None:
    async with Smsc() as smsc, rig(smsc.port) as home:
        outcome = await home.send("`")
        assert (outcome.error, outcome.retry) == ("content", False)
        assert smsc.submits == []


async def test_an_answer_of_another_kind_is_none() -> None:
    async with Smsc() as smsc, rig(smsc.port, response_timeout=1) as home:

        def misled(submit: Submit) -> Answer:
            smsc.play(pdu.encode(Pdu(pdu.ENQUIRE_LINK | pdu.RESPONSE, 0, submit.pdu.sequence)))
            return Answer(silent=True)

        smsc.answers = misled
        assert (await home.send()).in_doubt
