"""Submits a second on one SMPP connection, its window always full, against an SMSC in a process of its own."""

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network

from aftercall.channels.sms.smpp import Smpp, settings_of
from aftercall.domain.connection import Connection
from aftercall.domain.message import Receipt, Sms, Text
from aftercall.engine.messaging import Submission
from aftercall.net.address import AddressRules
from aftercall.net.door import Door, DoorRules
from benchmarks.bench import Figure, note, python
from tests.support.smsc import PASSWORD, SYSTEM_ID, Smsc

COUNT = 10_000
WINDOW = 10
TEXT = "We missed your call and will ring you back within the hour."


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


async def run(runs: int) -> list[Figure]:
    rates, shares = [], []
    for number in range(runs):
        rate, share = await submits()
        rates.append(rate)
        shares.append(share)
        note(f"smpp {number + 1}/{runs}: {rate:,.0f} submits/s, client at {share:.0f} % of a core")
    return [
        Figure(
            f"SMPP: submits on one connection, window {WINDOW}",
            "1/s",
            rates,
            500,
            None,
            higher_is_better=True,
        ),
        Figure("SMPP: CPU of the client meanwhile", "% of a core", shares, None, None),
    ]


async def submits() -> tuple[float, float]:
    """Submits a second, and percent of one core that this process spent on them."""
    smsc = await python("benchmarks.smpp", "--smsc", stdout=True)
    door = Door(DoorRules(addresses=AddressRules(allow=(ip_network("127.0.0.0/8"),))))
    smpp = Smpp(door.connect, _hear, Clock())
    try:
        assert smsc.stdout is not None
        connection = _connection(int(await smsc.stdout.readline()))
        await smpp.keep([connection])
        await _hand_over(smpp, connection, 100)  # bound and warm
        cpu, start = time.process_time(), time.perf_counter()
        await _hand_over(smpp, connection, COUNT)
        took = time.perf_counter() - start
        return COUNT / took, 100 * (time.process_time() - cpu) / took
    finally:
        await smpp.stop()
        await door.close()
        smsc.terminate()
        await smsc.wait()


async def _hand_over(smpp: Smpp, connection: Connection, count: int) -> None:
    submission = Submission(
        reference="dlv_1",
        sms=Sms(to="+919876543210", sender="+14085559876", text=TEXT, category="transactional"),
        settings=settings_of(connection),
        callback_url=None,
        now=datetime.now(UTC),
    )
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            outcome = await smpp.submit(connection, submission)
            assert outcome.ok, outcome

    await asyncio.gather(*(work() for _ in range(WINDOW)))


async def _hear(_: Connection, __: Sequence[Receipt], ___: Sequence[Text]) -> None:
    """Nothing comes in here."""


def _connection(port: int) -> Connection:
    now = datetime.now(UTC)
    return Connection(
        id="con_1", account_id="acc_1", channel="sms", type="smpp", rate_limit=0,
        settings={"host": "127.0.0.1", "port": port, "system_id": SYSTEM_ID, "window": WINDOW},
        secrets={"password": PASSWORD}, created_at=now, updated_at=now,
    )  # fmt: skip


async def _serve() -> None:
    """The SMSC, until its client's process is gone."""
    parent = os.getppid()
    async with Smsc() as smsc:
        print(smsc.port, flush=True)
        while os.getppid() == parent:
            await asyncio.sleep(0.5)
            smsc.submits.clear()
            smsc.received.clear()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--smsc", action="store_true")
    arguments.add_argument("--runs", type=int, default=3)
    parsed = arguments.parse_args()
    if parsed.smsc:
        asyncio.run(_serve())
    else:
        for figure in asyncio.run(run(parsed.runs)):
            print(figure.row())
