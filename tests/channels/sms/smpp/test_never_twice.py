# A text is never handed over twice by itself (promise 12): whatever the SMSC and the network do, and however often
# what may be repeated is repeated.

import asyncio
import random
from collections import Counter

import pytest

from tests.channels.sms.smpp.rig import rig
from tests.support.smsc import Answer, Smsc, Submit

SENT, AT_ONCE = 240, 12


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_no_part_is_taken_twice(seed: int) -> None:
    chance = random.Random(seed)
    taken: Counter[bytes] = Counter()

    def misbehave(submit: Submit) -> Answer:
        fate = chance.random()
        if fate < 0.15:
            return Answer(0x08)
        taken[submit.message.content[6:]] += 1  # behind the header; its reference differs with each attempt
        if fate < 0.17:
            return Answer(drop=True)
        if fate < 0.18:
            return Answer(silent=True)
        return Answer(delay=0.02 * chance.random(), drop=fate < 0.20)

    async with Smsc() as smsc, rig(smsc.port, response_timeout=1) as home:
        smsc.answers = misbehave
        numbers = iter(range(SENT))
        ended: Counter[str] = Counter()

        async def work() -> None:
            for number in numbers:
                text = "".join(
                    f"{number:05}.{place:03} " for place in range(30)
                )  # two parts, each unlike any other
                outcome = await home.send(text, reference=f"dlv_{number}")
                while not outcome.ok and outcome.retry:
                    await asyncio.sleep(0.01)  # stands for the schedule, which waits for seconds
                    outcome = await home.send(text, reference=f"dlv_{number}")
                ended["ok" if outcome.ok else "in doubt" if outcome.in_doubt else "failed"] += 1

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        assert set(taken.values()) == {1}
        assert len(taken) >= 2 * ended["ok"]
        assert sum(ended.values()) == SENT
        assert min(ended["ok"], ended["in doubt"], ended["failed"]) > 0, ended
