"""What is known after a gap: AMI repeats nothing (H15), so the calls still there are asked for, the rest are over.

The owner of the connection sends CoreShowChannels after each login and gives what came back to these functions.
"""

from collections.abc import Iterable
from datetime import datetime

from aftercall.domain.fact import Data, Fact, Hangup, Kind, Line
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.message import Message
from aftercall.sources.asterisk.view import View

GAP = ("gap",)
CHANNEL = "CoreShowChannel"


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


def vanished(open_calls: Iterable[str], there: Iterable[Fact], received_at: datetime) -> list[Fact]:
    """Calls open at us that the PBX no longer has: they ended unseen, at the latest now.

    After a restart of the PBX (FullyBooted with a small Uptime) none is there any more.
    """
    alive = {fact.call_key for fact in there}
    return [
        Fact(
            kind=Kind.ENDED,
            call_key=key,
            occurred_at=received_at,
            natural_id=f"vanished:{received_at.isoformat()}",
            received_at=received_at,
            data=Data(hangup=Hangup(by="unknown"), flags=GAP),
            line=Line(),
        )
        for key in open_calls
        if key not in alive
    ]
