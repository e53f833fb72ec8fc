# S3, S5, S6: the kannel provider against a real Kannel, through the door and over real sockets. At the far end of
# it stands Kannel's own fakesmsc; what Kannel calls back comes to a real HTTP receiver.

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import pytest

from aftercall.channels.sms.kannel import KannelSettings, kannel
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid
from aftercall.domain.message import Dlt, Receipt, Sms, Text
from aftercall.engine.messaging import Answer, Heard, Submission
from aftercall.engine.upstream import Question, Request
from aftercall.net.address import AddressRules
from aftercall.net.door import Door, DoorRules
from aftercall.net.message import Request as Asked
from tests.support.kannel import AWAY, PASSWORD, QUERY, STRICT, USERNAME, Arrived, Kannel
from tests.support.programs import program
from tests.support.receiver import Answer as Answered
from tests.support.receiver import Received, Receiver
from tests.support.wait import until

pytestmark = pytest.mark.live

T = TypeVar("T", Receipt, Text)
CALLBACK = "/v1/callbacks/con_1/t0ken"


class Line:
    """A connection to the rig: what goes out by it, and what has been heard since."""

    def __init__(self, rig: Kannel, door: Door, receiver: Receiver) -> None:
        self.rig, self._door, self._receiver = rig, door, receiver
        self.settings = KannelSettings(api_base=rig.api_base, username=USERNAME, password=PASSWORD)
        self.started = datetime.now(UTC)

    async def send(self, sms: Sms, reference: str = "dlv_1", **settings: str) -> Outcome:
        submission = self.submission(sms, reference, **settings)
        return kannel.submitted(submission, await self.ask(kannel.submit(submission)))

    def submission(self, sms: Sms, reference: str = "dlv_1", **settings: str) -> Submission:
        return Submission(
            reference=reference,
            sms=sms,
            settings=msgspec.structs.replace(self.settings, **settings),
            callback_url=self._receiver.url(CALLBACK),
            now=self.started,
        )

    async def ask(self, question: Question) -> Answer:
        asked = Asked(question.method, question.url, question.headers, question.body, timeout=10)
        response = await self._door.request(asked)
        return Answer(status=response.status, headers=response.headers, body=response.body)

    async def receipts(self, count: int) -> list[Receipt]:
        return await self._said("receipts", count)

    async def texts(self, count: int = 1) -> list[Text]:
        return await self._said("texts", count)

    async def _said(self, what: str, count: int) -> list[T]:
        async def enough() -> list[T] | None:
            heard = [self._heard(request) for request in self._receiver.requests]
            found: Sequence[T] = [one for each in heard for one in getattr(each, what)]
            return list(found) if len(found) >= count else None

        return await until(enough)

    def _heard(self, request: Received) -> Heard:
        if request.path != CALLBACK:  # the SMSC that is asked about each text
            return Heard()
        query = urlsplit(request.target).query
        return kannel.hear(self.settings, Request(url="", query=query, body=request.body, now=self.started))


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    for name in ("bearerbox", "smsbox", "fakesmsc"):
        program(name)
    loopback = AddressRules(allow=(ip_network("127.0.0.0/8"),))
    async with Receiver() as receiver:
        receiver.plan(CALLBACK, Answered(200, body=b""))
        receiver.plan("/smsc", Answered(200, body=b"no such subscriber"))
        rig = Kannel(tmp_path, get_url=receiver.url(CALLBACK) + QUERY, upstream=receiver.url("/smsc"))
        door = Door(DoorRules(addresses=loopback, allow_http=True))
        async with rig:
            yield Line(rig, door, receiver)
        await door.close()


def sms(text: str = "Thank you for calling: {Acme} will ring back", **more: object) -> Sms:
    named = {"to": "+15550001111", "sender": "15552220000", "text": text, "category": "service_implicit"}
    return msgspec.convert(named | more, Sms)


def whole(segments: list[Arrived], charset: str) -> str:
    """A long text put together by the numbers in its headers."""
    return b"".join(one.body for one in sorted(segments, key=lambda one: one.header[-1])).decode(charset)


async def test_a_text_arrives_as_it_was_written(line: Line) -> None:
    outcome = await line.send(sms("Ünit 5: 20 € @ [Acme] ~ ok?"))
    assert (outcome.ok, outcome.status_code) == (True, 202)
    assert await line.rig.arrived() == [
        Arrived("15552220000", "+15550001111", "text", b"", "Ünit 5: 20 € @ [Acme] ~ ok?".encode())
    ]


