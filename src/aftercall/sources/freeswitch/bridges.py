"""Who is bridged with whom, and the transfers that made it so. FreeSWITCH has no event for a transfer.

`transfer_source` is `seconds:uuid:bl_xfer:extension/dialplan/context` or `seconds:uuid:att_xfer:from@../to@..`.
"""

from typing import Literal

import msgspec

from aftercall.domain.fact import Data, Fact, Kind, Transfer
from aftercall.engine.taking import MAX_KEY
from aftercall.sources.freeswitch.legs import elder
from aftercall.sources.freeswitch.view import TICK, View

MERGED = ("merged",)


class Handed(msgspec.Struct, frozen=True):
    """A leg was handed on."""

    kind: Literal["blind", "attended"]
    from_: str | None
    to: str | None


def bridged(view: View) -> list[Fact]:
    """Two legs hear each other from now on. If they are of two calls, these become one."""
    pair = _pair(view)
    if pair is None:
        return []
    a, b = pair
    facts: list[Fact] = []
    handed = _handed(view)
    if handed is not None and handed.kind == "blind" and view.leg.bridged:
        facts.append(_transferred(view, handed, None))
    attended = handed if handed is not None and handed.kind == "attended" else None
    if view.of(a).key != view.of(b).key:
        facts += _joined(view, a, b, attended)
    elif attended is not None:
        facts.append(_arrived(view, b if a == view.uuid else a, attended))
    for uuid in pair:
        view.of(uuid).bridged = True
        facts.append(view.about(Kind.CONNECTED, uuid, bridge=bridge_of(a, b)))
    return facts


def unbridged(view: View) -> list[Fact]:
    """They hear each other no more; a leg that was sent elsewhere meanwhile was transferred."""
    pair = _pair(view)
    if pair is None:
        return []
    a, b = pair
    facts = [view.about(Kind.DISCONNECTED, uuid, bridge=bridge_of(a, b)) for uuid in pair]
    handed = _handed(view)
    if handed is not None and handed.kind == "blind" and view.leg.bridged:
        facts.append(_transferred(view, handed, b if a == view.uuid else a))
    return facts


def bridge_of(a: str, b: str) -> str:
    """FreeSWITCH's bridges have two ends and no name."""
    return "+".join(sorted((a, b)))


def _joined(view: View, a: str, b: str, attended: Handed | None) -> list[Fact]:
    """The leg of the younger call moves to the older one; the call it leaves goes on without it."""
    stays = elder(view.of(a), view.of(b))
    uuid = b if stays is view.of(a) else a
    leg = view.of(uuid)
    left = view.about(Kind.ENDED, uuid, Data(flags=MERGED))
    leg.key, leg.born = stays.key, stays.born
    return [left] if attended is None else [left, _arrived(view, uuid, attended, bridge_of(a, b))]


def _arrived(view: View, uuid: str, handed: Handed, bridge: str | None = None) -> Fact:
    """An attended transfer, told of the leg it went to; with a `bridge` of one that comes from another call."""
    agent = handed.from_ if view.dialplan.is_agent(handed.from_) else None
    transfer = Transfer(
        kind="attended",
        from_agent=view.dialplan.agent(agent) if agent else None,
        to=handed.to,
        result="success",
    )
    return view.about(
        Kind.TRANSFERRED, uuid, Data(transfer=transfer, agent=view.of(uuid).agent), bridge=bridge
    )


def _transferred(view: View, handed: Handed, by: str | None) -> Fact:
    """A blind transfer: handed on, whether or not anybody is reached. Told before what happens at this moment."""
    agent = view.of(by).agent if by is not None else None
    transfer = Transfer(kind="blind", from_agent=agent, to=handed.to, result="success")
    at = (view.event.at() or view.received_at) - TICK
    return view.leg_fact(Kind.TRANSFERRED, Data(transfer=transfer), at=at)


def _handed(view: View) -> Handed | None:
    """The leg's last transfer, if it was not told of before."""
    source = view.event.get("variable_transfer_source", "Caller-Transfer-Source")
    if source is None or source == view.leg.transfer:
        return None
    view.leg.transfer = source
    parts = source.split(":", 3)
    if len(parts) < 4 or parts[2] not in ("bl_xfer", "att_xfer"):
        return None
    first, _, second = parts[3].partition("/")
    if parts[2] == "bl_xfer":
        return Handed("blind", None, first or None)
    return Handed("attended", first.partition("@")[0] or None, second.partition("@")[0] or None)


def _pair(view: View) -> tuple[str, str] | None:
    event = view.event
    a = event.get("Bridge-A-Unique-ID") or view.uuid
    b = event.get("Bridge-B-Unique-ID", "Other-Leg-Unique-ID")
    return (a, b) if b is not None and a != b and max(len(a), len(b)) <= MAX_KEY else None
