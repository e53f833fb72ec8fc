"""Telnyx Call Control webhooks (B12). A session is a call.

Most events do not say which way their leg goes, and none what it is for; but each repeats its leg's client_state.
A leg whose client_state says `leg=agent` is an agent's, one that says `leg=customer` is the customer's; of other
legs the source's direction holds where the event has none.
"""

from base64 import b64decode
from datetime import datetime, timedelta

from aftercall.domain.account import Source, Timing
from aftercall.domain.causes import reason_of
from aftercall.domain.fact import (
    Agent,
    Analysis,
    Billing,
    By,
    Data,
    Fact,
    Hangup,
    Kind,
    Named,
    Reason,
    Recording,
    Transcript,
    Turn,
    alias,
)
from aftercall.engine import vendor_signatures
from aftercall.engine.taking import (
    Object,
    inner,
    integer,
    key,
    many,
    number,
    record,
    seconds,
    text,
    word,
    written,
)
from aftercall.engine.upstream import Parsed, Reply, Request, Unparsable
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, keys, named, tidy

timing: Timing = Timing(gate=0.3, quiet=2.0, settle_max=10.0)
reply: Reply = Reply(200)
unparsable: Unparsable = "accept"

REASONS: dict[str, Reason] = {
    "call_rejected": "rejected", "originator_cancel": "caller_cancelled", "timeout": "no_answer",
    "no_answer": "no_answer", "user_busy": "busy", "not_found": "invalid_number",
    "invalid_destination": "invalid_number", "unallocated_number": "invalid_number",
    "destination_out_of_order": "unavailable", "service_unavailable": "congestion",
}  # fmt: skip
PARTIES: dict[str, By] = {"caller": "caller", "callee": "callee"}


def verify(source: Source, request: Request) -> None:
    vendor_signatures.telnyx(secrets(source), request)


def read(source: Source, request: Request) -> Parsed:
    data = inner(record(request.body), "data")
    payload, event = inner(data, "payload"), str(data.get("event_type"))
    read_one = READERS.get(event)
    if read_one is None or not payload.get("call_session_id"):
        if read_one is None:
            return Parsed(ignored=1, why=f"The event {event[:100]} is not used.")
        return Parsed(ignored=1, why="It names no call (call_session_id).")
    facts = read_one(_Event(source, data, payload, request.now))
    return Parsed(tuple(facts), ignored=int(not facts), why="It adds nothing to what is known of the call.")


