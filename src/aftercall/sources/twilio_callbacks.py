"""One callback of Twilio's as facts: status, recording, AMD, Dial, Gather, Enqueue, Record, transcription.

Legs that <Dial> makes belong to the call that dialled. A request says nothing of the legs beside it, so which
of an API call's two legs is the agent's is the operator's to say: `first_leg` in the settings, `?leg=` in the URL.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from urllib.parse import urlsplit

from msgspec.structs import replace

from aftercall.domain.account import Source
from aftercall.domain.causes import reason_of
from aftercall.domain.fact import (
    Agent,
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
    Voicemail,
)
from aftercall.sources.taking import custom, integer, key, named, own, seconds, text, word

# How Twilio writes a number it may not show: the letters of the word on a keypad.
WITHHELD = frozenset({
    "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253",
    "anonymous", "restricted", "blocked", "unknown", "unavailable",
})  # fmt: skip
REASONS: dict[str, Reason] = {"busy": "busy", "no-answer": "no_answer", "canceled": "caller_cancelled"}
ENDS = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
ANSWERED = frozenset({"completed", "answered"})
MACHINES = ("machine", "fax")

Params = Mapping[str, str]


class Callback:
    """One callback. `now` is when it came, for what has no time of its own."""

    def __init__(
        self, source: Source, params: Params, query: list[tuple[str, str]], now: datetime, token: str | None
    ) -> None:
        self.source, self.params, self.query, self.token = source, params, dict(query), token
        self.now = now
        self.sid = key(params.get("CallSid"), "CallSid")
        parent = params.get("ParentCallSid")
        self.is_child = bool(parent)
        self.call_key = key(parent, "ParentCallSid") if parent else self.sid
        self.status = params.get("CallStatus", "")
        self.direction = params.get("Direction", "")
        self.at = _stamp(params.get("Timestamp")) or now

    def facts(self) -> list[Fact]:
        params = self.params
        if "ConferenceSid" in params and "StatusCallbackEvent" in params:
            return []
        if "TranscriptionSid" in params:
            return self._transcription()
        if "RecordingStatus" in params:
            return self._recording()
        if "DialCallStatus" in params:
            return self._dialed()
        if "QueueResult" in params:
            return self._queued()
        if "RecordingUrl" in params and "Timestamp" not in params:
            return self._left(self.now)
        if "Digits" in params:
            return self._keys()
        if "MachineDetectionDuration" in params and "Timestamp" not in params:
            return self._detected()
        return self._of_child() if self.is_child else self._of_root()

    # What a call is.

    @property
    def agent_first(self) -> bool:
        """Whether the API rang the agent, and <Dial> the customer: click-to-call."""
        leg = self.query.get("leg")
        if leg in ("agent", "customer"):
            return (leg == "customer") == self.is_child
        return self.direction != "inbound" and self.source.settings.get("first_leg") == "agent"

    @property
    def outbound(self) -> bool:
        return self.direction.startswith("outbound") or self.direction == "trunking-originating"

    def _described(self) -> Data:
        params = self.params
        from_, to = word(params.get("From")), word(params.get("To"))
        given = own(self.query.items()) | own(params.items())
        extra = {"forwarded_from": params.get("ForwardedFrom"), "stir_verstat": params.get("StirVerstat")}
        fields_ = custom(self.source, extra, given)
        if self.is_child:
            return Data(to=to if self.agent_first else None, custom_fields=fields_)
        hidden = from_ is not None and from_.casefold() in WITHHELD
        return Data(
            direction="outbound" if self.outbound else "inbound",
            call_type="click_to_call" if self.outbound and self.agent_first else None,
            from_=None if hidden or (self.outbound and self.agent_first) else from_,
            from_presentation="anonymous" if hidden else None,
            from_name=word(params.get("CallerName")),
            to=None if self.outbound and self.agent_first else to,
            did=None if self.outbound else to,
            caller_id=from_ if self.outbound else None,
            uuid=self.sid,
            custom_fields=fields_,
        )

    def _agent(self) -> Agent:
        """Whoever this leg rings: a phone, a client or a SIP user."""
        to = word(self.params.get("To")) or ""
        scheme, colon, rest = to.partition(":")
        return (
            Agent(id=rest.split("@")[0] or None)
            if colon and scheme in ("client", "sip")
            else Agent(number=to or None)
        )

    # Status callbacks.

    def _of_root(self) -> list[Fact]:
        status, data = self.status, self._described()
        agents = self.outbound and self.agent_first
        if status in ("queued", "initiated"):
            facts = [self._fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, data)]
            return facts + ([self._leg(Kind.AGENT_DIALED, Data(agent=self._agent()))] if agents else [])
        if status == "ringing":
            return [self._fact(Kind.RINGING if self.outbound else Kind.RECEIVED, data)]
        if status == "in-progress":
            return [self._fact(Kind.ANSWERED, data), *self._picked_up(self.at, agents=agents)]
        return self._ended(data, agents=agents) if status in ENDS else []

    def _picked_up(self, at: datetime, *, agents: bool) -> list[Fact]:
        if not self.outbound:
            return []
        if agents:
            return [self._leg(Kind.AGENT_ANSWERED, Data(agent=self._agent()), at)]
        # Numbered so that what AMD found out, which is told later, is told first: a leg's first outcome counts.
        return [self._leg(Kind.CUSTOMER_ANSWERED, Data(reason=self._machine()), at, seq=1)]

    def _ended(self, data: Data, *, agents: bool) -> list[Fact]:
        params, status = self.params, self.status
        lasted = seconds(params.get("CallDuration"))
        hangup, facts = self._hangup(), []
        reason = _reason(status, hangup)
        if status == "completed":
            if lasted is not None:
                facts = self._picked_up(self.at - timedelta(seconds=lasted), agents=agents)
            machine = self._machine()
            ended = replace(
                data, hangup=hangup, billable_seconds=lasted, status="voicemail" if machine else None
            )
        else:
            kind = Kind.AGENT_MISSED if agents else Kind.CUSTOMER_MISSED
            named = Data(agent=self._agent() if agents else None, reason=reason, hangup=hangup)
            facts = [self._leg(kind, named)] if self.outbound else []
            ended = replace(data, hangup=hangup, reason=None if agents else reason, billable_seconds=lasted)
        if sid := params.get("RecordingSid"):
            pending = Recording(word(sid), "pending", _mp3(params.get("RecordingUrl")))
            facts.append(self._fact(Kind.RECORDING_STARTED, Data(recording=pending)))
        return [*facts, self._fact(Kind.ENDED, ended)]

    def _of_child(self) -> list[Fact]:
        status, lasted = self.status, seconds(self.params.get("CallDuration"))
        if status in ("queued", "initiated", "ringing"):
            return self._rung()
        if status == "in-progress":
            return self._joined(self.at)
        if status == "completed":
            joined = self._joined(self.at - timedelta(seconds=lasted)) if lasted is not None else []
            return [*joined, self._leg(Kind.DISCONNECTED)]
        if status == "canceled":
            return self._rung()  # another was quicker, or the caller gave up: the call says which
        return self._not_joined(status) if status in ENDS else []

    def _rung(self) -> list[Fact]:
        described = self._described()
        if self.agent_first:
            return [self._leg(Kind.CUSTOMER_DIALED, described)]
        return [
            self._leg(Kind.AGENT_DIALED, Data(agent=self._agent(), custom_fields=described.custom_fields))
        ]

    def _joined(self, at: datetime) -> list[Fact]:
        if self.agent_first:
            return [
                self._leg(Kind.CUSTOMER_ANSWERED, self._described(), at),
                self._leg(Kind.CONNECTED, Data(), at),
            ]
        agent = Data(agent=self._agent())
        return [self._leg(Kind.AGENT_ANSWERED, agent, at), self._leg(Kind.CONNECTED, agent, at)]

    def _not_joined(self, status: str) -> list[Fact]:
        hangup = self._hangup()
        if self.agent_first:
            data = Data(to=self._described().to, reason=_reason(status, hangup), hangup=hangup)
            return [self._leg(Kind.CUSTOMER_MISSED, data)]
        return [
            self._leg(
                Kind.AGENT_MISSED, Data(agent=self._agent(), reason=_reason(status, hangup), hangup=hangup)
            )
        ]

    # The other callbacks.

    def _detected(self) -> list[Fact]:
        took = integer(self.params.get("MachineDetectionDuration")) or 0  # milliseconds
        at = self.now - timedelta(milliseconds=min(max(took, 0), 600_000))
        return [self._leg(Kind.CUSTOMER_ANSWERED, Data(reason=self._machine()), at, seq=0)]

    def _machine(self) -> Reason | None:
        return "machine" if self.params.get("AnsweredBy", "").startswith(MACHINES) else None

    def _dialed(self) -> list[Fact]:
        """<Dial action>: one leg's outcome, told when it is over. Whom it rang, its own callbacks know."""
        status = self.params["DialCallStatus"]
        leg = word(self.params.get("DialCallSid")) or "dial"
        customer = self.outbound and self.agent_first
        if status in ANSWERED:
            since = self.now - timedelta(seconds=seconds(self.params.get("DialCallDuration")) or 0)
            kind = Kind.CUSTOMER_ANSWERED if customer else Kind.AGENT_ANSWERED
            talk = [self._leg(kind, at=since, leg=leg), self._leg(Kind.CONNECTED, at=since, leg=leg)]
            return [*talk, self._leg(Kind.DISCONNECTED, at=self.now, leg=leg)]
        if status == "canceled" or status not in ENDS:
            return []
        kind = Kind.CUSTOMER_MISSED if customer else Kind.AGENT_MISSED
        return [self._leg(kind, Data(reason=_reason(status, self._hangup())), self.now, leg=leg)]

    def _queued(self) -> list[Fact]:
        """<Enqueue action>: told when the caller has left the queue, or has been talked to."""
        params, result = self.params, self.params["QueueResult"]
        waited = timedelta(seconds=seconds(params.get("QueueTime")) or 0)
        queue = Named(word(params.get("QueueSid")), word(self.query.get("queue")))
        entered = self._fact(Kind.DEPARTMENT_ENTERED, Data(queue=queue), self.now - waited)
        if result == "bridged":  # how long they talked is not told
            return [entered, self._fact(Kind.CONNECTED, Data(flags=("answer_inferred",)), self.now)]
        return [entered]

    def _keys(self) -> list[Fact]:
        pressed = tuple(self.params["Digits"][:64])
        menu = word(self.query.get("ivr"))
        data = Data(digits=pressed, ivr=Named(name=menu) if menu else None)
        return [self._fact(Kind.DTMF, data, self.now)] if pressed else []

    def _left(self, at: datetime) -> list[Fact]:
        """A message: the <Record> verb's recording. An empty one is none."""
        lasted = seconds(self.params.get("RecordingDuration"))
        sid = word(self.params.get("RecordingSid")) or self.sid
        data = Data(voicemail=Voicemail(seconds=lasted))
        return (
            [self._fact(Kind.VOICEMAIL_LEFT, data, at, natural_id=f"voicemail:{sid}")] if lasted != 0 else []
        )

    def _recording(self) -> list[Fact]:
        params, status = self.params, self.params["RecordingStatus"]
        lasted, since = seconds(params.get("RecordingDuration")), _stamp(params.get("RecordingStartTime"))
        kinds = {"in-progress": Kind.RECORDING_STARTED, "completed": Kind.RECORDING_READY}
        recording = Recording(
            id=word(params.get("RecordingSid")),
            url=_mp3(params.get("RecordingUrl")) if status == "completed" else None,
            duration_seconds=lasted,
            channels=integer(params.get("RecordingChannels")),
            started_at=since,
        )
        kind = kinds.get(status, Kind.RECORDING_FAILED if status in ("failed", "absent") else None)
        if kind is None:
            return []
        at = since or self.now if status == "in-progress" else self.now
        facts = [self._fact(kind, Data(recording=recording), at, natural_id=f"rec:{recording.id}:{status}")]
        if status == "completed" and params.get("RecordingSource") == "RecordVerb":
            facts += self._left(since or self.now)
        return facts

    def _transcription(self) -> list[Fact]:
        params = self.params
        id_ = word(params["TranscriptionSid"])
        said = text(params.get("TranscriptionText"))
        if params.get("TranscriptionStatus") != "completed" or said is None:
            return [self._fact(Kind.TRANSCRIPT_FAILED, Data(transcript=Transcript(id=id_)), self.now)]
        transcript = Transcript(id=id_, turns=(Turn("customer", said),))
        return [self._fact(Kind.TRANSCRIPT_READY, Data(transcript=transcript), self.now)]

    # Facts.

    def _hangup(self) -> Hangup:
        code = integer(self.params.get("SipResponseCode"))
        by: By | None = (
            "caller" if self.status == "canceled" and not self.is_child and not self.outbound else None
        )
        return Hangup(cause=self.status or None, sip_code=code, by=by)

    def _leg(
        self, kind: Kind, data: Data | None = None, at: datetime | None = None, *, seq: int | None = None,
        leg: str | None = None,
    ) -> Fact:  # fmt: skip
        return self._fact(kind, data or Data(), at, leg=leg or self.sid, seq=seq)

    def _fact(
        self, kind: Kind, data: Data, at: datetime | None = None, *, leg: str | None = None,
        seq: int | None = None, natural_id: str | None = None,
    ) -> Fact:  # fmt: skip
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at or self.at,
            natural_id=natural_id or named(self._id(), kind),
            leg=leg,
            seq=seq,
            data=data,
        )

    def _id(self) -> str:
        """Of the callback. One without a number is told from others by Twilio's token, else by what it says."""
        number = self.params.get("SequenceNumber")
        if number is not None:
            return f"{self.sid}:{number[:20]}:{self.status[:20]}"
        said = self.token or repr(sorted(self.params.items()))
        return f"{self.sid}:{blake2b(said.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"


def _reason(status: str, hangup: Hangup) -> Reason | None:
    if status == "failed":
        return reason_of(hangup) or "failed"
    return REASONS.get(status)


def _stamp(value: str | None) -> datetime | None:
    """RFC 2822, to the second."""
    if value is None:
        return None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and 1970 <= at.year < 2200 else None


def _mp3(url: str | None) -> str | None:
    """As MP3: without an ending it is a WAV, several times as large."""
    found = text(url, 2000)
    return f"{found}.mp3" if found and urlsplit(found).path.rpartition("/")[2].startswith("RE") else found
