"""Vapi: status updates and the end-of-call report of AI calls (B7). What asks for an answer is not for us."""

from datetime import datetime
from typing import Any

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
from aftercall.engine.signing import check, check_age, hex_sha256, stamp
from aftercall.engine.taking import epoch, inner, key, many, number, record, text, word, written
from aftercall.engine.upstream import Parsed, Reply, Request, Unparsable
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, named, tidy

# The report follows the end once the analysis is done.
timing: Timing = Timing(gate=0.3, quiet=120.0, settle_max=120.0, watchdog=2 * 3600.0)
reply: Reply = Reply(200, b"{}", "application/json")
unparsable: Unparsable = "accept"

MAX_AGE = 300.0
ROLES = {"bot": "agent", "assistant": "agent", "user": "customer"}
# There are some 570 ended reasons, and more with each version: these are known by name, the others by their parts.
OUTCOMES: dict[str, tuple[Status, Reason | None]] = {
    "customer-did-not-answer": ("missed", "no_answer"),
    "customer-busy": ("missed", "busy"),
    "voicemail": ("voicemail", None),
    "manually-canceled": ("missed", "caller_cancelled"),
    "call.ringing.sip-inbound-caller-hungup-before-call-connect": ("missed", "caller_cancelled"),
}
FAILURES = ("error", "failed", "fault", "not-found", "invalid", "rejected")
BY_SYSTEM = ("silence-timed-out", "exceeded-max-duration", "manually-canceled")


def verify(source: Source, request: Request) -> None:
    """An HMAC over `timestamp.body`, else the secret itself as X-Vapi-Secret or as a bearer token."""
    headers, settings = request.headers, source.settings
    given = headers.get(str(settings.get("signature_header", "x-signature")).lower())
    if given is None:
        bearer = headers.get("authorization", "")
        plain = bearer[7:] if bearer[:7].lower() == "bearer " else None
        offered = [one for one in (headers.get("x-vapi-secret"), plain) if one]
        check(secrets(source), offered, lambda secret: [secret.decode()])
        return
    at = headers.get(str(settings.get("timestamp_header", "x-timestamp")).lower())
    moment = stamp(at)
    # Whether it counts seconds or milliseconds is not documented.
    check_age(moment / 1000 if moment >= 10**11 else moment, request.now, MAX_AGE)
    said = f"{at}.".encode() + request.body
    check(secrets(source), [given.removeprefix("sha256=")], lambda secret: [hex_sha256(secret, said)])


def read(source: Source, request: Request) -> Parsed:
    message = inner(record(request.body), "message")
    kind = message.get("type")
    if kind not in ("status-update", "end-of-call-report"):
        return Parsed(ignored=1, why=f"A message of type {word(kind)} is not used.")
    told = _Message(source, message, request.now)
    facts = told.report() if kind == "end-of-call-report" else told.update()
    return Parsed(tuple(facts), ignored=int(not facts), why="Its status is not used.")


