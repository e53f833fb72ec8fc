"""What CoreShowChannels tells after a gap: the calls still there. The rest are over: `sources/gap.py`."""

from collections.abc import Iterable
from datetime import datetime

from aftercall.domain.fact import Data, Fact, Kind
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.message import Message
from aftercall.sources.asterisk.view import View
from aftercall.sources.gap import GAP

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
