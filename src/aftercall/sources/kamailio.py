"""Kamailio: acc_json's transaction records and CDRs, and dialog events, as JSON over HTTP (B5; docs/sources).

A proxy sees SIP, so it tells who called whom, whether and when they were connected, and how it ended;
it sees no agents, queues or keys. Records may come one to a request, in a JSON list, or one to a line.
"""

import re
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Invalid, Problem, TooLarge, Unreadable
from aftercall.domain.fact import ASSUMED, By, Data, Direction, Fact, Hangup, Kind, Transfer, alias
from aftercall.engine.reading import decode, shape
from aftercall.engine.taking import key, number, word
from aftercall.engine.upstream import Parsed, Unparsable
from aftercall.sources.kamailio_direction import SAID, Rules, rules
from aftercall.sources.moments import instant
from aftercall.sources.taking import OWN_PREFIX, custom

# A proxy's dialog lives for 12 h unless told otherwise (`default_timeout`), and is reported when it expires.
timing: Timing = Timing(gate=0.3, quiet=1.5, settle_max=5.0, watchdog=12 * 3600.0 + 60)
unparsable: Unparsable = "accept"

MAX_ITEMS = 1000
CALL_ID = ("callid", "call_id", "ci")
FROM_TAG = ("from_tag", "ft")
TO_TAG = ("to_tag", "tt")
FROM = ("src_user", "from_user", "from_uri")
TO = ("dst_ouser", "to_user", "dst_user", "to_uri", "ruri")  # as dialled before as routed
ANSWERED = ("answered", "answered_at", "confirmed_at")
ENDED = ("ended", "ended_at")
FINAL = ("final", "sip_code", "code")
HANGUP_BY = ("hangup_by",)
REFER_TO = ("refer_to",)
IN_DIALOG = ("request_to_tag",)  # the To tag of the request itself: only the first INVITE has none
TIME = ("time", "t")
# What describes the message, not the call.
OF_THE_MESSAGE = frozenset({
    "event", "method", "sip_reason", "reason", "start_time", "end_time", "duration", "src_ip", "ua",
    "src_domain", "dst_domain", "dst_odomain",
})  # fmt: skip
KNOWN = OF_THE_MESSAGE.union(
    CALL_ID, FROM_TAG, TO_TAG, FROM, TO, SAID, ANSWERED, ENDED, FINAL, HANGUP_BY, REFER_TO, IN_DIALOG, TIME
)
PARTIES: dict[str, By] = {"caller": "caller", "callee": "callee", "system": "system"}
# Credentials are asked for, and the caller's phone tries again at once under the same Call-ID.
CHALLENGES = frozenset({401, 407})
NOTHING = frozenset({"", "<null>"})  # how Kamailio prints a variable that is not set

_COUNTED = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_CODE = re.compile(r"[1-6]\d\d", re.ASCII)
_URI = re.compile(r"(?:sips?|tel):(.*)", re.IGNORECASE | re.DOTALL)
_REPLACES = re.compile(r"[?&]replaces=", re.IGNORECASE)
_LONGEST = 10 * 86_400.0  # seconds
_ALMOST_A_SECOND = timedelta(microseconds=999_999)

Item = dict[str, Any]


def check_settings(source: Source) -> None:
    """Raise Invalid for settings that make no sense."""
    rules(source)


