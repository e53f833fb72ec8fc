# The websockets' side of the calls in tests/sources/asterisk/fixtures, captured at the same time. The calls with SIP
# phones were captured without `channelvars`: what `CHANNEL(linkedid)` would have said is put in from the AMI stream.

import json
from bisect import bisect
from datetime import datetime
from pathlib import Path
from typing import Any

from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.message import read
from aftercall.sources.asterisk_ari.events import LINKEDID, Events
from tests.sources.asterisk.captures import DIALPLAN, NOW, stream

FIXTURES = Path(__file__).parent / "fixtures"
CHANNELS = (
    "channel",
    "caller",
    "peer",
    "transferee",
    "transfer_target",
    "transferer_first_leg",
    "transferer_second_leg",
)


def as_captured(name: str) -> list[dict[str, Any]]:
    lines = (FIXTURES / f"{name}.ari.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines if line]
    return [line.get("event", line) for line in found]


def events(name: str) -> list[dict[str, Any]]:
    """With the linkedid of every channel."""
    told, linked = as_captured(name), Linked(name)
    for event in told:
        at = datetime.fromisoformat(event["timestamp"]).timestamp()
        for member in CHANNELS:
            channel = event.get(member)
            if channel and LINKEDID not in channel.get("channelvars", {}):
                channel["channelvars"] = {LINKEDID: linked.at(channel["id"], at)}
    return told


class Linked:
    """Which linkedid a channel had when, as AMI told."""

    def __init__(self, name: str) -> None:
        self.told: dict[str, list[tuple[float, str]]] = {}
        for message in map(read, Framer().feed(stream(name))):
            id_, linked, at = message.get("Uniqueid"), message.get("Linkedid"), message.at()
            if id_ and linked and at:
                told = self.told.setdefault(id_, [])
                if not told or told[-1][1] != linked:
                    told.append((at.timestamp(), linked))

    def at(self, id_: str, at: float) -> str:
        told = self.told[id_]
        return told[max(bisect(told, (at + 0.001,)) - 1, 0)][1]


def facts(name: str) -> list[Fact]:
    reader = Events(DIALPLAN)
    return [fact for event in events(name) for fact in reader.read(event, NOW)]
