"""The demo's PBX: calls captured from an Asterisk 22 with SIP phones, replayed over a manager interface.

`captures/` holds of each the events that AfterCall reads, as the PBX wrote them; their times are moved to now.
Numbers are from the ranges set aside for fiction, people are invented.
"""

import asyncio
import re
import secrets
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.resources import files

from aftercall.client import Client
from aftercall.demo.pbx import USERNAME, Pbx
from aftercall.demo.show import Show

PATIENCE = 10.0  # seconds until AfterCall listens
# Which is played, what to call it, and how far into the demo, in seconds.
PLAYED = (
    ("queue", "to Support", 0.0),
    ("answered", "direct call", 1.0),
    ("transfer", "transferred", 2.5),
    ("voicemail", "night call", 3.5),
    ("abandoned", "impatient", 5.0),
    ("menu", "menu caller", 6.5),
    ("click_to_call", "outgoing", 9.0),
    ("busy", "busy line", 12.0),
)
_FIELD = re.compile(r"(?m)^([A-Za-z]+): (.+)$")
_STAMP = re.compile(rb"(?m)^Timestamp: (\d+\.\d+)$")


@dataclass(frozen=True)
class Event:
    at: float  # the PBX's clock
    message: bytes
    fields: dict[str, str]


@dataclass(frozen=True)
class Capture:
    who: str
    starts: float  # seconds into the demo
    key: str  # its linkedid
    events: tuple[Event, ...]

    @property
    def seconds(self) -> float:
        return self.events[-1].at - self.events[0].at


def captures() -> list[Capture]:
    return [_read(name, who, starts) for name, who, starts in PLAYED]


def _read(name: str, who: str, starts: float) -> Capture:
    text = files("aftercall.demo").joinpath("captures", f"{name}.ami").read_bytes()
    events = []
    for message in text.split(b"\n\n"):
        if found := _STAMP.search(message):
            fields = {field: value.strip() for field, value in _FIELD.findall(message.decode())}
            events.append(Event(float(found[1]), message, fields))
    return Capture(who, starts, events[0].fields["Linkedid"], tuple(events))


class Captured:
    """The script of `demo --asterisk`."""

    left = "What the PBX says"
    intro: tuple[str, ...] = (
        "Real calls of an Asterisk with SIP phones are replayed: AfterCall is connected to a manager interface that",
        "says what the PBX said, makes calls of it, and sends a webhook 1.5 s after each has ended.",
    )

    def __init__(self) -> None:
        self._captures = captures()
        self.refused_once = self._captures[-1].key
        secret = secrets.token_urlsafe(16)
        self._pbx, self._secret = Pbx(secret), secret

    async def prepare(self, show: Show, api: Client, stack: AsyncExitStack) -> None:  # noqa: ARG002  # as the port says
        await self._pbx.start()
        stack.push_async_callback(self._pbx.close)
        await api.post("/v1/sources", {
            "type": "asterisk", "name": "Captured calls", "secret": self._secret,
            "settings": {"host": self._pbx.host, "port": self._pbx.port, "username": USERNAME, "dialplan": {
                "agents": r"10\d", "menus": {"ivr-main": "Main menu"}}},
        })  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            await self._pbx.listened_to.wait()

    async def finish(self) -> None:
        """Its callers' numbers cannot have texts."""

    async def play(self, show: Show) -> None:
        for capture in self._captures:
            show.name(capture.key, capture.who)
            show.expect(capture.key, "call.completed")
        started, pace = time.perf_counter(), show.pace
        timeline = sorted(
            ((capture.starts + event.at - capture.events[0].at, capture, event)
             for capture in self._captures for event in capture.events),
            key=lambda entry: entry[0],
        )  # fmt: skip
        wall = time.time()
        for at, capture, event in timeline:
            await asyncio.sleep(max(0.0, started + at * pace - time.perf_counter()))
            ends = wall + (capture.starts + capture.seconds) * pace
            self._say(show, capture, event, ends - (capture.events[-1].at - event.at))

    def _say(self, show: Show, capture: Capture, event: Event, now: float) -> None:
        self._pbx.say(_STAMP.sub(f"Timestamp: {now:.6f}".encode(), event.message))
        if (shown := telling(event)) is not None:
            show.screen.said(capture.who, *shown)
        if event is capture.events[-1]:
            show.ended(capture.key)


def telling(event: Event) -> tuple[str, str] | None:
    """An event that a person wants to see, and the one thing of it."""
    said = event.fields
    name = said.get("Event", "")
    match name:
        case "Newchannel" if said["Uniqueid"] == said["Linkedid"]:
            return name, said["CallerIDNum"]
        case "QueueCallerJoin":
            return name, said["Queue"]
        case "DialBegin":
            return name, said["DestChannel"].rpartition("-")[0]
        case "DialEnd":
            return name, said["DialStatus"]
        case "DTMFEnd":
            return name, said["Digit"]
        case "BlindTransfer":
            return name, said["Extension"]
        case "Newexten":
            return name, said["Application"]
        case "Hangup" if said["Uniqueid"] == said["Linkedid"]:
            return name, said.get("Cause-txt", "")
        case _:
            return None
