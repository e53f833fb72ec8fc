"""jambonz: call status hooks, and the result webhook of Agent Studio (B11). Status hooks have no times."""

from base64 import b64decode
from binascii import Error
from typing import Any

from aftercall.domain.account import Source, Timing
from aftercall.domain.causes import reason_of
from aftercall.domain.fact import Agent, Analysis, By, Data, Fact, Hangup, Kind, Reason, Status, alias
from aftercall.engine.signing import MISSING, check, check_age, fields, hex_sha256, refuse, stamp
from aftercall.engine.taking import inner, integer, key, record, seconds, text, word, written
from aftercall.engine.upstream import Parsed, Reply, Request, Unparsable
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, named, tidy

timing: Timing = Timing(gate=0.3, quiet=2.0, settle_max=10.0)
reply: Reply = Reply(200)
unparsable: Unparsable = "accept"

MAX_AGE = 300.0
REASONS: dict[str, Reason] = {"busy": "busy", "no-answer": "no_answer"}
ENDS = frozenset({"completed", "failed", *REASONS})
# Of Studio's answers to who answered, and of its outcomes, the words that decide.
MACHINES = ("machine", "voicemail", "fax")
STUDIO: dict[str, tuple[Status, Reason | None]] = {
    "busy": ("missed", "busy"), "no-answer": ("missed", "no_answer"), "no_answer": ("missed", "no_answer"),
    "failed": ("missed", "failed"), "completed": ("answered", None), "answered": ("answered", None),
    "voicemail": ("voicemail", None), "rejected": ("missed", "rejected"),
}  # fmt: skip
KNOWN = frozenset({
    "event", "call_id", "agent", "is_test", "from", "to", "direction", "started_at", "answered_at", "ended_at",
    "duration", "duration_seconds", "status", "outcome", "answered_by", "summary", "call_sid", "metadata",
})  # fmt: skip


def verify(source: Source, request: Request) -> None:
    """`t=<s>,v1=<hex>`: an HMAC over `t.body`; for hooks without a signature, the secret as a Basic password."""
    headers = request.headers
    header = headers.get("jambonz-signature") or headers.get("x-studio-signature")
    if header is None:
        check(secrets(source), _password(headers.get("authorization", "")), lambda secret: [secret.decode()])
        return
    given = fields(header)
    if len(given.get("t", ())) != 1 or not given.get("v1"):
        refuse(MISSING)
    check_age(stamp(given["t"][0]), request.now, MAX_AGE)
    said = f"{given['t'][0]}.".encode() + request.body
    check(secrets(source), given["v1"], lambda secret: [hex_sha256(secret, said)])


def _password(authorization: str) -> list[str]:
    if authorization[:6].casefold() != "basic ":
        return []
    try:
        pair = b64decode(authorization[6:].strip(), validate=True).decode("latin-1")
    except (Error, ValueError):
        return []
    return [pair.partition(":")[2]]


def read(source: Source, request: Request) -> Parsed:
    body = record(request.body)
    if body.get("event") == "call.completed":
        return Parsed(tuple(_of_studio(source, body, request)))
    if "event" in body or "call_status" not in body:
        return Parsed(ignored=1, why="It is neither a call status nor call.completed.")
    facts = _Hook(source, body, request).facts()
    return Parsed(tuple(facts), ignored=int(not facts), why="It adds nothing to what is known of the call.")


