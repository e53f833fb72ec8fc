"""ARI's events in AMI's words, so that one table says what they mean: sources.md B2's map, one row each.

A channel tells its call only if the PBX is asked to add `CHANNEL(linkedid)` to every channel (ari.conf).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from aftercall.domain.fact import Fact
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.facts import facts
from aftercall.sources.asterisk.gap import CHANNEL
from aftercall.sources.asterisk.marks import RECORDING
from aftercall.sources.asterisk.message import Message
from aftercall.sources.asterisk.reader import TICK

Object = dict[str, Any]
Words = dict[str, str]

LINKEDID = "CHANNEL(linkedid)"
HOLDING = "holding_bridge"
MAX_CHANNELS = 10_000  # channels whose calls are remembered
JITTER = timedelta(seconds=1)  # a stamp that is older than that tells of a clock that was set back
YEARS = range(2000, 2200)  # others are no time of a call
MAX_OWN = 100  # fields of a user event


class NotJoinedError(Exception):
    """The PBX does not say which call a channel belongs to."""


class Events:
    """One connection's events as facts. Its state is the connection's own: clock, and channels' calls."""

    def __init__(self, dialplan: Dialplan) -> None:
        self.dialplan = dialplan
        self._last: datetime | None = None
        self._read_at: datetime | None = None
        self._calls: Words = {}

    def read(self, event: Object, received_at: datetime) -> list[Fact]:
        """Raises NotJoinedError."""
        say = SAID.get(event.get("type", "")) if isinstance(event.get("type"), str) else None
        if say is None:
            return []
        words = say(event)
        if words is None:
            return []
        if words.get("event") == "recording":
            words = self._recording(words)
        leg, call = words.get("uniqueid", ""), words.get("linkedid", "")
        if leg and call:
            self._remember(leg, call, gone=words["event"] == "Hangup")
        at = self._moment(event)
        if at is not None:
            words["timestamp"] = f"{int(at.timestamp())}.{at.microsecond:06}"
        elif self._read_at is not None and received_at <= self._read_at:
            received_at = self._read_at + TICK
        self._read_at = received_at
        return facts(message(words), self.dialplan, received_at)

    def _moment(self, event: Object) -> datetime | None:
        """ARI's clock shows milliseconds, and an event may be stamped before the one it follows: the order in which
        they come is the order in which they happened.
        """
        try:
            at = datetime.fromisoformat(event["timestamp"])
        except (KeyError, TypeError, ValueError):
            return None
        if at.tzinfo is None or at.year not in YEARS:
            return None
        if self._last is not None and timedelta() <= self._last - at < JITTER:
            at = self._last + TICK
        self._last = at
        return at

    def _recording(self, words: Words) -> Words:
        """A recording names its channel alone; the channel's call was told before."""
        return words | {"event": "VarSet", "linkedid": self._calls.get(words["uniqueid"], "")}

    def _remember(self, leg: str, call: str, *, gone: bool) -> None:
        if gone:
            self._calls.pop(leg, None)
            return
        self._calls[leg] = call
        if len(self._calls) > MAX_CHANNELS:
            del self._calls[next(iter(self._calls))]


def message(words: Words) -> Message:
    return Message({name: [value.replace("\0", "").strip()] for name, value in words.items()})


def listed(channels: Any, bridges: Any) -> list[Message]:
    """What GET /channels and /bridges say, as CoreShowChannels would. Raises NotJoinedError."""
    inside: Words = {}
    for bridge in _objects(bridges):
        if _text(bridge, "technology") != HOLDING:
            names = bridge.get("channels")
            inside |= {name: _text(bridge, "id") for name in names or () if isinstance(name, str)}
    return [
        message({"event": CHANNEL, **_channel(channel), "bridgeid": inside.get(_text(channel, "id"), "")})
        for channel in _objects(channels)
    ]


