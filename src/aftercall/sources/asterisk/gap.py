"""What CoreShowChannels and QueueStatus tell after a gap: the calls still there. The rest are over: `sources/gap.py`.

The owner of the connection asks for both after each login. Nobody saw what happened meanwhile: it is dated to when
it was asked for, and flagged.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from aftercall.domain.fact import Data, Fact, Kind, Named
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.message import Message, count
from aftercall.sources.asterisk.restart import dead
from aftercall.sources.asterisk.view import View
from aftercall.sources.gap import GAP, legs_gone, vanished

CHANNEL, WAITING = "CoreShowChannel", "QueueEntry"
LONGEST_WAIT = 24 * 3600  # seconds in a queue that are believed

OpenCalls = Mapping[str, frozenset[str]]  # the calls that have not ended as far as we know, with their legs


def caught_up(
    open_calls: OpenCalls,
    channels: Iterable[Message],
    waiting: Iterable[Message],
    told: Collection[str | None],
    dialplan: Dialplan,
    asked_at: datetime,
    *,
    booted: datetime | None = None,
) -> list[Fact]:
    """All that the lists tell. Of legs in `told` events have told meanwhile, better than the lists. `booted`: when
    the PBX was started, if it says so.
    """
    there = still_there(channels, dialplan, asked_at)
    over = dead(vanished(open_calls, there, asked_at), booted)
    over += legs_gone(open_calls, there, told, asked_at)
    there += still_waiting(waiting, there, open_calls, asked_at)
    return [fact for fact in there if fact.leg not in told] + over


def still_there(listed: Iterable[Message], dialplan: Dialplan, received_at: datetime) -> list[Fact]:
    """The facts of `CoreShowChannel` messages: these legs exist, answered or not, in these bridges."""
    found: list[Fact] = []
    for message in listed:
        if message.event != CHANNEL:
            continue
        view = View(message, dialplan, received_at)
        view.local = (
            False  # a list shows what is now: its time is that of reading, whatever clock the PBX has
        )
        found += view.leg_fact(Kind.NOTED, Data(from_=view.get("CallerIDNum"), flags=GAP))
        state, bridge = view.get("ChannelStateDesc"), view.get("BridgeId")
        if state == "Up":
            found += view.leg_fact(Kind.ANSWERED, Data(flags=GAP))
        if bridge is not None:
            found += view.leg_fact(Kind.CONNECTED, Data(flags=GAP), bridge=bridge)
    return found


def still_waiting(
    listed: Iterable[Message], there: Iterable[Fact], open_calls: Collection[str], received_at: datetime
) -> list[Fact]:
    """The facts of `QueueEntry` messages: these callers wait. An entry tells its channel, not its call.

    Of a call that was not known before, the wait counts from its beginning; of others from now, because the fold
    passes over a caller who is known to wait, and must not find the same caller waiting earlier.
    """
    legs = {fact.leg: fact for fact in there}
    found: list[Fact] = []
    for message in listed:
        leg, queue = legs.get(message.get("Uniqueid")), message.get("Queue")
        if leg is None or queue is None:
            continue
        waited = 0 if leg.call_key in open_calls else min(count(message.get("Wait")) or 0, LONGEST_WAIT)
        found.append(
            Fact(
                kind=Kind.DEPARTMENT_ENTERED,
                call_key=leg.call_key,
                occurred_at=received_at - timedelta(seconds=waited),
                natural_id=f"waiting:{leg.leg}:{received_at.isoformat()}",
                received_at=received_at,
                leg=leg.leg,
                data=Data(queue=Named(queue, queue), position=count(message.get("Position")), flags=GAP),
                line=leg.line,
            )
        )
    return found
