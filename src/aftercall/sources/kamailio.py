"""Kamailio: acc_json's transaction records and CDRs, and dialog events, as JSON over HTTP (B5; docs/sources).

A proxy sees SIP, so it tells who called whom, whether and when they were connected, and how it ended;
it sees no agents, queues or keys. Records may come one to a request, in a JSON list, or one to a line.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Invalid, Problem, TooLarge, Unreadable
from aftercall.domain.fact import By, Data, Direction, Fact, Hangup, Kind, alias
from aftercall.engine.reading import decode, shape
from aftercall.engine.upstream import Parsed
from aftercall.sources.limits import MAX_KEY, check
from aftercall.sources.moments import instant

# A proxy's dialog lives for 12 h unless told otherwise (`default_timeout`), and is reported when it expires.
timing: Timing = Timing(gate=0.3, quiet=1.5, settle_max=5.0, watchdog=12 * 3600.0 + 60)

MAX_ITEMS = 1000
CALL_ID = ("callid", "call_id", "ci")
FROM_TAG = ("from_tag", "ft")
FROM = ("src_user", "from_user", "from_uri")
TO = ("dst_ouser", "to_user", "dst_user", "to_uri", "ruri")  # as dialled before as routed
DIRECTION = ("dir", "direction")
ANSWERED = ("answered", "answered_at", "confirmed_at")
ENDED = ("ended", "ended_at")
FINAL = ("final", "sip_code", "code")
HANGUP_BY = ("hangup_by",)
TIME = ("time", "t")
# What describes the message, not the call.
OF_THE_MESSAGE = frozenset({
    "event", "method", "to_tag", "sip_reason", "reason", "start_time", "end_time", "duration", "src_ip", "ua",
    "src_domain", "dst_domain", "dst_odomain",
})  # fmt: skip
KNOWN = OF_THE_MESSAGE.union(CALL_ID, FROM_TAG, FROM, TO, DIRECTION, ANSWERED, ENDED, FINAL, HANGUP_BY, TIME)
OWN_PREFIX = "ac_"  # extras named so are custom fields under the rest of their name
DIRECTIONS: dict[str, Direction] = {
    "inbound": "inbound", "in": "inbound", "outbound": "outbound", "out": "outbound"
}  # fmt: skip
PARTIES: dict[str, By] = {"caller": "caller", "callee": "callee", "system": "system"}
# Credentials are asked for, and the caller's phone tries again at once under the same Call-ID.
CHALLENGES = frozenset({401, 407})
NOTHING = frozenset({"", "<null>"})  # how Kamailio prints a variable that is not set

_COUNTED = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_CODE = re.compile(r"[1-6]\d\d", re.ASCII)
_URI = re.compile(r"(?:sips?|tel):(.*)", re.IGNORECASE | re.DOTALL)
_ALMOST_A_SECOND = timedelta(microseconds=999_999)

Item = dict[str, Any]


def parse(source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed:  # noqa: ARG001
    """The facts of the records; a bad record does not take its neighbours down.

    Raises Unreadable when nothing of the body is JSON, TooLarge when it holds too many records.
    """
    facts: list[Fact] = []
    errors: list[tuple[int, str]] = []
    ignored = 0
    for i, item in enumerate(_items(body)):
        try:
            found = _facts(item, source)
        except Problem as problem:
            errors.append((i, problem.message))
            continue
        facts.extend(found)
        ignored += not found
    return Parsed(tuple(facts), tuple(errors), ignored)


def _items(body: bytes) -> list[Any]:
    try:
        whole = decode(body)
    except Unreadable:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        whole = [_line(line) for line in lines[: MAX_ITEMS + 1]]
        if all(isinstance(item, Problem) for item in whole):
            raise
    many = whole if type(whole) is list else [whole]
    if len(many) > MAX_ITEMS:
        raise TooLarge(f"At most {MAX_ITEMS} records fit in one request.")
    return many


def _line(line: bytes) -> Any:
    """The record of a line, or what is wrong with it."""
    try:
        return decode(line)
    except Unreadable as problem:
        return problem


def _facts(item: Any, source: Source) -> list[Fact]:
    if isinstance(item, Problem):
        raise item
    if type(item) is not dict:
        raise Invalid.field("record", "every record must be an object", shape(item))
    check(item)
    record = _Record(item, source)
    if "start_time" in item:
        return _of_cdr(record)
    if "method" in item:
        return _of_transaction(record)
    if "event" in item:
        return _of_dialog(record)
    raise Invalid.field(
        "record",
        "must have `method` (a transaction), `start_time` (a CDR) or `event` (a dialog)",
        f"an object of {len(item)} members",
    )


class _Record:
    """One record, read by meaning: each reading raises Invalid that names the field."""

    def __init__(self, item: Item, source: Source) -> None:
        self.item, self.source = item, source
        self.local = False
        self.call_key = self._key()

    def text(self, names: tuple[str, ...]) -> str | None:
        """The first of these that says something; numbers are taken for their digits."""
        for name in names:
            value = self.item.get(name)
            if type(value) is int:
                return str(value)
            if value is not None and type(value) is not str:
                raise Invalid.field(name, "must be a string", shape(value))
            if value is not None and value not in NOTHING:
                return str(value)
        return None

    def moment(self, names: tuple[str, ...], *, whole: timedelta = timedelta(0)) -> datetime | None:
        """When; `whole` is where within its second a time of whole seconds is put."""
        for name in names:
            value = self.item.get(name)
            if value is None or (type(value) is str and value in NOTHING):
                continue
            if type(value) is str and _COUNTED.fullmatch(value):
                value = float(value)
            at, local = instant(value, name, self.source.time_zone)
            self.local |= local
            return at if at.microsecond else at + whole
        return None

    def required_moment(self, names: tuple[str, ...], *, whole: timedelta = timedelta(0)) -> datetime:
        at = self.moment(names, whole=whole)
        if at is None:
            raise Invalid.field(names[0], "is required: seconds since the epoch, with a fraction")
        return at

    def code(self, names: tuple[str, ...]) -> int | None:
        text = self.text(names)
        if text is None:
            return None
        if not _CODE.fullmatch(text):
            field = next(name for name in names if self.item.get(name) is not None)
            raise Invalid.field(field, "must be a SIP status, 100 to 699", shape(text))
        return int(text)

    @property
    def leg(self) -> str | None:
        return self.text(FROM_TAG)

    def hangup(self, code: int | None = None, by: By | None = None) -> Hangup:
        said = self.text(HANGUP_BY)
        if said is not None:
            by = PARTIES.get(said.casefold(), "unknown")
        return Hangup(sip_code=code, sip_reason=self.text(("sip_reason",)), by=by)

    def fact(self, kind: Kind, natural_id: str, at: datetime, data: Data) -> Fact:
        if self.local:
            data = msgspec.structs.replace(data, flags=("clock_local_assumed",))
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at,
            natural_id=natural_id,
            leg=self.leg,
            data=data,
            aliases=alias("sip", self.call_key),
        )

    def start(self, natural_id: str, at: datetime) -> Fact:
        data = self.described()
        kind = Kind.INITIATED if data.direction == "outbound" else Kind.RECEIVED
        return self.fact(kind, natural_id, at, data)

    def described(self) -> Data:
        """Who calls whom, and what the operator's own extras say."""
        said = self.text(DIRECTION)
        direction = self.source.direction or "inbound"
        if said is not None and said.casefold() != "internal":
            if said.casefold() not in DIRECTIONS:
                field = next(name for name in DIRECTION if self.item.get(name) is not None)
                raise Invalid.field(field, "must be inbound, outbound or internal", shape(said))
            direction = DIRECTIONS[said.casefold()]
        return Data(
            direction=direction,
            call_type="internal" if said is not None and said.casefold() == "internal" else None,
            from_=sip_user(self.text(FROM)),
            to=sip_user(self.text(TO)),
            custom_fields=self._custom(),
        )

    def _custom(self) -> dict[str, Any] | None:
        custom = {}
        for name, value in self.item.items():
            if name not in KNOWN and value is not None and not (type(value) is str and value in NOTHING):
                own = name.removeprefix(OWN_PREFIX) or name
                custom[self.source.fields.get(own, own)] = value
        return custom or None

    def _key(self) -> str:
        key = self.text(CALL_ID)
        if key is None:
            raise Invalid.field("callid", "is required: the Call-ID (in cdr_extra: callid=$dlg_var(...))")
        if len(key) > MAX_KEY:
            raise Invalid.field("callid", f"may have at most {MAX_KEY} characters", shape(key))
        return key