def _objects(value: Any) -> Iterable[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _object(holder: Object, name: str) -> Object:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _text(holder: Object, name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else str(value) if type(value) is int else ""


def _channel(channel: Object, prefix: str = "") -> Words:
    """The snapshot of a channel. Raises NotJoinedError."""
    linked = _text(_object(channel, "channelvars"), LINKEDID)
    if not linked:
        raise NotJoinedError
    caller, plan = _object(channel, "caller"), _object(channel, "dialplan")
    said = {
        "channel": _text(channel, "name"), "channelstatedesc": _text(channel, "state"),
        "calleridnum": _text(caller, "number"), "calleridname": _text(caller, "name"),
        "context": _text(plan, "context"), "exten": _text(plan, "exten"),
        "uniqueid": _text(channel, "id"), "linkedid": linked,
    }  # fmt: skip
    return {prefix + name: value for name, value in said.items()}


def _about(event: Object, name: str, prefix: str = "", member: str = "channel") -> Words | None:
    """An event about one channel; None for one that shows none (a global variable, say)."""
    channel = _object(event, member)
    return {"event": name, **_channel(channel, prefix)} if channel else None


def _plain(name: str) -> Callable[[Object], Words | None]:
    return lambda event: _about(event, name)


def _with(name: str, *, of: str = "", **fields: str) -> Callable[[Object], Words | None]:
    """An event with more fields: ours, and where they stand in ARI's (in the object `of`)."""

    def say(event: Object) -> Words | None:
        words, holder = _about(event, name), _object(event, of) if of else event
        return words and words | {ours: _text(holder, theirs) for ours, theirs in fields.items()}

    return say


def _dial(event: Object) -> Words | None:
    """Begun without a status; ringing is told by the channel's own state."""
    status, caller, peer = _text(event, "dialstatus"), _object(event, "caller"), _object(event, "peer")
    if not peer or status in {"RINGING", "PROCEEDING", "PROGRESS"}:
        return None
    return {
        "event": "DialEnd" if status else "DialBegin",
        **(_channel(caller) if caller else {}), **_channel(peer, "dest"),
        "dialstatus": status, "dialstring": _text(event, "dialstring"),
    }  # fmt: skip


def _asked(event: Object) -> Words | None:
    """A request of the channel's own side; soft ones are the PBX's."""
    name = "SoftHangupRequest" if event.get("soft") else "HangupRequest"
    return _with(name, cause="cause", techcause="tech_cause")(event)


def _application(event: Object) -> Words | None:
    """ARI has no events of queues; that a caller comes to one is seen by the application that begins."""
    if _text(event, "dialplan_app").casefold() != "queue":
        return _with("Newexten", application="dialplan_app", appdata="dialplan_app_data")(event)
    words = _about(event, "QueueCallerJoin")
    return words and words | {"queue": _text(event, "dialplan_app_data").partition(",")[0]}


def _digit(event: Object) -> Words | None:
    words = _with("DTMFEnd", digit="digit")(event)
    return words and words | {"direction": "Received"}


def _user_event(event: Object) -> Words | None:
    words = _about(event, "UserEvent")
    own = list(_object(event, "userevent").items())[:MAX_OWN]
    told = {name.lower(): value for name, value in own if isinstance(value, str) and name != "eventname"}
    return words and words | {"userevent": _text(event, "eventname")} | {
        name: value for name, value in told.items() if name not in words
    }


def _blind(event: Object) -> Words | None:
    words, transferee = _about(event, "BlindTransfer", "transferer"), _object(event, "transferee")
    if words is None:
        return None
    more = {"result": _text(event, "result"), "extension": _text(event, "exten")}
    return words | (_channel(transferee, "transferee") if transferee else {}) | more


def _attended(event: Object) -> Words | None:
    told = {"transferer_first_leg": "origtransferer", "transferer_second_leg": "secondtransferer",
            "transferee": "transferee", "transfer_target": "transfertarget"}  # fmt: skip
    words = {"event": "AttendedTransfer", "result": _text(event, "result"),
             "destbridgeuniqueid": _text(event, "destination_bridge")}  # fmt: skip
    for member, prefix in told.items():
        if channel := _object(event, member):
            words |= _channel(channel, prefix)
    return words


def _recording(event: Object) -> Words | None:
    """Named as its file is. Of a bridge's recording nobody says whose call it is."""
    recording = _object(event, "recording")
    kind, _, leg = _text(recording, "target_uri").partition(":")
    name, form = _text(recording, "name"), _text(recording, "format")
    if kind != "channel" or not name:
        return None
    return {
        "event": "recording",
        "uniqueid": leg,
        "variable": RECORDING,
        "value": f"{name}.{form}" if form else name,
    }


SAID: dict[str, Callable[[Object], Words | None]] = {
    "ChannelCreated": _plain("Newchannel"),
    "ChannelStateChange": _plain("Newstate"),
    "ChannelCallerId": _plain("NewCallerid"),
    "ChannelHold": _plain("Hold"),
    "ChannelUnhold": _plain("Unhold"),
    "ChannelDialplan": _application,
    "ChannelVarset": _with("VarSet", variable="variable", value="value"),
    "ChannelDtmfReceived": _digit,
    "ChannelEnteredBridge": _with(
        "BridgeEnter", of="bridge", bridgeuniqueid="id", bridgetechnology="technology"
    ),
    "ChannelLeftBridge": _with("BridgeLeave", of="bridge", bridgeuniqueid="id"),
    "ChannelHangupRequest": _asked,
    "ChannelDestroyed": _with("Hangup", cause="cause", techcause="tech_cause", **{"cause-txt": "cause_txt"}),
    "ChannelUserevent": _user_event,
    "Dial": _dial,
    "BridgeBlindTransfer": _blind,
    "BridgeAttendedTransfer": _attended,
    "RecordingStarted": _recording,
}
