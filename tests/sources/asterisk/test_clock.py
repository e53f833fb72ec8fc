# H11 over the wire: a captured PBX whose clock is wrong, heard over a real socket, event by event.

import re
from datetime import timedelta
from pathlib import Path

import pytest

from aftercall.domain.account import Source
from aftercall.domain.skew import NEEDED
from aftercall.engine.rows import CallQuery, CallRow
from tests.sources.asterisk.captures import stream
from tests.support.ami import Manager, add_pbx, as_of, events
from tests.support.house import House, house
from tests.support.listened import in_state
from tests.support.wait import until

CAPTURE = events(stream("01_inbound_answered_caller_hangs_up"))
_ID = re.compile(rb"\b(\d{10})\.(\d{1,4})\b")  # of a channel; a time has six decimals


def another(n: int) -> bytes:
    """The captured call once more, with ids of its own."""
    return _ID.sub(lambda found: b"%d.%s" % (int(found[1]) + 1000 * n, found[2]), CAPTURE)


def begun(said: bytes) -> bytes:
    """A call up to its conversation."""
    messages = said.split(b"\r\n\r\n")
    last = max(n for n, message in enumerate(messages) if message.startswith(b"Event: BridgeEnter"))
    return b"\r\n\r\n".join(messages[: last + 1]) + b"\r\n\r\n"


async def calls(home: House, source: Source, count: int) -> list[CallRow]:
    async def enough() -> list[CallRow] | None:
        page = await home.app.store.list_calls(home.account_id, CallQuery(source_id=source.id, limit=50))
        return list(page.items) if len(page.items) >= count else None

    return await until(enough)


@pytest.mark.parametrize("behind", [90.0, -90.0])
async def test_a_pbx_with_a_wrong_clock_is_found_out(tmp_path: Path, behind: float) -> None:
    off = timedelta(seconds=behind)
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home, Manager() as pbx:
        source = await add_pbx(home, pbx)
        await in_state(home, source, "connected")
        for n in range(NEEDED):
            pbx.play(as_of(begun(another(n)), home.clock.now() - off))
            await calls(home, source, n + 1)
            await home.forward(6)

        async def known() -> bool:
            held = home.app.connections._held[source.id].source
            return held.clock_skew != 0

        await until(known)
        now = home.clock.now()
        pbx.play(as_of(another(NEEDED), now - off))

        async def over() -> CallRow | None:
            found = await calls(home, source, NEEDED + 1)
            return next((row for row in found if row.call.ended_at is not None), None)

        call = (await until(over)).call
        assert call.ended_at is not None
        assert abs((call.ended_at - now).total_seconds()) < 2
        assert "clock_skew" in call.data_quality
        assert call.status == "answered"
        assert (await in_state(home, source, "connected")).error is None
