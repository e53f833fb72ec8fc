"""Plivo Voice: ring, answer and hangup callbacks, <Dial>, <Record> and key presses (B12). Signature V3.

Few callbacks have a time of their own; those that have write UTC without saying so.
"""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from aftercall.domain.account import Source, Timing
from aftercall.domain.fact import (
    Agent,
    Billing,
    By,
    Data,
    Fact,
    Hangup,
    Kind,
    Reason,
    Recording,
)
from aftercall.engine import vendor_signatures
from aftercall.engine.taking import form, key, number, seconds, text, word
from aftercall.engine.upstream import Parsed, Reply, Request, Unparsable
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, keys, named, own

timing: Timing = Timing(gate=0.3, quiet=2.0, settle_max=10.0)
reply: Reply = Reply(200, b"<Response/>", "text/xml")
unparsable: Unparsable = "accept"

REASONS: dict[str, Reason] = {
    "busy": "busy", "no-answer": "no_answer", "timeout": "no_answer", "cancel": "caller_cancelled",
    "rejected": "rejected", "failed": "failed",
}  # fmt: skip
ENDS = frozenset({"completed", *REASONS})
PARTIES: dict[str, By] = {"caller": "caller", "callee": "callee", "plivo": "system", "api request": "system"}


def verify(source: Source, request: Request) -> None:
    vendor_signatures.plivo(secrets(source), request)


def read(source: Source, request: Request) -> Parsed:
    facts = _Callback(source, request).facts()
    return Parsed(tuple(facts), ignored=int(not facts), why="It adds nothing to what is known of the call.")