class _Message:
    def __init__(self, source: Source, message: dict[str, Any], now: datetime) -> None:
        self.source, self.message = source, message
        self.call = inner(message, "call")
        self.call_key = key(self.call.get("id"), "message.call.id")
        self.at = epoch(message.get("timestamp"), 1000) or now
        self.artifact = inner(message, "artifact")
        self.outbound = self.call.get("type") == "outboundPhoneCall"
        self.reason = word(message.get("endedReason") or self.call.get("endedReason"))
        self.started = written(message.get("startedAt") or self.call.get("startedAt"))
        self.ended = written(message.get("endedAt") or self.call.get("endedAt"))
        self.aliases = self.carrier()
        self.id = f"{message['type']}:{word(message.get('status')) or ''}:{message.get('timestamp') or ''}"[
            :200
        ]

    def update(self) -> list[Fact]:
        status, data = self.message.get("status"), self.described()
        created = written(self.call.get("createdAt")) or self.at
        start = self.fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, data, created)
        if status == "queued":
            return [start]
        if status == "ringing":
            return [start, self.fact(Kind.RINGING)]
        if status == "in-progress":
            return [start, *self.talk(self.started or self.at)]
        if status == "forwarding":
            to = inner(self.message, "destination")
            kind = to.get("type")
            where = word(to.get("number") or to.get("sipUri") or to.get("assistantName"))
            transfer = Transfer("ai" if kind == "assistant" else "external", self.agent(), where)
            return [self.fact(Kind.TRANSFERRED, Data(transfer=transfer))]
        if status == "ended":
            return [self.fact(Kind.ENDED, Data(hangup=self.hangup()), self.ended)]
        return []

    def talk(self, at: datetime) -> list[Fact]:
        agent = Data(agent=self.agent())
        customer = [self.fact(Kind.CUSTOMER_ANSWERED, at=at)] if self.outbound else []
        return [self.fact(Kind.AGENT_ANSWERED, agent, at), *customer, self.fact(Kind.CONNECTED, agent, at)]

    def report(self) -> list[Fact]:
        """The whole call: one record, and what became of it afterwards."""
        status, reason = self.outcome()
        described = self.described()
        ended = self.ended or self.at
        whole = replace(
            described,
            agent=self.agent() if status == "answered" else None,
            status=status,
            reason=reason,
            hangup=self.hangup(),
            started_at=written(self.call.get("createdAt")) or self.started,
            ended_at=ended,
            billing=self.billing(),
            final=True,
        )
        talk = self.talk(self.started) if status == "answered" and self.started is not None else []
        return [*talk, self.fact(Kind.COMPLETED, whole, ended), *self.afterwards(max(self.at, ended))]

    def afterwards(self, at: datetime) -> list[Fact]:
        facts = []
        if recording := self.recording():
            facts.append(self.fact(Kind.RECORDING_READY, Data(recording=recording), at))
        if turns := self.turns():
            transcript = Transcript(id=self.call_key, turns=turns)
            facts.append(self.fact(Kind.TRANSCRIPT_READY, Data(transcript=transcript), at))
        if analysis := self.analysis():
            facts.append(self.fact(Kind.ANALYZED, Data(analysis=analysis), at))
        return facts

    def described(self) -> Data:
        customer = inner(self.message, "customer") or inner(self.call, "customer")
        ours = inner(self.message, "phoneNumber") or inner(self.call, "phoneNumber")
        them, us = word(customer.get("number") or customer.get("sipUri")), word(ours.get("number"))
        name = word(customer.get("name"))
        overrides = inner(self.call, "assistantOverrides", "variableValues")
        return Data(
            direction="outbound" if self.outbound else "inbound",
            call_type="ai_agent",
            from_=us if self.outbound else them,
            to=them if self.outbound else us,
            from_name=None if self.outbound else name,
            to_name=name if self.outbound else None,
            did=None if self.outbound else us,
            caller_id=us if self.outbound else None,
            uuid=word(self.call.get("phoneCallProviderId")),
            custom_fields=custom(self.source, overrides, inner(self.call, "metadata")),
        )

    def carrier(self) -> tuple[str, ...]:
        """The carrier's own call: a CallSid where the carrier is Twilio, which older messages do not say."""
        id_, provider = word(self.call.get("phoneCallProviderId")), word(self.call.get("phoneCallProvider"))
        return alias((provider or ("twilio" if (id_ or "").startswith("CA") else "carrier")).casefold(), id_)

    def agent(self) -> Agent:
        assistant = inner(self.message, "assistant") or inner(self.call, "assistant")
        id_ = word(assistant.get("id") or self.call.get("assistantId") or self.call.get("squadId"))
        return Agent(id=id_ or "vapi", name=word(assistant.get("name")), kind="ai")

    def outcome(self) -> tuple[Status, Reason | None]:
        reason = self.reason or ""
        if reason in OUTCOMES and not (reason == "manually-canceled" and self.talked):
            return OUTCOMES[reason]
        if self.talked and not reason.startswith("call.start.error"):
            return "answered", None
        return "missed", "failed" if any(part in reason for part in FAILURES) else "no_answer"

    @property
    def talked(self) -> bool:
        return self.started is not None and (self.ended is None or self.ended > self.started)

    def hangup(self) -> Hangup:
        reason = self.reason or ""
        by: By | None = None
        if reason.startswith("customer-ended-call"):
            by = "callee" if self.outbound else "caller"
        elif reason.startswith(("assistant-ended-call", "assistant-said")):
            by = "agent"
        elif reason.startswith(BY_SYSTEM):
            by = "system"
        return Hangup(cause=reason or None, by=by)

    def recording(self) -> Recording | None:
        kept = inner(self.artifact, "recording")
        url = text(
            self.artifact.get("recordingUrl")
            or inner(kept, "mono").get("combinedUrl")
            or kept.get("stereoUrl")
            or self.message.get("recordingUrl"),
            2000,
        )
        return Recording(id=self.call_key, url=url, started_at=self.started) if url else None

    def turns(self) -> tuple[Turn, ...]:
        made = []
        for said in many(self.artifact.get("messages") or self.message.get("messages")):
            role, words = ROLES.get(str(inner(said).get("role"))), text(inner(said).get("message"))
            if role is None or words is None:
                continue
            start, lasted = number(said.get("secondsFromStart")), number(said.get("duration"))  # s, and ms
            end = start + lasted / 1000 if start is not None and lasted is not None else None
            made.append(Turn(role, words, start, end))
        if not made and (whole := text(self.artifact.get("transcript") or self.message.get("transcript"))):
            made.append(Turn("conversation", whole))
        return tuple(made)

    def analysis(self) -> Analysis | None:
        found = inner(self.message, "analysis")
        variables = dict(inner(found, "structuredData"))
        for output in inner(self.artifact, "structuredOutputs").values():
            if (name := word(inner(output).get("name"))) is not None:
                variables[name] = output.get("result")
        for card in inner(self.artifact, "scorecards").values():
            if (name := word(inner(card).get("name"))) is not None:
                variables[f"scorecard.{name}"] = card.get("scoreNormalized", card.get("score"))
        success, verdict = None, found.get("successEvaluation")
        if str(verdict).casefold() in ("true", "pass", "false", "fail"):
            success = str(verdict).casefold() in ("true", "pass")
        elif verdict is not None:
            variables["success_evaluation"] = verdict
        summary = text(found.get("summary") or self.message.get("summary"))
        if summary is None and success is None and not variables:
            return None
        return Analysis(id=self.call_key, summary=summary, success=success, variables=tidy(variables))

    def billing(self) -> Billing | None:
        cost = number(self.message.get("cost"))
        return Billing(cost=cost, currency="USD") if cost is not None else None

    def fact(self, kind: Kind, data: Data | None = None, at: datetime | None = None) -> Fact:
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at or self.at,
            natural_id=named(self.id, kind),
            data=data or Data(),
            aliases=self.aliases,
        )