async def test_a_long_text_arrives_in_two_segments(line: Line) -> None:
    text = "Hello {there}, 5 €\n" * 10
    assert (await line.send(sms(text, segments=2))).ok
    assert whole(await line.rig.arrived(2), "utf-8") == text


async def test_a_text_in_another_script_arrives_as_ucs2(line: Line) -> None:
    assert (await line.send(sms("धन्यवाद 🎉", encoding="ucs2", sender="ACMEIN"))).ok
    [arrived] = await line.rig.arrived()
    assert (arrived.sender, arrived.kind, arrived.body.decode("utf-16-be")) == (
        "ACMEIN",
        "ucs-2",
        "धन्यवाद 🎉",
    )


async def test_a_long_text_in_another_script_arrives_in_two_segments(line: Line) -> None:
    text = "धन्यवाद 🎉 " * 10
    assert (await line.send(sms(text, encoding="ucs2", segments=2))).ok
    assert whole(await line.rig.arrived(2), "utf-16-be") == text


async def test_the_longest_text_is_not_cut_off(line: Line) -> None:
    text = ("धन्यवाद " * 200)[: kannel.traits.longest]
    assert (await line.send(sms(text, encoding="ucs2", segments=23))).ok
    assert whole(await line.rig.arrived(23), "utf-16-be") == text


async def test_receipts_come_back_by_our_reference(line: Line) -> None:
    await line.send(sms(), reference="dlv_01HZX")
    receipts = await line.receipts(2)
    # Kannel calls for both at once: which comes first is chance.
    assert {(one.status, one.provider_status, one.reference) for one in receipts} == {
        ("sent", "delivered to SMSC", "dlv_01HZX"),
        ("delivered", "delivered to phone", "dlv_01HZX"),
    }
    assert all(one.at is not None and abs(one.at - line.started) < timedelta(minutes=1) for one in receipts)


async def test_a_text_that_the_smsc_rejects_is_told_by_a_receipt(line: Line) -> None:
    outcome = await line.send(sms(), smsc=STRICT)
    [receipt] = await line.receipts(1)
    assert outcome.ok
    assert (receipt.status, receipt.error, receipt.provider_code) == ("rejected", "blocked", "16")
    assert "no such subscriber" in receipt.detail


async def test_dlt_ids_reach_the_smsc_connection(line: Line) -> None:
    ids = {"entity_id": "1101456789012345678", "template_id": "1107160000000012345"}
    await line.send(sms(dlt=msgspec.convert(ids, Dlt)))
    await line.rig.arrived()
    assert "[META:?smpp?PE_ID=1101456789012345678&Template_ID=1107160000000012345]" in line.rig.access_log()


async def test_a_wrong_password_is_a_matter_of_credentials(line: Line) -> None:
    outcome = await line.send(sms(), password="another")
    assert (outcome.ok, outcome.error, outcome.retry) == (False, "credentials", False)


async def test_a_text_without_a_sender_is_a_matter_of_the_sender(line: Line) -> None:
    outcome = await line.send(sms(sender=""))
    assert (outcome.ok, outcome.error, outcome.in_doubt) == (False, "sender", False)


async def test_a_text_is_taken_while_the_smsc_is_away(line: Line) -> None:
    submission = line.submission(sms(), smsc=AWAY)
    answer = await line.ask(kannel.submit(submission))
    assert answer.body == b"3: Queued for later delivery"
    assert kannel.submitted(submission, answer).ok


async def test_a_text_that_comes_in_is_heard(line: Line) -> None:
    await line.rig.send_in("15550001111", "15552220000", "STOP")
    [text] = await line.texts()
    assert (text.from_, text.to, text.text) == ("+15550001111", "+15552220000", "STOP")
    assert text.provider_id is not None
    assert text.at is not None


async def test_a_text_in_another_script_is_heard(line: Line) -> None:
    await line.rig.send_in("+919812345678", "15552220000", "रुको + 1&2 🎉")
    [text] = await line.texts()
    assert (text.from_, text.text) == ("+919812345678", "रुको + 1&2 🎉")


async def test_a_probe_sends_nothing_and_accepts_the_login(line: Line) -> None:
    answer = await line.ask(kannel.probe(line.settings))
    assert kannel.probed(answer) == "Kannel takes the login."


async def test_a_probe_with_a_wrong_password_names_it(line: Line) -> None:
    answer = await line.ask(kannel.probe(msgspec.structs.replace(line.settings, password="another")))
    with pytest.raises(Invalid, match="password"):
        kannel.probed(answer)
