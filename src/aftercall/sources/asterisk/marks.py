"""What the dialplan itself tells, beside channels: menus, voicemail, recordings, variables, our UserEvents."""

from collections.abc import Callable
from posixpath import basename

from aftercall.domain.fact import Agent, Data, Fact, Kind, Named, Recording, Voicemail
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.message import Message
from aftercall.sources.asterisk.view import View
from aftercall.sources.numbering import CALL_TYPES

# Applications in which a caller listens to a menu; any other may just pass through its context.
MENU = frozenset({"answer", "wait", "background", "read", "waitexten", "playback", "controlplayback"})
VOICEMAIL = "voicemail"
RECORDING, MESSAGE, TYPE = "MIXMONITOR_FILENAME", "VMSTATUS", "AFTERCALL_TYPE"  # channel variables


def application(view: View) -> list[Fact]:
    """An application begins (Newexten, or CEL APP_START): voicemail, or something played in a menu's context."""
    name = (view.get("Application") or "").casefold()
    if name == VOICEMAIL:
        said = view.get("AppData") or view.get("Data") or ""
        box = said.partition(",")[0].partition("@")[0] or None
        return view.leg_fact(Kind.VOICEMAIL_STARTED, Data(voicemail=Voicemail(box)))
    menu = view.dialplan.menu(view.get("Context"))
    if menu is None or name not in MENU:
        return []
    return view.leg_fact(Kind.IVR_ANSWERED, Data(ivr=menu))


def is_wanted(variable: str | None, dialplan: Dialplan) -> bool:
    """Whether a channel variable says anything to us; a call sets dozens."""
    name = (variable or "").lstrip("_")
    return variable in (RECORDING, MESSAGE) or name == TYPE or name in dialplan.variables


def variable(view: View) -> list[Fact]:
    """A channel variable: a recording's file (told nowhere else), the type of the call, a custom field."""
    name, value = view.get("Variable"), view.get("Value")
    if name is None or value is None:
        return []
    leg = view.get("Uniqueid")
    if name == RECORDING:
        recording = Recording(id=basename(value) or value, status="pending")
        return view.fact(Kind.RECORDING_STARTED, Data(recording=recording), leg=leg)
    if name == MESSAGE:
        return view.leg_fact(Kind.VOICEMAIL_LEFT) if value == "SUCCESS" else []
    if name.lstrip("_") == TYPE:
        call_type = CALL_TYPES.get(value.casefold())
        return view.fact(Kind.NOTED, Data(call_type=call_type), leg=leg) if call_type else []
    field = view.dialplan.variables.get(name.lstrip("_"))
    return view.fact(Kind.NOTED, Data(custom_fields={field: value}), leg=leg) if field else []


def shown(view: View) -> list[Fact]:
    """Variables that the PBX shows with each event of a channel (`channelvars`), as if they were set then."""
    fields, found = view.message.fields, []
    for said in view.message.all("ChanVariable"):
        name, _, value = said.partition("=")
        if is_wanted(name, view.dialplan) and value:
            told = Message({**fields, "variable": [name], "value": [value]})
            found += variable(View(told, view.dialplan, view.received_at))
    return found


def message_left(view: View) -> list[Fact]:
    """The state of a mailbox, shown with the channel that changed it."""
    box = (view.get("Mailbox") or "").partition("@")[0]
    return view.leg_fact(Kind.VOICEMAIL_LEFT, Data(voicemail=Voicemail(box))) if box else []


def user_event(view: View) -> list[Fact]:
    """UserEvent(AfterCallIVR,IvrId: 1,IvrName: main) and its kin: the dialplan says what Asterisk cannot know."""
    name, leg = (view.get("UserEvent") or "").casefold(), view.get("Uniqueid")
    if name == "aftercallivr":
        return view.fact(Kind.IVR_ANSWERED, Data(ivr=_named(view, "Ivr")), leg=leg)
    if name == "aftercallautoattendant":
        attendant = _named(view, "AutoAttendant")
        return view.fact(Kind.AUTO_ATTENDANT_ENTERED, Data(auto_attendant=attendant), leg=leg)
    if name == "aftercalldepartment":
        return view.fact(Kind.DEPARTMENT_ENTERED, Data(queue=_named(view, "Department")), leg=leg)
    if name == "aftercallagent":
        return view.fact(Kind.CONNECTED, Data(agent=_agent(view)), leg=leg)
    if name == "aftercallagentleft":
        return view.fact(Kind.DISCONNECTED, Data(), leg=leg)
    if name == "aftercallset":
        return view.fact(Kind.NOTED, Data(custom_fields=_own_fields(view)), leg=leg)
    return []


def _named(view: View, what: str) -> Named:
    return Named(view.get(f"{what}Id"), view.get(f"{what}Name"))


def _agent(view: View) -> Agent:
    """A bot that is an application of the dialplan: no channel of its own tells of it."""
    person = (view.get("AgentKind") or "").casefold() == "human"
    return Agent(view.get("AgentId"), view.get("AgentName"), kind="human" if person else "ai")


def _own_fields(view: View) -> dict[str, str] | None:
    """The keys after those of the channel: what the dialplan wrote."""
    names = list(view.message.fields)
    own = names[names.index("userevent") + 1 :]
    known = view.dialplan.variables
    said = {known.get(name, name): view.get(name) for name in own if name not in {"uniqueid", "linkedid"}}
    return {name: value for name, value in said.items() if value is not None} or None


MARKS: dict[str, Callable[[View], list[Fact]]] = {
    "MessageWaiting": message_left,
    "Newexten": application,
    "VarSet": variable,
    "UserEvent": user_event,
}