class _Event:
    def __init__(self, source: Source, data: Object, payload: Object, now: datetime) -> None:
        self.source, self.payload = source, payload
        self.call_key = key(payload.get("call_session_id"), "data.payload.call_session_id")
        self.id = key(data.get("id"), "data.id")
        self.at = written(data.get("occurred_at")) or now
        self.leg = word(payload.get("call_leg_id"))
        control = word(payload.get("call_control_id"))
        self.aliases = (*alias("telnyx", self.call_key), *alias("telnyx", control))
        said = payload.get("direction")
        self.direction = said if said in ("incoming", "outgoing") else None
        self.part = _part(word(payload.get("client_state")))

    @property
    def is_agents(self) -> bool:
        return self.part == "agent"

    @property
    def outbound(self) -> bool:
        if self.part == "customer" or self.direction is not None:
            return self.part == "customer" or self.direction == "outgoing"
        return self.source.direction == "outbound"

    def initiated(self) -> list[Fact]:
        if self.is_agents:
            return [self.fact(Kind.AGENT_DIALED, Data(agent=self.agent()), leg=self.leg)]
        return [self.fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, self.described())]

    def answered(self) -> list[Fact]:
        if self.is_agents:
            return [self.fact(Kind.AGENT_ANSWERED, Data(agent=self.agent()), leg=self.leg)]
        if self.outbound:  # numbered so that a machine, which is found out later, is told first
            customer = self.fact(Kind.CUSTOMER_ANSWERED, Data(), leg=self.leg, seq=1)
            return [self.fact(Kind.ANSWERED, Data()), customer]
        return [self.fact(Kind.ANSWERED, Data())]

    def bridged(self) -> list[Fact]:
        return [self.fact(Kind.CONNECTED, Data())]

    def hung_up(self) -> list[Fact]:
        hangup = self.hangup()
        cause = hangup.cause or ""
        reason = (
            None if cause in ("normal_clearing", "time_limit") else REASONS.get(cause) or reason_of(hangup)
        )
        if not self.is_agents:
            data = self.described(
                reason=reason, hangup=hangup, ended_at=written(self.payload.get("end_time"))
            )
            return [self.fact(Kind.ENDED, data)]
        if reason is None:
            return [self.fact(Kind.DISCONNECTED, Data(), leg=self.leg)]
        if cause == "originator_cancel":
            return []  # another was quicker, or the caller gave up: the call says which
        data = Data(agent=self.agent(), reason=reason, hangup=hangup)
        return [self.fact(Kind.AGENT_MISSED, data, leg=self.leg)]

    def detected(self) -> list[Fact]:
        machine = str(self.payload.get("result")).startswith(("machine", "fax"))
        data = Data(reason="machine" if machine else None)
        return [self.fact(Kind.CUSTOMER_ANSWERED, data, leg=self.leg, seq=0)] if self.outbound else []

    def enqueued(self) -> list[Fact]:
        queue, place = word(self.payload.get("queue")), integer(self.payload.get("current_position"))
        return [self.fact(Kind.DEPARTMENT_ENTERED, Data(queue=Named(name=queue), position=place))]

    def pressed(self) -> list[Fact]:
        pressed = keys(self.payload.get("digit"))
        return [self.fact(Kind.DTMF, Data(digit=pressed[0]))] if pressed else []

    def recorded(self) -> list[Fact]:
        urls = inner(self.payload, "public_recording_urls") or inner(self.payload, "recording_urls")
        since = written(self.payload.get("recording_started_at"))
        until = written(self.payload.get("recording_ended_at"))
        recording = Recording(
            id=word(self.payload.get("recording_id")) or self.id,
            url=text(urls.get("mp3") or urls.get("wav"), 2000),
            duration_seconds=seconds((until - since) / timedelta(seconds=1)) if since and until else None,
            channels={"single": 1, "dual": 2}.get(str(self.payload.get("channels"))),
            started_at=since,
        )
        return [self.fact(Kind.RECORDING_READY, Data(recording=recording))]

    def not_recorded(self) -> list[Fact]:
        return [self.fact(Kind.RECORDING_FAILED, Data(recording=Recording(id=self.id)))]

    def transcribed(self) -> list[Fact]:
        said = text(self.payload.get("transcription_text"))
        turns = (Turn("conversation", said),) if said else ()
        transcript = Transcript(id=word(self.payload.get("recording_transcription_id")), turns=turns)
        return [self.fact(Kind.TRANSCRIPT_READY, Data(transcript=transcript))]

    def conversed(self) -> list[Fact]:
        """An AI assistant's conversation is over; how long it lasted says when it began."""
        lasted = timedelta(seconds=seconds(self.payload.get("duration_sec")) or 0)
        agent = Agent(id=word(self.payload.get("assistant_id")) or "telnyx", kind="ai")
        since, leg = self.at - lasted, f"ai:{self.leg}"
        data = Data(agent=agent, call_type="ai_agent")
        return [
            self.fact(Kind.AGENT_ANSWERED, data, since, leg=leg),
            self.fact(Kind.CONNECTED, Data(agent=agent), since, leg=leg),
            self.fact(Kind.DISCONNECTED, Data(), leg=leg),
        ]

    def analysed(self) -> list[Fact]:
        found = {}
        for result in many(self.payload.get("results")):
            name = word(inner(result).get("insight_name")) or word(inner(result).get("insight_id"))
            if name is not None:
                found[name] = result.get("result")
        summary = next((text(v) for k, v in found.items() if "summary" in k.casefold()), None)
        id_ = word(self.payload.get("conversation_id"))
        return [
            self.fact(Kind.ANALYZED, Data(analysis=Analysis(id=id_, summary=summary, variables=tidy(found))))
        ]

    def billed(self) -> list[Fact]:
        cost = number(self.payload.get("total_cost"))
        bill = Billing(cost=cost, currency="USD") if cost is not None else None
        return [self.fact(Kind.NOTED, Data(billing=bill))] if bill else []

    def described(self, **more: object) -> Data:
        from_, to = word(self.payload.get("from")), word(self.payload.get("to"))
        hidden = str(self.payload.get("caller_id_name")).casefold() == "anonymous"
        headers = {
            name: one.get("value")
            for one in map(inner, many(self.payload.get("custom_headers")))
            if (name := word(one.get("name"))) is not None
        }
        tags = tuple(tag for one in many(self.payload.get("tags")) if (tag := word(one)) is not None)
        known = self.direction or self.part or self.source.direction
        said = {
            "direction": None if not known else "outbound" if self.outbound else "inbound",
            "from_": from_,
            "to": to,
            "from_presentation": "anonymous" if hidden and not self.outbound else None,
            "did": None if self.outbound else to,
            "caller_id": from_ if self.outbound else None,
            "uuid": word(self.payload.get("call_control_id")),
            "tags": tags or None,
            "custom_fields": custom(self.source, headers),
        }
        return Data(**{**said, **more})  # type: ignore[arg-type]

    def agent(self) -> Agent:
        to = word(self.payload.get("to")) or ""
        return (
            Agent(id=to.removeprefix("sip:").partition("@")[0] or None)
            if "@" in to
            else Agent(number=to or None)
        )

    def hangup(self) -> Hangup:
        by = PARTIES.get(str(self.payload.get("hangup_source")))
        sip = integer(self.payload.get("sip_hangup_cause"))
        return Hangup(cause=word(self.payload.get("hangup_cause")), sip_code=sip, by=by)

    def fact(
        self,
        kind: Kind,
        data: Data,
        at: datetime | None = None,
        *,
        leg: str | None = None,
        seq: int | None = None,
    ) -> Fact:
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at or self.at,
            natural_id=named(self.id, kind),
            leg=leg,
            seq=seq,
            data=data,
            aliases=self.aliases,
        )


def _part(client_state: str | None) -> str | None:
    """What the operator's application says of the leg: `leg=agent` or `leg=customer`, in base64."""
    try:
        said = b64decode(client_state or "", validate=True)
    except ValueError:
        return None
    return "agent" if b"leg=agent" in said else "customer" if b"leg=customer" in said else None


READERS = {
    "call.initiated": _Event.initiated,
    "call.answered": _Event.answered,
    "call.bridged": _Event.bridged,
    "call.hangup": _Event.hung_up,
    "call.enqueued": _Event.enqueued,
    "call.dtmf.received": _Event.pressed,
    "call.machine.detection.ended": _Event.detected,
    "call.machine.premium.detection.ended": _Event.detected,
    "call.recording.saved": _Event.recorded,
    "call.recording.error": _Event.not_recorded,
    "call.recording.transcription.saved": _Event.transcribed,
    "call.conversation.ended": _Event.conversed,
    "call.conversation_insights.generated": _Event.analysed,
    "call.cost": _Event.billed,
}
