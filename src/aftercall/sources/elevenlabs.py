"""ElevenLabs Agents: post-call webhooks (B9). One message is the whole call, its transcript and its analysis."""

from datetime import datetime, timedelta
from mmap import mmap
from typing import Any
from urllib.parse import quote

import msgspec

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
    Turn,
    alias,
)
from aftercall.engine.reading import decode_as
from aftercall.engine.signing import MISSING, check, check_age, fields, hex_sha256, refuse, stamp
from aftercall.engine.taking import epoch, inner, key, many, number, record, seconds, text, word
from aftercall.engine.upstream import Parsed, Reply, Request, Unparsable
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, named, tidy

timing: Timing = Timing(gate=0.0, quiet=0.0, settle_max=0.0, watchdog=2 * 3600.0)
# Anything but 200 counts as a failure, and a webhook that fails too often is switched off.
reply: Reply = Reply(200)
unparsable: Unparsable = "accept"

largest: int = 128 << 20  # an hour and a half of audio as base64

MAX_AGE = 1800.0
AUDIO = "post_call_audio"
RECORDING = "https://api.elevenlabs.io/v1/convai/conversations/{}/audio"
FAILURES: dict[str, Reason] = {"busy": "busy", "no-answer": "no_answer"}
ROLES = {"agent": "agent", "user": "customer"}
VOICEMAIL = "voicemail"


def verify(source: Source, request: Request) -> None:
    """`t=<s>,v0=<hex>`: an HMAC over `t.body`."""
    _verify(source, request, request.body)


def _verify(source: Source, request: Request, body: bytes | mmap) -> None:
    given = fields(request.headers.get("elevenlabs-signature"))
    if len(given.get("t", ())) != 1 or not given.get("v0"):
        refuse(MISSING)
    check_age(stamp(given["t"][0]), request.now, MAX_AGE)
    stamped = f"{given['t'][0]}.".encode()
    check(secrets(source), given["v0"], lambda secret: [hex_sha256(secret, stamped, body)])


def read(source: Source, request: Request) -> Parsed:
    body = record(request.body)
    kind = body.get("type")
    if kind == AUDIO:
        return _recorded(decode_as(request.body, _Audio), request.now)
    if kind not in ("post_call_transcription", "call_initiation_failure"):
        return Parsed(ignored=1, why=f"A message of type {word(kind)} is not used.")
    at = epoch(body.get("event_timestamp")) or request.now
    told = _Conversation(source, str(kind), inner(body, "data"), at)
    return Parsed(tuple(told.failed() if kind == "call_initiation_failure" else told.finished()))


def hear(source: Source, request: Request, body: mmap) -> Parsed:
    """An audio post. Its base64 is skipped, not kept: the recording stays with ElevenLabs."""
    _verify(source, request, body)
    said = decode_as(body, _Audio)
    return _recorded(said, request.now) if said.type == AUDIO else Parsed(ignored=1)


class _Named(msgspec.Struct):
    conversation_id: str


class _Audio(msgspec.Struct):
    type: str
    data: _Named
    event_timestamp: float | None = None


def _recorded(said: _Audio, now: datetime) -> Parsed:
    at = epoch(said.event_timestamp) or now
    call_key = key(said.data.conversation_id, "data.conversation_id")
    data = Data(recording=_recording(call_key), call_type="ai_agent")
    id_ = named(AUDIO, Kind.RECORDING_READY)
    fact = Fact(kind=Kind.RECORDING_READY, call_key=call_key, occurred_at=at, natural_id=id_, data=data)
    return Parsed((fact,))


def _recording(conversation_id: str) -> Recording:
    """Where it is to be had, with an API key of ElevenLabs."""
    return Recording(id=conversation_id, url=RECORDING.format(quote(conversation_id, safe="")))