class _Callback:
    def __init__(self, source: Source, request: Request) -> None:
        self.source, self.now = source, request.now
        self.params = params = dict(form(request.body))
        self.query = dict(parse_qsl(request.query))
        self.sid = key(params.get("CallUUID"), "CallUUID")
        parent = params.get("ParentCallUUID") or params.get("DialALegUUID")
        self.call_key = key(parent, "ParentCallUUID") if parent else self.sid
        self.is_child = self.call_key != self.sid
        self.status = params.get("CallStatus", "").casefold()
        self.outbound = params.get("Direction", "").casefold() == "outbound"

    def facts(self) -> list[Fact]:
        params = self.params
        if "DialBLegUUID" in params or "DialAction" in params:
            return self._dialed()
        if "RecordUrl" in params or "RecordingID" in params:
            return self._recorded()
        if pressed := keys(params.get("Digits")):
            return [self._fact(Kind.DTMF, Data(digits=pressed))]
        if "Machine" in params:
            machine = params["Machine"].casefold() == "true"
            data = Data(reason="machine" if machine else None)
            return [self._fact(Kind.CUSTOMER_ANSWERED, data, leg=self.sid, seq=0)]
        return self._of_child() if self.is_child else self._of_root()

    def _of_root(self) -> list[Fact]:
        event = self.params.get("Event", "").casefold()
        start = self._stamp("StartTime")
        begun = self._fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, self._described(), start)
        if event == "hangup" or self.status in ENDS:
            return [begun, *self._ended()] if start is not None else self._ended()
        if event == "ring" or self.status == "ringing":
            return [begun, self._fact(Kind.RINGING)] if self.outbound else [begun]
        if event == "startapp" or self.status == "in-progress":
            return [begun, *self._picked_up(None)]
        return []

    def _picked_up(self, at: datetime | None) -> list[Fact]:
        answered = self._fact(Kind.ANSWERED, at=at)
        if not self.outbound:
            return [answered]
        # Numbered so that a machine, which is found out later, is told first.
        return [answered, self._fact(Kind.CUSTOMER_ANSWERED, at=at, leg=self.sid, seq=1)]

    def _ended(self) -> list[Fact]:
        params, reason = self.params, REASONS.get(self.status)
        ended, answered = self._stamp("EndTime"), self._stamp("AnswerTime")
        lasted = seconds(params.get("Duration"))
        facts = self._picked_up(answered) if answered is not None and reason is None else []
        if reason is not None and self.outbound:
            facts = [
                self._fact(
                    Kind.CUSTOMER_MISSED, Data(reason=reason, hangup=self._hangup()), ended, leg=self.sid
                )
            ]
        cost = number(params.get("TotalCost"))
        data = self._described(
            reason=reason,
            hangup=self._hangup(),
            ended_at=ended,
            billable_seconds=seconds(params.get("BillDuration")) if lasted is not None else None,
            billing=Billing(cost=cost, currency="USD") if cost is not None else None,
        )
        return [*facts, self._fact(Kind.ENDED, data, ended)]

    def _of_child(self) -> list[Fact]:
        agent = Data(agent=self._agent(self.params.get("To")))
        if self.status in ("ringing", "cancel"):
            return [self._fact(Kind.AGENT_DIALED, agent, leg=self.sid)]
        if self.status == "in-progress":
            return [
                self._fact(Kind.AGENT_ANSWERED, agent, leg=self.sid),
                self._fact(Kind.CONNECTED, agent, leg=self.sid),
            ]
        if self.status == "completed":
            return [self._fact(Kind.DISCONNECTED, leg=self.sid)]
        if self.status in REASONS:
            data = Data(agent=agent.agent, reason=REASONS[self.status], hangup=self._hangup())
            return [self._fact(Kind.AGENT_MISSED, data, leg=self.sid)]
        return []

    def _dialed(self) -> list[Fact]:
        """<Dial>'s callbackUrl (DialAction says what happened) and its action (at the end, with a status)."""
        params = self.params
        leg = word(params.get("DialBLegUUID")) or "dial"
        agent = Data(agent=self._agent(params.get("DialBLegTo")))
        action = params.get("DialAction", params.get("Event", "")).casefold().removeprefix("dial")
        if action in ("answer", "connected"):
            return [
                self._fact(Kind.AGENT_ANSWERED, agent, leg=leg),
                self._fact(Kind.CONNECTED, agent, leg=leg),
            ]
        if action == "digits":
            pressed = keys(params.get("DialDigitsMatch"))
            return [self._fact(Kind.DTMF, Data(digits=pressed))] if pressed else []
        status = (params.get("DialBLegStatus") or params.get("DialStatus") or "").casefold()
        if status in ("completed", "hangup", "answer"):
            lasted = timedelta(seconds=seconds(params.get("DialBLegDuration")) or 0)
            since = self.now - lasted
            kinds = (Kind.AGENT_ANSWERED, Kind.CONNECTED)
            talked = [self._fact(kind, agent, since, leg=leg) for kind in kinds] if lasted else []
            return [*talked, self._fact(Kind.DISCONNECTED, leg=leg)]
        reason = REASONS.get(status)
        if reason is None or status == "cancel":
            return []
        return [self._fact(Kind.AGENT_MISSED, Data(agent=agent.agent, reason=reason), leg=leg)]

    def _recorded(self) -> list[Fact]:
        params = self.params
        lasted = number(params.get("RecordingDurationMs"))
        started = number(params.get("RecordingStartMs"))
        recording = Recording(
            id=word(params.get("RecordingID")),
            url=text(params.get("RecordUrl"), 2000),
            duration_seconds=int(lasted / 1000)
            if lasted and lasted > 0
            else seconds(params.get("RecordingDuration")),
            started_at=datetime.fromtimestamp(started / 1000, UTC)
            if started and 0 < started < 4e12
            else None,
        )
        return [self._fact(Kind.RECORDING_READY, Data(recording=recording))]

    def _described(self, **more: object) -> Data:
        params = self.params
        from_, to = word(params.get("From")), word(params.get("To"))
        given = own(self.query.items()) | own(params.items())
        headers = {name.removeprefix("X-PH-"): v for name, v in params.items() if name.startswith("X-PH-")}
        said = {
            "direction": "outbound" if self.outbound else "inbound",
            "from_": _plus(from_),
            "to": _plus(to),
            "from_name": word(params.get("CallerName")),
            "did": None if self.outbound else _plus(to),
            "caller_id": _plus(from_) if self.outbound else None,
            "uuid": self.sid,
            "custom_fields": custom(self.source, headers, given),
        }
        return Data(**{**said, **more})  # type: ignore[arg-type]

    def _agent(self, to: str | None) -> Agent:
        name = word(to) or ""
        user = name.removeprefix("sip:").partition("@")[0]
        return Agent(id=user or None) if name.startswith("sip:") else Agent(number=_plus(name) or None)

    def _hangup(self) -> Hangup:
        params = self.params
        by = PARTIES.get(params.get("HangupSource", "").casefold())
        return Hangup(cause=word(params.get("HangupCauseName") or params.get("HangupCause")), by=by)

    def _stamp(self, name: str) -> datetime | None:
        try:
            at = datetime.fromisoformat(self.params.get(name) or "")
        except ValueError:
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(self.source.time_zone or "UTC"))
        return at.astimezone(UTC) if 1970 < at.year < 2200 else None

    def _fact(
        self, kind: Kind, data: Data | None = None, at: datetime | None = None, *, leg: str | None = None,
        seq: int | None = None,
    ) -> Fact:  # fmt: skip
        said = repr(sorted(self.params.items())).encode("utf-8", "replace")
        id_ = f"{self.sid}:{blake2b(said, digest_size=12).hexdigest()}"
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at or self.now,
            natural_id=named(id_, kind),
            leg=leg,
            seq=seq,
            data=data or Data(),
        )


def _plus(raw: str | None) -> str | None:
    """Plivo writes E.164 without the plus."""
    return f"+{raw}" if raw and raw.isdigit() and 8 <= len(raw) <= 15 and raw[0] != "0" else raw
