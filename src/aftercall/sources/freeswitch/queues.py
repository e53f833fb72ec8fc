"""mod_callcenter's events. Agents' legs tell for themselves; here is what no leg tells."""

from collections.abc import Callable

from aftercall.domain.fact import Agent, Data, Fact, Hangup, Kind, Named
from aftercall.engine.taking import integer
from aftercall.sources.freeswitch.event import Event
from aftercall.sources.freeswitch.view import View

STANDBY = "uuid-standby"  # an agent whose phone is on the line all day: no leg is dialled


def told(view: View) -> list[Fact]:
    read = ACTIONS.get(view.event.get("CC-Action") or "")
    return [] if read is None else read(view)


def queue_of(event: Event) -> Named | None:
    """`support@default` is the queue support."""
    said = event.get("CC-Queue") or event.variable("cc_queue")
    name = (said or "").partition("@")[0] or None
    return None if name is None else Named(id=said, name=name)


def _joined(view: View) -> list[Fact]:
    return [_said(view, Kind.DEPARTMENT_ENTERED, Data(queue=queue_of(view.event)))]


def _offered(view: View) -> list[Fact]:
    if view.event.get("CC-Agent-Type") != STANDBY:
        return []
    return [_said(view, Kind.AGENT_DIALED, Data(agent=_agent(view.event), queue=queue_of(view.event)))]


def _answered(view: View) -> list[Fact]:
    called, up = (integer(view.event.get(f"CC-Agent-{what}-Time")) for what in ("Called", "Answered"))
    rang = max(up - called, 0) if up and called else None
    return [_said(view, Kind.AGENT_ANSWERED, Data(agent=_agent(view.event), ring_time_seconds=rang))]


def _missed(view: View) -> list[Fact]:
    """Nobody may have been rung at all: of a phone that is not registered there is no leg."""
    cause = view.event.get("CC-Hangup-Cause")
    return [_said(view, Kind.AGENT_MISSED, Data(agent=_agent(view.event), hangup=Hangup(cause=cause)))]


def _agent(event: Event) -> Agent:
    return Agent(id=(event.get("CC-Agent") or "").partition("@")[0] or None)


def _said(view: View, kind: Kind, data: Data) -> Fact:
    """A fact about the call of the member, whichever leg the event shows."""
    member = view.event.get("CC-Member-Session-UUID")
    return view.fact(kind, data, key=None if member is None else view.legs.key_of(member))


ACTIONS: dict[str, Callable[[View], list[Fact]]] = {
    "member-queue-start": _joined,
    "member-queue-resume": _joined,
    "agent-offering": _offered,
    "bridge-agent-start": _answered,
    "bridge-agent-fail": _missed,
}