class _Hook:
    def __init__(self, source: Source, body: dict[str, Any], request: Request) -> None:
        self.source, self.body, self.at = source, body, request.now
        self.sid = key(body.get("call_sid"), "call_sid")
        parent = word(body.get("parent_call_sid"))
        self.is_child = parent is not None and parent != self.sid
        self.call_key = key(parent, "parent_call_sid") if self.is_child else self.sid
        self.aliases = alias("jambonz", self.call_key)
        if not self.is_child:
            self.aliases += alias("sip", word(body.get("sbc_callid")))
        self.status = word(body.get("call_status")) or ""
        self.outbound = body.get("direction") == "outbound"

    def facts(self) -> list[Fact]:
        if "dial_call_status" in self.body:
            return self.dialed()
        return self.of_child() if self.is_child else self.of_root()

    def of_root(self) -> list[Fact]:
        status = self.status
        if status in ("trying", "queued"):
            return [self.fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, self.described())]
        if status in ("ringing", "early-media"):
            return [self.fact(Kind.RINGING, self.described())]
        if status == "in-progress":
            customer = [self.fact(Kind.CUSTOMER_ANSWERED, leg=self.sid)] if self.outbound else []
            return [self.fact(Kind.ANSWERED, self.described()), *customer]
        if status not in ENDS:
            return []
        lasted, hangup = seconds(self.body.get("duration")), self.hangup()
        reason = None if status == "completed" else REASONS.get(status) or reason_of(hangup) or "failed"
        missed = Data(reason=reason, hangup=hangup)
        facts = [self.fact(Kind.CUSTOMER_MISSED, missed, leg=self.sid)] if self.outbound and reason else []
        return [
            *facts,
            self.fact(Kind.ENDED, self.described(reason=reason, hangup=hangup, billable_seconds=lasted)),
        ]

    def of_child(self) -> list[Fact]:
        status, agent = self.status, Data(agent=self.agent())
        if status in ("trying", "ringing", "early-media"):
            return [self.fact(Kind.AGENT_DIALED, agent, leg=self.sid)]
        if status == "in-progress":
            return [
                self.fact(Kind.AGENT_ANSWERED, agent, leg=self.sid),
                self.fact(Kind.CONNECTED, agent, leg=self.sid),
            ]
        if status == "completed":
            return [self.fact(Kind.DISCONNECTED, leg=self.sid)]
        if status not in ENDS or integer(self.body.get("sip_status")) == 487:
            return []  # another was quicker, or the caller gave up: the call says which
        hangup = self.hangup()
        reason = REASONS.get(status) or reason_of(hangup) or "failed"
        return [
            self.fact(Kind.AGENT_MISSED, Data(agent=agent.agent, reason=reason, hangup=hangup), leg=self.sid)
        ]

    def dialed(self) -> list[Fact]:
        """A dial verb's actionHook, passed on: the outcome of the leg, told when it is over."""
        leg, status = word(self.body.get("dial_call_sid")) or "dial", self.body.get("dial_call_status")
        if status == "completed":
            return [self.fact(Kind.DISCONNECTED, leg=leg)]
        reason = REASONS.get(str(status))
        return [self.fact(Kind.AGENT_MISSED, Data(reason=reason), leg=leg)] if reason else []

    def described(self, **more: Any) -> Data:
        from_, to = word(self.body.get("from")), word(self.body.get("to"))
        given = inner(self.body, "customer_data") or inner(self.body, "customerData")
        said: dict[str, Any] = {
            "direction": "outbound" if self.outbound else "inbound",
            "from_": from_,
            "to": to,
            "from_name": word(self.body.get("caller_name") or self.body.get("caller_id")),
            "did": None if self.outbound else to,
            "caller_id": from_ if self.outbound else None,
            "uuid": word(self.body.get("call_id")),
            "custom_fields": custom(self.source, given),
        }
        return Data(**{**said, **more})

    def agent(self) -> Agent:
        to = word(self.body.get("to")) or ""
        user = to.removeprefix("sip:").partition("@")[0]
        return Agent(id=user or None) if "@" in to else Agent(number=to or None)

    def hangup(self) -> Hangup:
        by: By | None = None
        said = word(self.body.get("call_termination_by"))
        if said in ("caller", "callee"):
            by = "caller" if said == "caller" else "callee"
        elif said is not None:
            by = "system"
        code = integer(self.body.get("sip_status"))
        return Hangup(
            cause=self.status or None, sip_code=code, sip_reason=word(self.body.get("sip_reason")), by=by
        )

    def fact(self, kind: Kind, data: Data | None = None, *, leg: str | None = None) -> Fact:
        dialed = f"dial:{self.body.get('dial_call_sid')}" if "dial_call_status" in self.body else self.status
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=self.at,
            natural_id=named(f"{self.sid}:{dialed}"[:300], kind),
            leg=leg,
            data=data or Data(),
            aliases=self.aliases,
        )


def _of_studio(source: Source, body: dict[str, Any], request: Request) -> list[Fact]:
    """The result of an outbound agent's call. What of its body is not known here is kept as variables."""
    call_key = key(body.get("call_id"), "call_id")
    answered, ended = written(body.get("answered_at")), written(body.get("ended_at")) or request.now
    status, reason = _outcome(body, answered=answered is not None)
    given = body.get("agent")
    agent = Agent(id=word(inner(given).get("id") or given), name=word(inner(given).get("name")), kind="ai")
    whole = Data(
        direction="inbound" if body.get("direction") == "inbound" else "outbound",
        call_type="ai_agent",
        from_=word(body.get("from")),
        to=word(body.get("to")),
        uuid=word(body.get("call_sid")),
        agent=agent if status == "answered" else None,
        status=status,
        reason=reason,
        started_at=written(body.get("started_at")),
        connected_at=answered if status == "answered" else None,
        ended_at=ended,
        duration_seconds=seconds(body.get("duration_seconds") or body.get("duration")),
        is_test=body.get("is_test") is True,
        custom_fields=custom(source, inner(body, "metadata")),
        final=True,
    )
    facts = [_studio_fact(call_key, Kind.COMPLETED, whole, request)]
    variables = {name: value for name, value in body.items() if name not in KNOWN and value is not None}
    summary = text(body.get("summary"))
    if variables or summary:
        reached = inner(body, "goal").get("reached")
        success = reached if type(reached) is bool else None
        analysis = Analysis(id=call_key, summary=summary, success=success, variables=tidy(variables))
        found = Data(uuid=whole.uuid, analysis=analysis)
        facts.append(_studio_fact(call_key, Kind.ANALYZED, found, request))
    return facts


def _outcome(body: dict[str, Any], *, answered: bool) -> tuple[Status, Reason | None]:
    by = str(body.get("answered_by")).casefold()
    if by.startswith(MACHINES):
        return "voicemail", None
    said = str(body.get("outcome") or body.get("status")).casefold()
    if said in STUDIO:
        return STUDIO[said]
    lasted = seconds(body.get("duration_seconds") or body.get("duration"))
    return ("answered", None) if answered or by in ("human", "person") or lasted else ("missed", None)


def _studio_fact(call_key: str, kind: Kind, data: Data, request: Request) -> Fact:
    id_ = named("studio", kind)
    aliases = alias("jambonz", data.uuid)
    return Fact(
        kind=kind, call_key=call_key, occurred_at=request.now, natural_id=id_, data=data, aliases=aliases
    )
