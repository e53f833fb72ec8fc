# Kept input read again: what an older parser made of it is replaced by what today's makes of it, in silence.

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from aftercall.api.rates import Rates
from aftercall.api.reception import Reception
from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Unreadable
from aftercall.domain.fact import Kind
from aftercall.engine.input_rows import Input, InputQuery
from aftercall.engine.reread import Read, Reread, reread
from aftercall.engine.rows import CallQuery, CallRow
from aftercall.engine.upstream import Parsed, Request, Unparsable
from aftercall.sources import SOURCES, kamailio, reader
from tests.support.house import House, house

FIXTURES = Path(__file__).parent.parent / "sources"
SCRIPTED = (
    "elevenlabs",
    "freeswitch_cdr",
    "jambonz",
    "livekit",
    "plivo",
    "retell",
    "telnyx",
    "twilio",
    "vapi",
)
replace = msgspec.structs.replace
BYE = {"method": "BYE", "from_tag": "1a", "to_tag": "1b", "sip_code": "200", "sip_reason": "OK"}
INVITE = {"method": "INVITE", "from_tag": "1a", "to_tag": "1b", "sip_code": "200", "sip_reason": "OK",
          "src_user": "+14085551234", "dst_ouser": "+14085559876"}  # fmt: skip


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(database_url, tmp_path) as opened:
        opened.clock.stop()
        now = opened.clock.now()
        opened.source = Source(
            id="src_sip", account_id=opened.account_id, type="kamailio", created_at=now, updated_at=now
        )
        await opened.app.store.add_source(opened.source)
        opened.app.dispatcher.forget(opened.account_id)
        yield opened


def today(source: Source, request: Request) -> Parsed:
    return kamailio.parse(source, request.path, request.headers, request.body)


def without_numbers(source: Source, request: Request) -> Parsed:
    """An older parser that had not learnt to read who calls."""
    parsed = today(source, request)
    return Parsed(tuple(replace(f, data=replace(f.data, from_=None, to=None)) for f in parsed.facts))


def with_a_key_too_many(source: Source, request: Request) -> Parsed:
    """One that made a fact which today's does not make."""
    parsed = today(source, request)
    first = parsed.facts[0]
    wrong = replace(first, kind=Kind.DTMF, natural_id="wrong", data=replace(first.data, digits=("1",)))
    return Parsed((*parsed.facts, wrong))


def nothing(source: Source, request: Request) -> Parsed:
    raise Unreadable("An older parser could not read this.")


