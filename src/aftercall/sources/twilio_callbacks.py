"""A callback of Twilio's: whose it is, and what status callbacks tell. The others are in `twilio_actions.py`.

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
    Reason,
    Recording,
    alias,
)
from aftercall.engine.taking import integer, key, seconds, text, word
from aftercall.sources.taking import custom, named, own

# How Twilio writes a number it may not show: the letters of the word on a keypad.
WITHHELD = frozenset({
    "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253",
    "anonymous", "restricted", "blocked", "unknown", "unavailable",
})  # fmt: skip
REASONS: dict[str, Reason] = {"busy": "busy", "no-answer": "no_answer", "canceled": "caller_cancelled"}
ENDS = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
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
        self.aliases = tuple(dict.fromkeys((*alias("twilio", self.call_key), *alias("twilio", self.sid))))
        self.status = params.get("CallStatus", "")
        self.direction = params.get("Direction", "")
        self.at = stamp(params.get("Timestamp")) or now

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

    def status_facts(self) -> list[Fact]:
        return self._of_child() if self.is_child else self._of_root()

    def _of_root(self) -> list[Fact]:
        status, data = self.status, self._described()
        agents = self.outbound and self.agent_first
        if status in ("queued", "initiated"):
            facts = [self.fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, data)]
            return facts + ([self.part(Kind.AGENT_DIALED, Data(agent=self._agent()))] if agents else [])
        if status == "ringing":
            return [self.fact(Kind.RINGING if self.outbound else Kind.RECEIVED, data)]
        if status == "in-progress":
            return [self.fact(Kind.ANSWERED, data), *self._picked_up(self.at, agents=agents)]
        return self._ended(data, agents=agents) if status in ENDS else []

    def _picked_up(self, at: datetime, *, agents: bool) -> list[Fact]:
        if not self.outbound:
            return []
        if agents:
            return [self.part(Kind.AGENT_ANSWERED, Data(agent=self._agent()), at)]
        # Numbered so that what AMD found out, which is told later, is told first: a leg's first outcome counts.
        return [self.part(Kind.CUSTOMER_ANSWERED, Data(reason=self.machine()), at, seq=1)]

    def _ended(self, data: Data, *, agents: bool) -> list[Fact]:
        params, status = self.params, self.status
        lasted = seconds(params.get("CallDuration"))
        hangup, facts = self.hangup(), []
        reason = reason_for(status, hangup)
        if status == "completed":
            if lasted is not None:
                facts = self._picked_up(self.at - timedelta(seconds=lasted), agents=agents)
            machine = self.machine()
            ended = replace(
                data, hangup=hangup, billable_seconds=lasted, status="voicemail" if machine else None
            )
        else:
            kind = Kind.AGENT_MISSED if agents else Kind.CUSTOMER_MISSED
            named = Data(agent=self._agent() if agents else None, reason=reason, hangup=hangup)
            facts = [self.part(kind, named)] if self.outbound else []
            ended = replace(data, hangup=hangup, reason=None if agents else reason, billable_seconds=lasted)
        if sid := params.get("RecordingSid"):
            pending = Recording(word(sid), "pending", mp3(params.get("RecordingUrl")))
            facts.append(self.fact(Kind.RECORDING_STARTED, Data(recording=pending)))
        return [*facts, self.fact(Kind.ENDED, ended)]

    def _of_child(self) -> list[Fact]:
        status, lasted = self.status, seconds(self.params.get("CallDuration"))
        if status in ("queued", "initiated", "ringing"):
            return self._rung()
        if status == "in-progress":
            return self._joined(self.at)
        if status == "completed":
            joined = self._joined(self.at - timedelta(seconds=lasted)) if lasted is not None else []
            return [*joined, self.part(Kind.DISCONNECTED)]
        if status == "canceled":
            return self._rung()  # another was quicker, or the caller gave up: the call says which
        return self._not_joined(status) if status in ENDS else []

    def _rung(self) -> list[Fact]:
        described = self._described()
        if self.agent_first:
            return [self.part(Kind.CUSTOMER_DIALED, described)]
        return [
            self.part(Kind.AGENT_DIALED, Data(agent=self._agent(), custom_fields=described.custom_fields))
        ]

    def _joined(self, at: datetime) -> list[Fact]:
        if self.agent_first:
            return [
                self.part(Kind.CUSTOMER_ANSWERED, self._described(), at),
                self.part(Kind.CONNECTED, Data(), at),
            ]
        agent = Data(agent=self._agent())
        return [self.part(Kind.AGENT_ANSWERED, agent, at), self.part(Kind.CONNECTED, agent, at)]

    def _not_joined(self, status: str) -> list[Fact]:
        hangup = self.hangup()
        if self.agent_first:
            data = Data(to=self._described().to, reason=reason_for(status, hangup), hangup=hangup)
            return [self.part(Kind.CUSTOMER_MISSED, data)]
        return [
            self.part(
                Kind.AGENT_MISSED, Data(agent=self._agent(), reason=reason_for(status, hangup), hangup=hangup)
            )
        ]

    def machine(self) -> Reason | None:
        return "machine" if self.params.get("AnsweredBy", "").startswith(MACHINES) else None

    # Facts.

    def hangup(self) -> Hangup:
        code = integer(self.params.get("SipResponseCode"))
        by: By | None = (
            "caller" if self.status == "canceled" and not self.is_child and not self.outbound else None
        )
        return Hangup(cause=word(self.status), sip_code=code, by=by)

    def part(
        self, kind: Kind, data: Data | None = None, at: datetime | None = None, *, seq: int | None = None,
        leg: str | None = None,
    ) -> Fact:  # fmt: skip
        return self.fact(kind, data or Data(), at, leg=leg or self.sid, seq=seq)

    def fact(
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
            aliases=self.aliases,
        )

    def _id(self) -> str:
        """Of the callback. One without a number is told from others by Twilio's token, else by what it says.

        A leg ends once, whatever the number under which that is told, and whether we had to ask for it.
        """
        number = self.params.get("SequenceNumber")
        if number is not None and self.status in ENDS:
            return f"{self.sid}:{self.status}"
        if number is not None:
            return f"{self.sid}:{number[:20]}:{self.status[:20]}"
        said = self.token or repr(sorted(self.params.items()))
        return f"{self.sid}:{blake2b(said.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"


def reason_for(status: str, hangup: Hangup) -> Reason | None:
    if status == "failed":
        return reason_of(hangup) or "failed"
    return REASONS.get(status)


def stamp(value: str | None) -> datetime | None:
    """RFC 2822, to the second."""
    if value is None:
        return None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and 1970 <= at.year < 2200 else None


def mp3(url: str | None) -> str | None:
    """As MP3: without an ending it is a WAV, several times as large."""
    found = text(url, 2000)
    return f"{found}.mp3" if found and urlsplit(found).path.rpartition("/")[2].startswith("RE") else found