class _Conversation:
    def __init__(self, source: Source, kind: str, data: dict[str, Any], at: datetime) -> None:
        self.source, self.kind, self.data, self.at = source, kind, data, at
        self.call_key = key(data.get("conversation_id"), "data.conversation_id")
        self.metadata = inner(data, "metadata")
        self.phone = inner(self.metadata, "phone_call")
        self.outbound = self.phone.get("direction") == "outbound"
        carrier = self.phone or inner(self.metadata, "body")
        self.carrier = word(carrier.get("call_sid") or carrier.get("CallSid"))
        by_sip = str(self.phone.get("type") or self.metadata.get("type")).startswith("sip")
        self.aliases = alias("sip" if by_sip else "twilio", self.carrier)

    def finished(self) -> list[Fact]:
        metadata = self.metadata
        started = epoch(metadata.get("start_time_unix_secs"))
        lasted = seconds(metadata.get("call_duration_secs"))
        ended = started + timedelta(seconds=lasted or 0) if started is not None else self.at
        ended_by = text(metadata.get("termination_reason"))
        status = self.status(ended_by)
        accepted = epoch(metadata.get("accepted_time_unix_secs")) or started
        record_ = self.described(
            agent=self.agent() if status == "answered" else None,
            status=status,
            hangup=self.hangup(ended_by),
            started_at=started,
            connected_at=accepted if status == "answered" else None,
            ended_at=ended,
            duration_seconds=lasted,
            billing=self.billing(),
        )
        facts = [self.fact(Kind.COMPLETED, record_, ended)]
        after = max(self.at, ended)
        if turns := self.turns():
            transcript = Transcript(
                id=self.call_key, language=word(metadata.get("main_language")), turns=turns
            )
            facts.append(self.fact(Kind.TRANSCRIPT_READY, Data(transcript=transcript), after))
        if analysis := self.analysis():
            facts.append(self.fact(Kind.ANALYZED, Data(analysis=analysis), after))
        if self.data.get("has_audio") is True:
            recording = Data(recording=_recording(self.call_key))
            facts.append(self.fact(Kind.RECORDING_READY, recording, after))
        return facts

    def failed(self) -> list[Fact]:
        """The call never came to a conversation. What the carrier says stands beside the reason."""
        why = word(self.data.get("failure_reason")) or "unknown"
        carrier = inner(self.metadata, "body")
        code = number(carrier.get("sip_status_code") or carrier.get("SipResponseCode"))
        self.outbound = True
        them = word(carrier.get("To") or carrier.get("Called") or carrier.get("to_number"))
        us = word(carrier.get("From") or carrier.get("Caller") or carrier.get("from_number"))
        data = self.described(
            status="missed",
            reason=FAILURES.get(why, "failed"),
            hangup=Hangup(cause=why, sip_code=int(code) if code is not None else None),
            ended_at=self.at,
            from_=us,
            to=them,
        )
        return [self.fact(Kind.COMPLETED, data, self.at)]

    def described(self, **more: Any) -> Data:
        ours, theirs = word(self.phone.get("agent_number")), word(self.phone.get("external_number"))
        given = inner(self.data, "conversation_initiation_client_data", "dynamic_variables")
        user = word(self.data.get("user_id"))
        dynamic = {name: value for name, value in given.items() if not name.startswith("system__")}
        said: dict[str, Any] = {
            "direction": "outbound" if self.outbound else "inbound",
            "call_type": "ai_agent",
            "from_": ours if self.outbound else theirs,
            "to": theirs if self.outbound else ours,
            "did": None if self.outbound else ours,
            "caller_id": ours if self.outbound else None,
            "uuid": self.carrier,
            "custom_fields": custom(self.source, {"user_id": user}, dynamic),
            "final": True,
        }
        return Data(**{**said, **more})

    def agent(self) -> Agent:
        id_, name = word(self.data.get("agent_id")), word(self.data.get("agent_name"))
        return Agent(id=id_ or "elevenlabs", name=name, kind="ai")

    def status(self, ended_by: str | None) -> Status:
        tools = (
            inner(one)
            for turn in many(self.data.get("transcript"))
            for one in many(inner(turn).get("tool_calls"))
        )
        detected = any(VOICEMAIL in str(tool.get("tool_name")) for tool in tools)
        return "voicemail" if detected or VOICEMAIL in (ended_by or "").casefold() else "answered"

    def hangup(self, ended_by: str | None) -> Hangup:
        said = (ended_by or "").casefold()
        by: By | None = None
        if said.startswith(("call ended by remote party", "client disconnected", "user ended")):
            by = "callee" if self.outbound else "caller"
        elif "end_call" in said or said.startswith("agent ended"):
            by = "agent"
        return Hangup(cause=ended_by[:200] if ended_by else None, by=by)

    def turns(self) -> tuple[Turn, ...]:
        made = []
        for said in many(self.data.get("transcript")):
            role, words = ROLES.get(str(inner(said).get("role"))), text(inner(said).get("message"))
            if role is not None and words is not None:
                made.append(Turn(role, words, number(said.get("time_in_call_secs"))))
        return tuple(made)

    def analysis(self) -> Analysis | None:
        found = inner(self.data, "analysis")
        if not found:
            return None
        variables, rationales = {}, {}
        for name, result in inner(found, "data_collection_results").items():
            variables[name] = inner(result).get("value")
            rationales[name] = text(inner(result).get("rationale"))
        for name, result in inner(found, "evaluation_criteria_results").items():
            variables[f"criteria.{name}"] = inner(result).get("result")
            rationales[f"criteria.{name}"] = text(inner(result).get("rationale"))
        title = text(found.get("call_summary_title"))
        if title is not None:
            variables.setdefault("summary_title", title)
        return Analysis(
            id=self.call_key,
            summary=text(found.get("transcript_summary")),
            success={"success": True, "failure": False}.get(str(found.get("call_successful"))),
            variables=tidy(variables),
            rationales={name: why for name, why in tidy(rationales).items() if why},
        )

    def billing(self) -> Billing | None:
        cost = number(self.metadata.get("cost"))
        return Billing(credits=cost) if cost is not None else None

    def fact(self, kind: Kind, data: Data, at: datetime) -> Fact:
        id_ = named(self.kind, kind)
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at,
            natural_id=id_,
            data=data,
            aliases=self.aliases,
        )
