# Captured calls whose connection is lost at every point: what CoreShowChannels and QueueStatus would list there is
# put together from the stream itself.

from datetime import datetime, timedelta

import pytest

from aftercall.domain.fact import Fact, Kind
from aftercall.domain.project import Projection, project
from aftercall.sources.asterisk.framing import Framer
from aftercall.sources.asterisk.gap import CHANNEL, WAITING, caught_up
from aftercall.sources.asterisk.message import Message, event_of, read
from aftercall.sources.asterisk.reader import Reader
from tests.sources.asterisk.captures import ALL, DIALPLAN, NOW, calls, folded, stream
from tests.sources.asterisk.test_captures import outcome

pytestmark = pytest.mark.slow  # together; each is quick

SNAPSHOT = (
    "channel",
    "channelstatedesc",
    "calleridnum",
    "calleridname",
    "context",
    "exten",
    "uniqueid",
    "linkedid",
)
A_MOMENT = timedelta(microseconds=1)


class Exchange:
    """What the PBX has, as its events tell."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, list[str]]] = {}
        self.waiting: dict[str, Message] = {}

    def hear(self, message: Message) -> None:
        id_, event = message.get("Uniqueid") or "", message.event
        if event == "Hangup":
            self.channels.pop(id_, None)
            self.waiting.pop(id_, None)
        elif event == "Newchannel" or id_ in self.channels:
            snapshot = {name: message.fields[name] for name in SNAPSHOT if name in message.fields}
            self.channels.setdefault(id_, {}).update(snapshot)
        if (
            event == "BridgeEnter"
            and message.get("BridgeTechnology") != "holding_bridge"
            and id_ in self.channels
        ):
            self.channels[id_]["bridgeid"] = [message.get("BridgeUniqueid") or ""]
        elif event == "BridgeLeave" and id_ in self.channels:
            self.channels[id_].pop("bridgeid", None)
        elif event == "QueueCallerJoin":
            self.waiting[id_] = message
        elif event == "QueueCallerLeave":
            self.waiting.pop(id_, None)

    def listed(self) -> list[Message]:
        return [Message({"event": [CHANNEL], **fields}) for fields in self.channels.values()]

    def entries(self) -> list[Message]:
        names = ("queue", "position", "uniqueid")
        return [
            Message({"event": [WAITING], "wait": ["0"], **{n: m.fields[n] for n in names if n in m.fields}})
            for m in self.waiting.values()
        ]


def open_calls(told: list[Fact]) -> dict[str, frozenset[str]]:
    """As the engine finds them."""
    found = {}
    for key, facts in calls(told).items():
        if project(facts).call.ended_at is None:
            over = {fact.leg for fact in facts if fact.kind is Kind.ENDED}
            found[key] = frozenset(f.leg for f in facts if f.leg and f.line is not None and f.leg not in over)
    return found


def cut(frames: list[bytes], at: int, lost: int = 0) -> list[Fact]:
    """The facts of two connections, of which the second begins `lost` messages after the first ended."""
    exchange, moment = Exchange(), NOW
    for frame in frames[: at + lost]:
        message = read(frame)
        exchange.hear(message)
        moment = message.at() or moment
    told = Reader(DIALPLAN).read(frames[:at], NOW)
    asked_at = moment + A_MOMENT
    between = caught_up(open_calls(told), exchange.listed(), exchange.entries(), (), DIALPLAN, asked_at)
    return told + between + Reader(DIALPLAN, calls(told)).read(frames[at + lost :], NOW)


def events_of(name: str) -> list[bytes]:
    return [frame for frame in Framer().feed(stream(name)) if event_of(frame) and read(frame).at()]


def moments(frames: list[bytes]) -> list[int]:
    """Where a list can be asked for: what is said later happened later. Some events are stamped before others."""
    stamps = [stamp(frame) for frame in frames]
    return [n for n in range(1, len(frames)) if max(stamps[:n]) + A_MOMENT < min(stamps[n:])]


def first(told: list[Fact], key: str) -> Projection:
    return project(calls(told)[key])


@pytest.mark.parametrize("name", ALL)
def test_call_is_the_same_when_the_connection_is_made_anew_and_nothing_was_lost(name: str) -> None:
    frames = events_of(name)
    told = Reader(DIALPLAN).read(frames, NOW)
    key = next(iter(calls(told)))
    whole = project(calls(told)[key])
    for at in moments(frames):
        made = first(cut(frames, at), key)
        assert outcome(made) == outcome(whole), at
        assert [(leg.agent.id, leg.missed) for leg in made.call.agents] == [
            (leg.agent.id, leg.missed) for leg in whole.call.agents
        ], at
        assert near(made.call.connected_at, whole.call.connected_at), at
        assert near(made.call.ended_at, whole.call.ended_at), at
        told_of = (sorted(event.name for event in one.events) for one in (made, whole))
        assert next(told_of) == next(told_of), at


def near(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= timedelta(milliseconds=10)


@pytest.mark.parametrize("lost", [5, 30])
@pytest.mark.parametrize("name", ALL)
def test_call_ends_and_is_flagged_when_a_part_was_lost(name: str, lost: int) -> None:
    frames = events_of(name)
    told = Reader(DIALPLAN).read(frames, NOW)
    key = next(iter(calls(told)))
    talk = folded(calls(told)[key]).talk.total
    for after in moments(frames):
        at = after - lost
        if at < 1:
            continue
        facts = calls(cut(frames, at, lost)).get(key)
        if facts is None:
            continue  # all of it was lost
        made, gap = project(facts), stamp(frames[after - 1]) - stamp(frames[at - 1])
        assert made.call.ended_at is not None, at
        longest = (
            talk + max(gap, timedelta()) + timedelta(milliseconds=10)
        )  # an end unseen may have been any time
        assert folded(facts).talk.total <= longest, at
        assert project(facts[::-1]) == made, at


def stamp(frame: bytes) -> datetime:
    return read(frame).at() or NOW