def _of_transaction(record: _Record) -> list[Fact]:
    """A transaction's record. A failed INVITE that is recorded twice (missed flag) is one fact."""
    method = record.text(("method",))
    if method not in ("INVITE", "BYE", "CANCEL"):
        return []
    at = record.required_moment(TIME)
    code = record.code(("sip_code",))
    tag = record.leg or ""
    if method == "INVITE":
        return _of_invite(record, at, code, f"invite:{tag}:{code or ''}")
    if method == "CANCEL":
        # The INVITE's own answer is on its way; if a 200 was quicker, a later BYE is the better end.
        hangup = msgspec.structs.replace(record.hangup(487, "caller"), sip_reason=None)
        return [record.fact(Kind.ENDED, f"cancel:{tag}", at, Data(hangup=hangup))]
    # Numbers are not taken from a BYE: its request URI is a contact, and From and To change places when the
    # callee sends it. That is what its sender is told by. The tag is not, with acc's detect_direction.
    hangup = record.hangup(code)
    if hangup.by is None:
        party = sip_user(record.text(("from_uri", *FROM)))
        hangup = msgspec.structs.replace(hangup, by_tag=record.leg, by_party=party)
    return [record.fact(Kind.ENDED, f"bye:{tag}:{code or ''}", at, Data(hangup=hangup))]


