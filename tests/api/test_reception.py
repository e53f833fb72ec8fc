# Verified input that is no input at all, for every type: nothing breaks, nothing is lost, the answer is the type's.

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from aftercall.api.rates import Rates
from aftercall.api.reception import Reception
from aftercall.domain.account import Source
from aftercall.domain.errors import Problem
from aftercall.engine.input_rows import Input, InputQuery
from aftercall.engine.rows import CallQuery
from aftercall.engine.upstream import Request
from aftercall.sources import SOURCES
from tests.support.house import House, house

BODIES = {
    "nothing": b"",
    "no text": b"\xff\xfe\x00\x80" * 50,
    "half an object": b'{"neither": "here',
    "a number": b"17",
    "null": b"null",
    "an empty object": b"{}",
    "an empty list": b"[]",
    "depth": b"[" * 5000 + b"]" * 5000,
    "a list of lists": b"[[],[],[1]]",
    "fields": b"&&&=&=x&%zz=1",
    "everything null": b'{"event":null,"data":null,"message":null,"call":null,"callid":null,"variables":null}',
    "numbers for texts": b'{"event":1,"data":2,"message":3,"call":4,"callid":5,"variables":6,"call_sid":7}',
    "lists for texts": b'{"event":[],"data":[],"message":[],"call":[],"callid":[],"variables":[],"call_sid":[]}',
    "infinity": b'{"time":1e999,"callid":"x","method":"INVITE"}',
}
TYPES = sorted(SOURCES.keys() - {"http", "asterisk", "asterisk_ari"})


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as opened:
        yield opened


async def only_input(home: House) -> Input:
    query = InputQuery(source_id=home.source.id, bodies=True)
    [kept] = (await home.app.store.list_inputs(home.account_id, query)).items
    return kept


@pytest.mark.parametrize("type", TYPES)
async def test_what_is_no_input_is_kept_and_answered(home: House, type: str) -> None:
    settings = await home.app.settings.get(home.account_id)
    assert settings is not None
    kind, now = SOURCES[type], home.clock.now()
    reception = Reception(home.app, Rates())
    for name, body in BODIES.items():
        home.source = Source(
            id=f"src_{name.replace(' ', '_')}", account_id=home.account_id, type=type, created_at=now, updated_at=now
        )  # fmt: skip
        try:
            await reception.take(settings, home.source, Request(url="", body=body, now=now), kind)
        except Problem:
            assert kind.unparsable == "refuse", name
        kept = await only_input(home)
        assert (kept.body, kept.result in ("unparsable", "ignored"), bool(kept.error)) == (
            body,
            True,
            True,
        ), name
        assert "log has the details" not in (kept.error or ""), name
    assert (await home.app.store.list_calls(home.account_id, CallQuery())).items == ()


@pytest.mark.parametrize("policy", ["accept", "refuse"])
async def test_the_types_policy_decides_what_is_answered(home: House, policy: str) -> None:
    class Kind:
        timing = SOURCES["kamailio"].timing
        unparsable = policy
        parse = staticmethod(SOURCES["kamailio"].parse)  # type: ignore[union-attr]

    settings = await home.app.settings.get(home.account_id)
    assert settings is not None
    home.source = msgspec.structs.replace(home.source, type="kamailio")
    taking = Reception(home.app, Rates()).take(
        settings, home.source, Request(url="", body=b"{", now=home.clock.now()), Kind()  # type: ignore[arg-type]
    )  # fmt: skip
    if policy == "accept":
        assert [index for index, _ in (await taking).errors] == [0]
    else:
        with pytest.raises(Problem):
            await taking
    assert (await only_input(home)).result == "unparsable"
