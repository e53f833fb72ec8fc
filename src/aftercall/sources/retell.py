"""Retell: call_started, call_ended and call_analyzed of AI calls (B8). Times in milliseconds, cost in cents."""

from datetime import datetime
from typing import Any, Literal

from msgspec.structs import replace

from aftercall.domain.account import Source, Timing
from aftercall.domain.fact import (
    Agent,
    Analysis,
    Billing,
    By,
    Data,
    Fact,
    Hangup,
    Kind,
    Reason,
    Recording,
    Status,
    Transcript,
    Transfer,
    Turn,
    alias,
)
from aftercall.engine.signing import MISSING, check, check_age, fields, hex_sha256, refuse, stamp
from aftercall.engine.taking import epoch, inner, key, many, number, record, text, word
from aftercall.engine.upstream import Parsed, Question, Reply, Request, Unparsable
from aftercall.sources.answer import answer_about, is_plain
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, keys, named, tidy

timing: Timing = Timing(gate=0.3, quiet=0.3, settle_max=2.0, watchdog=2 * 3600.0)
reply: Reply = Reply(200)
unparsable: Unparsable = "accept"

MAX_AGE = 300.0
# Which of two accounts of the same end counts: the analysis comes last and knows more (voicemail, cost).
ORDER = {"call_started": 1, "transfer_bridged": 2, "call_ended": 3, "call_analyzed": 4}
ROLES = {"agent": "agent", "user": "customer", "transfer_target": "transfer_target"}
OUTCOMES: dict[str, tuple[Status, Reason | None]] = {
    "dial_no_answer": ("missed", "no_answer"),
    "dial_busy": ("missed", "busy"),
    "dial_failed": ("missed", "failed"),
    "invalid_destination": ("missed", "invalid_number"),
    "sip_routing_error": ("missed", "failed"),
    "telephony_provider_permission_denied": ("missed", "failed"),
    "telephony_provider_unavailable": ("missed", "failed"),
    "voicemail_reached": ("voicemail", None),
    "user_declined": ("missed", "rejected"),
    "concurrency_limit_reached": ("missed", "blocked"),
    "no_valid_payment": ("missed", "blocked"),
    "scam_detected": ("missed", "blocked"),
    "marked_as_spam": ("missed", "blocked"),
    "registered_call_timeout": ("missed", "no_answer"),
    "error_user_not_joined": ("missed", "no_answer"),
}
BY_SYSTEM = frozenset({"inactivity", "max_duration_reached", "manual_stopped"})

API = "https://api.retellai.com"
UNKNOWN = frozenset({404, 422})  # 422: there is no such thing under this key
ON = frozenset({"registered", "ongoing"})


def verify(source: Source, request: Request) -> None:
    """`v=<ms>,d=<hex>`: an HMAC over the body as it came, followed by the milliseconds."""
    given = fields(request.headers.get("x-retell-signature"))
    if len(given.get("v", ())) != 1 or len(given.get("d", ())) != 1:
        refuse(MISSING)
    moment = stamp(given["v"][0])
    check_age(moment / 1000, request.now, MAX_AGE)
    said = request.body + given["v"][0].encode()
    check(secrets(source), given["d"], lambda secret: [hex_sha256(secret, said)])


def read(source: Source, request: Request) -> Parsed:
    body = record(request.body)
    event = word(body.get("event")) or ""
    if event not in ORDER:
        return Parsed(ignored=1, why=f"The event {event} is not used.")
    told = _Told(source, event, inner(body, "call"), request.now)
    if event == "call_started":
        facts = told.started()
    elif event == "transfer_bridged":
        facts = told.transferred()
    else:
        facts = [told.ended(), *told.afterwards()]
    return Parsed(tuple(facts))


def question(source: Source, call_key: str, now: datetime) -> Question | None:  # noqa: ARG001  # of no matter here
    keys_ = secrets(source)
    if not keys_ or not is_plain(call_key):
        return None
    login = f"Bearer {keys_[0].decode()}"
    return Question(url=f"{API}/v2/get-call/{call_key}", headers=(("Authorization", login),))


def answered(
    source: Source, call_key: str, status: int, body: bytes, now: datetime
) -> Parsed | Literal["alive"] | None:
    """The call is told as its last post tells it. An end without its time is none, as at Twilio's."""
    call = answer_about(call_key, "call_id", status, body, UNKNOWN)
    if call is None:
        return None
    if word(call.get("call_status")) in ON:
        return "alive"
    if epoch(call.get("end_timestamp"), 1000) is None:
        return None
    told = _Told(source, "call_analyzed" if inner(call, "call_analysis") else "call_ended", call, now)
    return Parsed((told.ended(), *told.afterwards()))