def parse(source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed:  # noqa: ARG001
    """The facts of the records; a bad record does not take its neighbours down.

    Raises Unreadable when nothing of the body is JSON, TooLarge when it holds too many records.
    """
    facts: list[Fact] = []
    errors: list[tuple[int, str]] = []
    ignored = 0
    told = _rules(source)
    for i, item in enumerate(_items(body)):
        try:
            found = _facts(item, source, told)
        except Problem as problem:
            errors.append((i, problem.message))
            continue
        facts.extend(found)
        ignored += not found
    why = "Challenges (401, 407), dialog events and methods that tell nothing new are not used."
    return Parsed(tuple(facts), tuple(errors), ignored, why=why)


def _rules(source: Source) -> Rules:
    """Those of settings that have not been checked are no reason to lose calls."""
    try:
        return rules(source)
    except Invalid:
        return Rules()


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


def _facts(item: Any, source: Source, told: Rules) -> list[Fact]:
    if isinstance(item, Problem):
        raise item
    if type(item) is not dict:
        raise Invalid.field("record", "every record must be an object", shape(item))
    record = _Record(item, source, told)
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
    """One record, read by meaning. A field that is not what it should be says nothing: the call is worth more."""

    def __init__(self, item: Item, source: Source, told: Rules) -> None:
        self.item, self.source, self.rules = item, source, told
        self.local = False
        names = (name for name in CALL_ID if self.item.get(name) not in (None, *NOTHING))
        self.call_key = key(self.item.get(next(names, CALL_ID[0])), CALL_ID[0])

    def text(self, names: tuple[str, ...]) -> str | None:
        """The first of these that says something; numbers are taken for their digits."""
        for name in names:
            value = word(self.item.get(name))
            if value is not None and value not in NOTHING:
                return value
        return None

    def moment(self, names: tuple[str, ...], *, whole: timedelta = timedelta(0)) -> datetime | None:
        """When; `whole` is where within its second a time of whole seconds is put."""
        for name in names:
            value = self.item.get(name)
            exact = type(value) is float or (type(value) is str and "." in value)
            if type(value) is str and _COUNTED.fullmatch(value):
                value = float(value)
            try:
                at, local = instant(value, name, self.source.time_zone)
            except Invalid:
                continue
            self.local |= local
            return at if exact else at + whole
        return None

    def required_moment(self, names: tuple[str, ...], *, whole: timedelta = timedelta(0)) -> datetime:
        """Raises Invalid that says what is wrong with it."""
        at = self.moment(names, whole=whole)
        if at is not None:
            return at
        name = next((name for name in names if self.item.get(name) not in (None, *NOTHING)), None)
        if name is not None:
            instant(self.item[name], name, self.source.time_zone)
        raise Invalid.field(names[0], "is required: seconds since the epoch, with a fraction")

    def code(self, names: tuple[str, ...]) -> int | None:
        text = self.text(names)
        return int(text) if text is not None and _CODE.fullmatch(text) else None

    def seconds(self, name: str) -> float:
        """A length, written as a string with a fraction."""
        return min(max(number(self.item.get(name)) or 0.0, 0.0), _LONGEST)

    @property
    def leg(self) -> str | None:
        return self.text(FROM_TAG)

    @property
    def dialog(self) -> str:
        """What both directions of one dialog have in common: its two tags."""
        return "+".join(sorted(tag for tag in (self.leg, self.text(TO_TAG)) if tag))

    def named(self, id_: str) -> str:
        """The natural id of what is told once of each caller's leg: calls may share a Call-ID."""
        return f"{id_}:{self.leg}" if self.leg else id_

    def hangup(self, code: int | None = None, by: By | None = None) -> Hangup:
        said = self.text(HANGUP_BY)
        if said is not None:
            by = PARTIES.get(said.casefold(), "unknown")
        return Hangup(sip_code=code, sip_reason=self.text(("sip_reason",)), by=by)

    def fact(self, kind: Kind, natural_id: str, at: datetime, data: Data) -> Fact:
        if self.local:
            data = msgspec.structs.replace(data, flags=(*data.flags, "clock_local_assumed"))
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
        """Who calls whom, which way, and what the operator's own extras say."""
        from_, to = sip_user(self.text(FROM)), sip_user(self.text(TO))
        direction, internal, flags = self._way(has_numbers=from_ is not None or to is not None)
        return Data(
            direction=direction,
            call_type="internal" if internal else None,
            from_=from_,
            to=to,
            custom_fields=self._custom(),
            flags=flags,
        )

    def _way(self, *, has_numbers: bool) -> tuple[Direction | None, bool, tuple[str, ...]]:
        """The direction, whether the call is internal, and the flag of a direction that nothing tells.

        It is assumed together with the numbers only: by them the account's directory may know better.
        """
        way = self.rules.way(self.item)
        if way == "internal":
            return self.source.direction or "inbound", True, ()
        direction = way or self.source.direction
        if direction is None and has_numbers:
            return "inbound", False, (ASSUMED,)
        return direction, False, ()

    def _custom(self) -> dict[str, Any] | None:
        """Extras named `ac_...` are custom fields under the rest of their name."""
        own = {
            name.removeprefix(OWN_PREFIX) or name: value
            for name, value in self.item.items()
            if name not in KNOWN and not (type(value) is str and value in NOTHING)
        }
        return custom(self.source, own)


def _of_transaction(record: _Record) -> list[Fact]:
    """A transaction's record. A failed INVITE that is recorded twice (missed flag) is one fact."""
    method = record.text(("method",))
    if method not in ("INVITE", "BYE", "CANCEL", "REFER"):
        return []
    at = record.required_moment(TIME)
    code = record.code(("sip_code",))
    if method == "INVITE":
        return _of_invite(record, at, code)
    if method == "REFER":
        return _of_refer(record, at, code)
    if method == "CANCEL":
        # The INVITE's own answer is on its way; if a 200 was quicker, a later BYE is the better end.
        hangup = msgspec.structs.replace(record.hangup(487, "caller"), sip_reason=None)
        return [record.fact(Kind.ENDED, f"cancel:{record.leg or ''}", at, Data(hangup=hangup))]
    # Numbers are not taken from a BYE: its request URI is a contact, and From and To change places when the
    # callee sends it. That is what its sender is told by. The tag is not, with acc's detect_direction.
    hangup = record.hangup(code)
    if hangup.by is None:
        party = sip_user(record.text(("from_uri", *FROM)))
        hangup = msgspec.structs.replace(hangup, by_tag=record.leg, by_party=party)
    return [record.fact(Kind.ENDED, f"bye:{record.dialog}:{code or ''}", at, Data(hangup=hangup))]


def _of_refer(record: _Record, at: datetime, code: int | None) -> list[Fact]:
    """A transfer that was agreed to. Whom the two speak to then is another call, with a Call-ID of its own."""
    refer_to = record.text(REFER_TO)
    if code is None or not 200 <= code < 300:
        return []
    kind: Literal["attended", "blind"] = "attended" if _REPLACES.search(refer_to or "") else "blind"
    data = Data(transfer=Transfer(kind=kind, to=sip_user(refer_to)))
    return [record.fact(Kind.TRANSFERRED, f"refer:{record.dialog}:{refer_to or ''}", at, data)]


def _of_invite(record: _Record, at: datetime, code: int | None) -> list[Fact]:
    """The answer to an INVITE. One within the call (hold, new media) has the same two tags: it is no new fact."""
    if code is None:
        raise Invalid.field("sip_code", "is required: the SIP status of the INVITE, 100 to 699")
    if code in CHALLENGES or code == 100 or record.text(IN_DIALOG) is not None:
        return []
    natural_id = f"invite:{record.dialog}:{code}"
    data = record.described()
    if code < 200:
        return [record.fact(Kind.RINGING, natural_id, at, data)]
    if code < 300:
        return [record.fact(Kind.CONNECTED, natural_id, at, data)]
    data = msgspec.structs.replace(data, hangup=record.hangup(code))
    return [record.fact(Kind.ENDED, natural_id, at, data)]


def _of_cdr(record: _Record) -> list[Fact]:
    """A finished dialog. A failed one has end = start; its true end is `ended`, else the INVITE's record."""
    start, end = _from_to(record)
    connected = record.moment(ANSWERED, whole=_ALMOST_A_SECOND)
    code = record.code(FINAL)
    answered = connected is not None or end > start or (code is not None and 200 <= code < 300)
    facts = [record.start(record.named("cdr:start"), start)]
    if connected is not None:
        facts.append(record.fact(Kind.CONNECTED, record.named("cdr:connected"), connected, Data()))
    if answered:
        data = Data(status="answered", hangup=record.hangup(code))
        facts.append(record.fact(Kind.ENDED, record.named("cdr:end"), end, data))
    elif code not in CHALLENGES:
        data = Data(hangup=record.hangup(code))
        facts.append(record.fact(Kind.ENDED, record.named("cdr:end"), record.moment(ENDED) or end, data))
    return facts


def _from_to(record: _Record) -> tuple[datetime, datetime]:
    """When the dialog began and ended; what is missing of it is reckoned from its length."""
    length = timedelta(seconds=record.seconds("duration"))
    end = record.moment(("end_time",))
    if end is None:
        start = record.required_moment(("start_time",))
        return start, start + length
    return record.moment(("start_time",)) or end - length, end


def _of_dialog(record: _Record) -> list[Fact]:
    """What the event routes of the dialog module tell, and `dialog:created`, which our configuration adds.

    Where their times are whole seconds, a record of the same moment that knows better takes precedence:
    the first connect and the last end count.
    """
    event = record.text(("event",))
    if event == "dialog:created":
        return [record.start(record.named(event), record.required_moment(TIME))]
    if event == "dialog:start":
        at = record.required_moment(TIME, whole=_ALMOST_A_SECOND)
        return [record.fact(Kind.CONNECTED, record.named(event), at, record.described())]
    if event in ("dialog:end", "dialog:failed"):
        at = record.required_moment(TIME)
        code = record.code(FINAL)
        if event == "dialog:failed" and code in CHALLENGES:
            return []
        return [record.fact(Kind.ENDED, record.named(event), at, Data(hangup=record.hangup(code)))]
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
