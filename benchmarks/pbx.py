"""A PBX with many calls at once, as a process: `python -m benchmarks.pbx CALLS SECRET` prints its port, then talks.

Each line of calls replays one captured stream after the other in its own time, under ids of its own.
"""

import asyncio
import itertools
import random
import re
import sys
import time

from aftercall.demo.pbx import Pbx
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.message import event_of, read
from tests.sources.asterisk.captures import TRUTH, stream

TWO_CALLS = {"34_attended_transfer_replaces", "81_ami_connection_lost", "90_pbx_stop_now_mid_call"}
_ID = re.compile(rb"\b\d{10}(\.\d+)\b")
_STAMP = re.compile(rb"(?m)^Timestamp: .*$")

Stream = list[tuple[float, bytes]]  # (seconds from the first event, the event)


def streams() -> list[Stream]:
    """Of each call with SIP phones, everything the PBX said: half of it is of no use to anybody."""
    return [_stream(name) for name in TRUTH if name not in TWO_CALLS]


def _stream(name: str) -> Stream:
    found = []
    for frame in Framer().feed(stream(name)):
        at = read(frame).at() if event_of(frame) else None
        if at is not None:
            found.append((at.timestamp(), frame.strip().replace(b"\r\n", b"\n")))
    return [(at - found[0][0], message) for at, message in found]


async def line(pbx: Pbx, told: list[Stream], numbers: "itertools.count[int]", dice: random.Random) -> None:
    await asyncio.sleep(dice.uniform(0, 8))  # so that they do not start together
    while True:
        started, id_ = time.time(), b"17%08d" % next(numbers)
        for after, message in dice.choice(told):
            await asyncio.sleep(max(0.0, started + after - time.time()))
            stamp = b"Timestamp: %.6f" % (started + after)
            # ids first: a time looks like one
            pbx.say(_STAMP.sub(stamp, _ID.sub(id_ + rb"\1", message)))


async def main(calls: int, secret: str) -> None:
    pbx, told, numbers = Pbx(secret), streams(), itertools.count()
    await pbx.start()
    print(pbx.port, flush=True)
    await pbx.listened_to.wait()
    async with asyncio.TaskGroup() as lines:
        for seed in range(calls):
            lines.create_task(line(pbx, told, numbers, random.Random(seed)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
