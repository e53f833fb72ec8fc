# A captured call through the whole server, in pieces: recorded right, and each event said once.

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from aftercall.domain.project import project
from tests.sources.asterisk.captures import first_call
from tests.support.house import house
from tests.support.wait import until


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    "name", ["queue_answered", "28_ring_group_local", "31_blind_transfer_refer", "50_click_to_call_answered"]
)
async def test_call_when_its_legs_come_in_pieces(name: str, shuffled: bool, tmp_path: Path) -> None:
    async with house(f"sqlite:///{tmp_path}/calls.db", tmp_path) as home:
        captured = first_call(name)
        later = home.clock.now() - captured[-1].occurred_at - timedelta(seconds=1)
        told = [msgspec.structs.replace(f, occurred_at=f.occurred_at + later) for f in captured]
        expected = project(told)
        order = [*told, *told[::7]]
        if shuffled:
            random.Random(3).shuffle(order)
        taken = []
        for n in range(0, len(order), 5):
            taken += await home.post(*order[n : n + 5])
        await home.forward(6)
        [call_id] = {t.call_id for t in taken}

        async def completed() -> list[str] | None:
            said = await home.app.store.call_events(home.account_id, call_id)
            names = [spoken.event.name for spoken in said]
            return names if "call.completed" in names else None

        said = await until(completed)
        row = await home.app.store.get_call(home.account_id, call_id)
        assert row is not None
        assert row.call == expected.call
        assert Counter(said) == Counter(event.name for event in expected.events)