class _Told:
    def __init__(self, source: Source, event: str, call: dict[str, Any], now: datetime) -> None:
        self.source, self.event, self.call, self.now = source, event, call, now
        self.call_key = key(call.get("call_id"), "call.call_id")
        self.outbound = call.get("direction") == "outbound"
        self.connected = epoch(call.get("start_timestamp"), 1000)
        self.over = epoch(call.get("end_timestamp"), 1000) or now
        self.analysed = inner(call, "call_analysis")
        self.lasted = number(call.get("duration_ms")) or 0.0
        self.carrier = word(inner(call, "telephony_identifier").get("twilio_call_sid"))

    def started(self) -> list[Fact]:
        at, agent = self.connected or self.now, Data(agent=self.agent())
        start = self.fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, self.described(), at)
        customer = [self.fact(Kind.CUSTOMER_ANSWERED, Data(), at)] if self.outbound else []
        answered = self.fact(Kind.AGENT_ANSWERED, agent, at)
        return [start, answered, *customer, self.fact(Kind.CONNECTED, agent, at)]

    def transferred(self) -> list[Fact]:
        to = word(self.call.get("transfer_destination"))
        transfer = Transfer("external", self.agent(), to, "bridged")
        return [self.fact(Kind.TRANSFERRED, Data(transfer=transfer), self.now)]

    def ended(self) -> Fact:
        status, reason = self.outcome()
        answered = status == "answered"
        data = replace(
            self.described(),
            agent=self.agent() if answered else None,
            status=status,
            reason=reason,
            hangup=self.hangup(),
            started_at=self.connected,
            connected_at=self.connected if answered else None,
            ended_at=self.over,
            digits=self.digits(),
            billing=self.billing(),
        )
        return self.fact(Kind.ENDED, data, self.over)

    def afterwards(self) -> list[Fact]:
        facts, after = [], max(self.now, self.over)
        url = text(self.call.get("recording_url") or self.call.get("scrubbed_recording_url"), 2000)
        if url is not None:
            recording = Recording(id=self.call_key, url=url, started_at=self.connected)
            facts.append(self.fact(Kind.RECORDING_READY, Data(recording=recording), after))
        if turns := self.turns():
            transcript = Transcript(id=self.call_key, turns=turns)
            facts.append(self.fact(Kind.TRANSCRIPT_READY, Data(transcript=transcript), after))
        if self.event == "call_analyzed":
            facts.append(self.fact(Kind.ANALYZED, Data(analysis=self.analysis()), after))
        return facts

    def described(self) -> Data:
        from_, to = word(self.call.get("from_number")), word(self.call.get("to_number"))
        return Data(
            direction="outbound" if self.outbound else "inbound",
            call_type="ai_agent",
            from_=from_,
            to=to,
            did=None if self.outbound else to,
            caller_id=from_ if self.outbound else None,
            uuid=self.carrier,
            custom_fields=custom(
                self.source,
                inner(self.call, "retell_llm_dynamic_variables"),
                inner(self.call, "collected_dynamic_variables"),
                inner(self.call, "metadata"),
            ),
        )

    def agent(self) -> Agent:
        id_ = word(self.call.get("agent_id"))
        return Agent(id=id_ or "retell", name=word(self.call.get("agent_name")), kind="ai")

    def outcome(self) -> tuple[Status, Reason | None]:
        reason = word(self.call.get("disconnection_reason")) or ""
        if self.analysed.get("in_voicemail") is True:
            return "voicemail", None
        if reason in OUTCOMES:
            return OUTCOMES[reason]
        if reason.startswith("error") and self.lasted <= 0:
            return "missed", "failed"
        return ("answered", None) if self.connected is not None else ("missed", None)

    def hangup(self) -> Hangup:
        reason = word(self.call.get("disconnection_reason"))
        by: By | None = None
        if reason == "user_hangup":
            by = "callee" if self.outbound else "caller"
        elif reason in ("agent_hangup", "call_transfer", "transfer_bridged"):
            by = "agent"
        elif reason in BY_SYSTEM or (reason or "").startswith("error"):
            by = "system"
        return Hangup(cause=reason, by=by)

    def turns(self) -> tuple[Turn, ...]:
        made = []
        for said in many(self.call.get("transcript_object") or self.call.get("scrubbed_transcript_object")):
            role, words = ROLES.get(str(inner(said).get("role"))), text(inner(said).get("content"))
            if role is None or words is None:
                continue
            timed = [inner(one) for one in many(said.get("words"))]
            start = number(timed[0].get("start")) if timed else None
            made.append(Turn(role, words, start, number(timed[-1].get("end")) if timed else None))
        return tuple(made)

    def digits(self) -> tuple[str, ...]:
        pressed = (inner(one) for one in many(self.call.get("transcript_with_tool_calls")))
        return tuple(key for one in pressed if one.get("role") == "dtmf" for key in keys(one.get("digit")))[
            :64
        ]

    def analysis(self) -> Analysis:
        success, sentiment = self.analysed.get("call_successful"), word(self.analysed.get("user_sentiment"))
        return Analysis(
            id=self.call_key,
            summary=text(self.analysed.get("call_summary")),
            success=success if type(success) is bool else None,
            sentiment=sentiment.casefold() if sentiment else None,
            variables=tidy(inner(self.analysed, "custom_analysis_data")),
        )

    def billing(self) -> Billing | None:
        cents = number(inner(self.call, "call_cost").get("combined_cost"))
        return Billing(cost=round(cents / 100, 6), currency="USD") if cents is not None else None

    def fact(self, kind: Kind, data: Data, at: datetime) -> Fact:
        id_ = named(f"{ORDER[self.event]}.{self.event}", kind)
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at,
            natural_id=id_,
            data=data,
            aliases=alias("twilio", self.carrier),
        )