class Older:
    """The type as it was when the input came."""

    timing: Timing = kamailio.timing
    unparsable: Unparsable = "accept"

    def __init__(self, read: Read) -> None:
        self._read = read

    def parse(self, source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed:
        return self._read(
            source, Request(url="", path=path, headers=headers, body=body, now=source.created_at)
        )


async def arrive(home: House, read: Read, *records: dict[str, Any], key: str = "1@h") -> None:
    settings = await home.app.settings.get(home.account_id)
    assert settings is not None
    now = home.clock.now()
    for at, record in enumerate(records):
        said = record | {"callid": key, "time": now.timestamp() - 10 + at}
        request = Request(url="", body=json.dumps(said).encode(), now=now)
        await Reception(home.app, Rates()).take(settings, home.source, request, Older(read))


async def again(home: House, *, write: bool = True, read: Read = today) -> Reread:
    settings = await home.app.settings.get(home.account_id)
    assert settings is not None
    return await reread(
        home.app.store, settings, home.source, read, kamailio.timing, None, home.clock.now(), write=write
    )


async def calls(home: House) -> list[CallRow]:
    return list((await home.app.store.list_calls(home.account_id, CallQuery())).items)


async def inputs(home: House) -> list[Input]:
    query = InputQuery(source_id=home.source.id, oldest_first=True, limit=200)
    return list((await home.app.store.list_inputs(home.account_id, query)).items)


async def test_what_was_read_as_today_is_left_alone(home: House) -> None:
    await arrive(home, today, INVITE, INVITE, BYE)
    before, kept = await calls(home), await inputs(home)
    found = await again(home)
    assert (found.inputs, found.differences, found.made, found.unread) == (3, [], [], [])
    assert await calls(home) == before
    assert await inputs(home) == kept


async def test_what_an_older_parser_left_out_is_filled_in_once(home: House) -> None:
    await arrive(home, without_numbers, INVITE, BYE)
    [before] = await calls(home)
    assert before.call.from_ is None
    shown = await again(home, write=False)
    assert {change["path"] for change in shown.differences[0].changes} >= {"from", "to"}
    assert await calls(home) == [before]
    assert (await again(home)).differences == shown.differences
    [after] = await calls(home)
    assert (after.id, after.call.from_, after.version) == (before.id, "+14085551234", before.version + 1)
    assert (await again(home)).differences == []
    assert await calls(home) == [after]


async def test_what_an_older_parser_made_up_is_taken_away(home: House) -> None:
    await arrive(home, with_a_key_too_many, INVITE, INVITE | {"to_tag": "2b"})
    [before] = await calls(home)
    await again(home)
    [after] = await calls(home)
    facts = await home.app.store.call_facts(home.account_id, after.id)
    assert after.facts == len(facts) == before.facts - 1
    assert "wrong" not in {fact.natural_id for fact in facts}


async def test_what_could_not_be_read_becomes_a_call_that_is_announced_to_nobody(home: House) -> None:
    await home.webhook("http://127.0.0.1:9/hook", triggers=("call.completed",))
    await arrive(home, nothing, INVITE, BYE)
    assert await calls(home) == []
    assert (await again(home, write=False)).made == ["1@h"]
    assert await calls(home) == []
    await again(home)
    [made] = await calls(home)
    assert made.call.phase == "ended"
    events = await home.app.store.call_events(home.account_id, made.id)
    assert "call.completed" in {spoken.event.name for spoken in events}
    await home.forward(60)
    assert await home.deliveries() == []
    kept = await inputs(home)
    assert [(one.result, one.error, one.call_ids) for one in kept] == [("taken", None, (made.id,))] * 2
    assert (await again(home)).made == []


async def test_what_cannot_be_read_today_either_is_named_and_left_alone(home: House) -> None:
    await arrive(home, today, INVITE)
    before, kept = await calls(home), await inputs(home)
    found = await again(home, read=nothing)
    assert found.unread == [(kept[0].id, "An older parser could not read this.")]
    assert await calls(home) == before
    assert await inputs(home) == kept


async def test_other_facts_of_the_call_stay(home: House) -> None:
    """What was told otherwise, a note say, is not input of the source."""
    await arrive(home, without_numbers, INVITE, BYE)
    [row] = await calls(home)
    note = home.fact(Kind.NOTED, row.call_key)
    await home.post(replace(note, data=replace(note.data, notes="Kept")))
    await again(home)
    [after] = await calls(home)
    assert (after.call.notes, after.call.from_) == ("Kept", "+14085551234")


def said_by(type: str) -> list[bytes]:
    """Every request of a type's fixtures, as its sender would send it."""
    bodies: list[bytes] = []
    for file in sorted((FIXTURES / type / "fixtures").glob("*.json*")):
        text = file.read_text()
        lines = text.splitlines() if file.suffix == ".jsonl" else [text]
        for line in lines:
            value = json.loads(line)
            for one in value if isinstance(value, list) else [value]:
                form = one.get("params")
                body = one.get("body", one)
                bodies.append(urlencode(form).encode() if form is not None else json.dumps(body).encode())
    return bodies


@pytest.mark.parametrize("type", SCRIPTED)
async def test_what_a_type_is_known_to_say_is_read_again_as_it_was(home: House, type: str) -> None:
    """Of what is kept nothing is missing that a parser needs: every fixture, kept and read again."""
    settings = await home.app.settings.get(home.account_id)
    assert settings is not None
    home.source = replace(home.source, type=type)
    kind = SOURCES[type]
    reception = Reception(home.app, Rates())
    headers = {
        "content-type": "application/json",
        "i-twilio-idempotency-token": "tok",
        "authorization": "s3cret",
    }
    bodies = said_by(type)
    assert len(bodies) >= 4
    for body in bodies:
        now = home.clock.now()
        said = Request(
            url="", query="ac_crm=A-17&leg=agent&token=s3cret", headers=headers, body=body, now=now
        )
        await reception.take(settings, home.source, said, kind)
    before, kept = await calls(home), await inputs(home)
    assert len(kept) == len(bodies)
    assert before
    found = await reread(
        home.app.store, settings, home.source, reader(kind), kind.timing, None, home.clock.now(), write=True
    )
    assert (found.inputs, found.differences, found.made, found.unread) == (len(bodies), [], [], [])
    assert [row.call for row in await calls(home)] == [row.call for row in before]
    for one, other in zip(await inputs(home), kept, strict=True):
        assert one == other


async def test_input_and_its_facts_are_stored_together_or_not_at_all(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statement after the facts fails, as it does when the disk is full or the process dies there."""

    async def fails(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("aftercall.store.work.SqlWork.add_inputs", fails)
    with pytest.raises(Exception, match=r"."):
        await arrive(home, today, INVITE)
    assert await calls(home) == []
    monkeypatch.undo()
    monkeypatch.setattr("aftercall.store.work.SqlWork.add_calls", fails)
    with pytest.raises(Exception, match=r"."):
        await arrive(home, today, INVITE)
    monkeypatch.undo()
    assert await inputs(home) == []
    await arrive(home, today, INVITE)
    assert (len(await calls(home)), len(await inputs(home))) == (1, 1)
