"""What the PBX writes down of a call, CEL and CDR: evidence beside the live events, never the outcome.

CEL tells what other events may not tell as well, and is told once with them. CDR counts seconds; its rows are not
calls, and its times are local without a zone, so they are not read.
"""

from collections.abc import Callable
from datetime import timedelta
from posixpath import basename
from typing import Any

import msgspec

from aftercall.domain.fact import Data, Fact, Kind, Line, Recording, Transfer
from aftercall.sources.asterisk.marks import application, user_event
from aftercall.sources.asterisk.message import Message, count
from aftercall.sources.asterisk.view import View

SPREAD = timedelta(milliseconds=5)  # between LINKEDID_END and the last Hangup, in any order; seen: below 1 ms


def cel(view: View) -> list[Fact]:
    if view.get("UserDefType") is not None:
        return _defined(view)
    read = CELS.get(view.get("EventName") or "")
    return read(view) if read is not None else []


def cdr(view: View) -> list[Fact]:
    """A row of accounting: of an answered queue call there are five, with 0 to 10 seconds. The longest counts."""
    seconds = count(view.get("BillableSeconds"))
    if seconds is None or view.get("Disposition") != "ANSWERED":
        return []
    return view.fact(Kind.NOTED, Data(billable_seconds=seconds), leg=view.get("UniqueID"))


def _over(view: View) -> list[Fact]:
    """The last channel of the call is gone, whose Hangup comes a moment before or after: that tells more."""
    found = view.fact(Kind.ENDED, Data(), line=view.line())
    return [msgspec.structs.replace(fact, occurred_at=fact.occurred_at + SPREAD) for fact in found]


def _recording(view: View) -> list[Fact]:
    name = _extra(view).get("filename")
    if not isinstance(name, str) or not name:
        return []
    recording = Recording(id=basename(name) or name, status="pending")
    return view.fact(Kind.RECORDING_STARTED, Data(recording=recording), leg=view.get("UniqueID"))


def _blind(view: View) -> list[Fact]:
    said = _extra(view)
    return _transfer(view, said, "transferee_channel", Transfer("blind", to=_text(said, "extension")))


def _attended(view: View) -> list[Fact]:
    said = _extra(view)
    target = view.dialplan.agent_of(_text(said, "transfer_target_channel_name"))
    to = target.number or target.id if target is not None else None
    return _transfer(view, said, "transfer_target_channel", Transfer("attended", to=to))


def _transfer(view: View, said: dict[str, Any], whose: str, transfer: Transfer) -> list[Fact]:
    """CEL tells of transfers that succeeded only. The channel is who transfers; the leg is who is transferred."""
    leg = _text(said, f"{whose}_uniqueid") or view.get("UniqueID")
    from_agent = view.dialplan.agent_of(view.get("Channel"), view.get("CallerIDname"))
    transfer = msgspec.structs.replace(transfer, from_agent=from_agent, result="success")
    line = Line(first=leg == view.get("LinkedID"))
    return view.fact(Kind.TRANSFERRED, Data(transfer=transfer), leg=leg, line=line)


def _defined(view: View) -> list[Fact]:
    """CELGenUserEvent(AfterCallIVR,IvrId: 1,IvrName: main) says what a UserEvent of that name would; one that is
    named like a wanted variable sets its field.
    """
    name, said = view.get("UserDefType") or "", _text(_extra(view), "extra") or ""
    field = view.dialplan.variables.get(name)
    if field is not None:
        return view.fact(Kind.NOTED, Data(custom_fields={field: said}), leg=view.get("UniqueID"))
    pairs = (pair.partition(":") for pair in said.split(","))
    own = {key.strip().lower(): [value.strip()] for key, colon, value in pairs if colon}
    known = view.message.fields
    fields = {**known, "userevent": [name], **{key: own[key] for key in own if key not in known}}
    return user_event(View(Message(fields), view.dialplan, view.received_at))


def _extra(view: View) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(view.get("Extra") or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value else None


CELS: dict[str, Callable[[View], list[Fact]]] = {
    "APP_START": application,
    "LINKEDID_END": _over,
    "MIXMONITOR_START": _recording,
    "BLINDTRANSFER": _blind,
    "ATTENDEDTRANSFER": _attended,
}
