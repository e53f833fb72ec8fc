# H11 in a whole server: a PBX whose clock is wrong, over the way that live sources take, on both stores.

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.account import Source
from aftercall.domain.call import Call
from aftercall.domain.fact import Fact, Kind
from aftercall.domain.skew import NEEDED
from aftercall.engine.inflow import Inflow
from tests.support.house import House, house
from tests.support.wait import until


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(database_url, tmp_path) as opened:
        yield opened


class Pbx:
    """Tells of calls as they happen, by a clock that is some seconds behind."""

    def __init__(self, home: House, source: Source, behind: float) -> None:
        app = home.app
        self.home, self.source, self.behind = home, source, behind
        self.inflow = Inflow(source, app.settings, app.intake, app.clocks, app.traffic)

    async def call(self, key: str, seconds: float = 6) -> None:
        await self.tell(Kind.RECEIVED, key)
        self.home.clock.ahead += timedelta(seconds=seconds)
        await self.tell(Kind.CONNECTED, key)
        self.home.clock.ahead += timedelta(seconds=seconds)
        await self.tell(Kind.ENDED, key)

    async def tell(self, kind: Kind, key: str) -> None:
        now = self.home.clock.now()
        at = now - timedelta(seconds=self.behind)
        fact = Fact(kind=kind, call_key=key, occurred_at=at, natural_id=kind.value, received_at=now)
        await self.inflow.accept([fact])

    async def told(self, key: str) -> Call:
        page = await self.home.app.store.list_calls(self.source.account_id, _by_key(self.source, key))
        return page.items[0].call

    async def believed(self) -> Source:
        """The source, once its clock has been found out and everybody knows."""

        async def known() -> Source | None:
            settings = await self.home.app.settings.get(self.source.account_id)
            found = settings.sources[self.source.id] if settings is not None else None
            return found if found is not None and found.clock_skew else None

        self.inflow.source = await until(known)
        return self.inflow.source


def _by_key(source: Source, key: str) -> Any:
    from aftercall.engine.rows import CallQuery

    return CallQuery(source_id=source.id, call_key=key)


async def pbx(home: House, behind: float, **more: Any) -> Pbx:
    now = home.clock.now()
    source = Source(
        id="src_pbx", account_id=home.account_id, type="asterisk", status="paused", created_at=now, updated_at=now,
        **more,
    )  # fmt: skip
    await home.app.store.add_source(source)
    home.app.dispatcher.forget(home.account_id)
    return Pbx(home, source, behind)


@pytest.mark.parametrize("behind", [42.0, -42.0])
async def test_h11_a_wrong_clock_is_found_out_and_put_right(home: House, behind: float) -> None:
    there = await pbx(home, behind)
    for n in range(NEEDED):
        await there.call(f"before-{n}")
    source = await there.believed()
    assert source.clock_skew == pytest.approx(behind, abs=0.5)
    began = home.clock.now()
    await there.call("after")
    call = await there.told("after")
    assert call.started_at is not None
    assert "clock_skew" in call.data_quality
    assert abs((call.started_at - began).total_seconds()) < 1
    assert call.duration_seconds == 12
    assert "clock_skew" not in (await there.told("before-0")).data_quality


async def test_h11_a_call_that_began_before_it_was_found_out_keeps_its_length(home: House) -> None:
    there = await pbx(home, 42.0)
    await there.tell(Kind.RECEIVED, "long")
    for n in range(NEEDED):
        await there.call(f"before-{n}")
    await there.believed()
    await there.tell(Kind.ENDED, "long")
    call = await there.told("long")
    assert call.duration_seconds == NEEDED * 12
    assert "clock_skew" not in call.data_quality


async def test_h11_a_clock_that_is_trusted_is_measured_and_left_alone(home: House) -> None:
    there = await pbx(home, 42.0, clock="trust")
    for n in range(NEEDED):
        await there.call(f"before-{n}")
    measured = home.app.clocks.measured(there.source.id)
    assert measured.skew == pytest.approx(42.0, abs=0.5)
    assert "clock_skew" not in (await there.told(f"before-{NEEDED - 1}")).data_quality
    stored = await home.app.store.get_source(home.account_id, there.source.id)
    assert stored is not None
    assert stored.clock_skew == 0.0


async def test_h11_what_is_believed_survives_a_restart(home: House) -> None:
    there = await pbx(home, 42.0)
    for n in range(NEEDED):
        await there.call(f"before-{n}")
    source = await there.believed()
    home.app.clocks._watches.clear()
    [moved] = home.app.clocks.settle(
        source, [home.fact(Kind.RINGING, "k", at=home.clock.now() - timedelta(1))]
    )
    assert "clock_skew" in moved.data.flags


async def test_h11_a_change_by_somebody_else_is_not_lost(home: House) -> None:
    """What is believed is written beside whatever else stands in the source."""
    there = await pbx(home, 42.0)
    renamed = msgspec.structs.replace(there.source, name="New name", version=2)
    assert await home.app.store.update_source(renamed)
    for n in range(NEEDED):
        await there.call(f"before-{n}")
    await there.believed()
    stored = await home.app.store.get_source(home.account_id, there.source.id)
    assert stored is not None
    assert (stored.name, stored.version) == ("New name", 3)