def _of_invite(record: _Record, at: datetime, code: int | None, natural_id: str) -> list[Fact]:
    if code is None:
        raise Invalid.field("sip_code", "is required: the SIP status of the INVITE")
    if code in CHALLENGES or code == 100:
        return []
    data = record.described()
    if code < 200:
        return [record.fact(Kind.RINGING, natural_id, at, data)]
    if code < 300:
        return [record.fact(Kind.CONNECTED, natural_id, at, data)]
    data = msgspec.structs.replace(data, hangup=record.hangup(code))
    return [record.fact(Kind.ENDED, natural_id, at, data)]


def _of_cdr(record: _Record) -> list[Fact]:
    """A finished dialog. A failed one has end = start; its true end is `ended`, else the INVITE's record."""
    start = record.required_moment(("start_time",))
    end = record.moment(("end_time",)) or start
    connected = record.moment(ANSWERED, whole=_ALMOST_A_SECOND)
    code = record.code(FINAL)
    answered = connected is not None or end > start or (code is not None and 200 <= code < 300)
    facts = [record.start("cdr:start", start)]
    if connected is not None:
        facts.append(record.fact(Kind.CONNECTED, "cdr:connected", connected, Data()))
    if answered:
        data = Data(status="answered", hangup=record.hangup(code))
        facts.append(record.fact(Kind.ENDED, "cdr:end", end, data))
    elif code not in CHALLENGES:
        data = Data(hangup=record.hangup(code))
        facts.append(record.fact(Kind.ENDED, "cdr:end", record.moment(ENDED) or end, data))
    return facts


def _of_dialog(record: _Record) -> list[Fact]:
    """What the event routes of the dialog module tell, and `dialog:created`, which our configuration adds.

    Where their times are whole seconds, a record of the same moment that knows better takes precedence:
    the first connect and the last end count.
    """
    event = record.text(("event",))
    if event == "dialog:created":
        return [record.start(event, record.required_moment(TIME))]
    if event == "dialog:start":
        at = record.required_moment(TIME, whole=_ALMOST_A_SECOND)
        return [record.fact(Kind.CONNECTED, event, at, record.described())]
    if event in ("dialog:end", "dialog:failed"):
        at = record.required_moment(TIME)
        code = record.code(FINAL)
        if event == "dialog:failed" and code in CHALLENGES:
            return []
        return [record.fact(Kind.ENDED, event, at, Data(hangup=record.hangup(code)))]
    return []


def sip_user(address: str | None) -> str | None:
    """The user of a SIP or tel URI, without password and parameters; what is no URI is a user already."""
    if address is None:
        return None
    text = address.strip()
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1]
    found = _URI.fullmatch(text)
    if found is None:
        return text or None
    user, at, _ = found[1].partition("@")
    if not at and not text.casefold().startswith("tel:"):
        return None  # sip:host: no user at all
    return unquote(re.split(r"[;:?]", user, maxsplit=1)[0]) or None
