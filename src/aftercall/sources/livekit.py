"""LiveKit: room, participant and egress webhooks (B10). A room is a call; whoever is in it by SIP is the customer.

Not told by webhooks: when an outgoing call is picked up (an attribute changes), and what was said.
"""

import hmac
from base64 import b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from msgspec.structs import replace

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.fact import Agent, By, Data, Fact, Hangup, Kind, Reason, Recording, alias
from aftercall.engine import jwt
from aftercall.engine.reading import decode
from aftercall.engine.signing import OLD, WRONG, refuse
from aftercall.engine.taking import Object, epoch, inner, key, many, number, record, text, word
from aftercall.engine.upstream import Parsed, Question, Reply, Request, Unparsable
from aftercall.sources.answer import answer_of
from aftercall.sources.signing import secrets
from aftercall.sources.taking import custom, named

timing: Timing = Timing(gate=0.3, quiet=5.0, settle_max=30.0, watchdog=2 * 3600.0)
reply: Reply = Reply(200)
unparsable: Unparsable = "accept"

REASONS: dict[str, Reason] = {
    "USER_UNAVAILABLE": "no_answer", "USER_REJECTED": "busy", "SIP_TRUNK_FAILURE": "failed",
    "MEDIA_FAILURE": "failed", "JOIN_FAILURE": "failed", "CONNECTION_TIMEOUT": "failed",
}  # fmt: skip
EGRESS = {
    "EGRESS_COMPLETE": Kind.RECORDING_READY, "EGRESS_LIMIT_REACHED": Kind.RECORDING_READY,
    "EGRESS_FAILED": Kind.RECORDING_FAILED, "EGRESS_ABORTED": Kind.RECORDING_FAILED,
}  # fmt: skip

# A room outlives its call by as long as it may stay empty: that is an end only where nobody was seen to leave.
# Q.850 26, answered elsewhere, is what the domain passes over for any other end.
CLOSED = Data(hangup=Hangup(cause_code=26))

ROOMS = "/twirp/livekit.RoomService/ListRooms"
GOOD_FOR = 60  # seconds, of a token of ours


def check_settings(source: Source) -> None:
    """Raise Invalid for an address or a key that can be none."""
    for name, start in (("url", ("https://", "http://")), ("api_key", "")):
        given = source.settings.get(name)
        if given is not None and (type(given) is not str or not given.startswith(start)):
            must = "must be the server's address, https://..." if name == "url" else "must be a text"
            raise Invalid.field(f"settings.{name}", must)


def verify(source: Source, request: Request) -> None:
    """A JWT (HS256) that holds the body's hash. The secret is `API_KEY:API_SECRET`, or the API secret alone."""
    token = jwt.token(jwt.bearer(request.headers.get("authorization")))
    right = []
    for pair in secrets(source):
        issuer, colon, secret = pair.rpartition(b":")
        ours = not colon or token.claims.get("iss") == issuer.decode()
        right.append(token.signed_with(secret) and ours)
    body = b64encode(sha256(request.body).digest())
    if not any(right) or not hmac.compare_digest(str(token.claims.get("sha256")).encode(), body):
        refuse(WRONG)
    if number(token.claims.get("exp")) is None:
        refuse(OLD)
    jwt.check_times(token.claims, request.now)


def read(source: Source, request: Request) -> Parsed:
    body = record(request.body)
    room = inner(body, "room") or _room_of(inner(body, "egressInfo"))
    prefix = source.settings.get("room_prefix")
    if not room.get("sid") or (prefix and not str(room.get("name")).startswith(str(prefix))):
        return Parsed(ignored=1, why="It is about no room, or about one without the source's room_prefix.")
    facts = _Event(source, body, room, request).facts()
    return Parsed(tuple(facts), ignored=int(not facts), why="The event is not used.")


def question(source: Source, call_key: str, now: datetime) -> Question | None:  # noqa: ARG001  # all are listed
    url, pairs = source.settings.get("url"), secrets(source)
    if not url or not pairs:
        return None
    issuer, _, secret = pairs[0].rpartition(b":")
    key = issuer.decode() or source.settings.get("api_key")
    if not key:
        return None
    claims = {"iss": key, "exp": int(now.timestamp()) + GOOD_FOR, "video": {"roomList": True}}
    token = ("Authorization", f"Bearer {jwt.made(claims, secret)}")
    headers = (token, ("Content-Type", "application/json"))
    return Question(method="POST", url=str(url).rstrip("/") + ROOMS, headers=headers, body=b"{}")


def answered(
    source: Source,  # noqa: ARG001  # as other types have it
    call_key: str,
    status: int,
    body: bytes,
    now: datetime,  # noqa: ARG001
) -> Literal["alive"] | None:
    """A room that is not listed is closed; when, LiveKit does not say."""
    rooms = many(answer_of(status, body).get("rooms"))
    return "alive" if any(inner(room).get("sid") == call_key for room in rooms) else None


def _room_of(egress: Object) -> Object:
    return {"sid": egress.get("roomId"), "name": egress.get("roomName")}


class _Event:
    def __init__(self, source: Source, body: Object, room: Object, request: Request) -> None:
        self.source, self.body, self.room = source, body, room
        self.call_key = key(room.get("sid"), "room.sid")
        self.id = key(body.get("id"), "id")
        self.at = epoch(body.get("createdAt")) or request.now
        self.who = inner(body, "participant")
        self.attributes = inner(self.who, "attributes")
        self.outbound = not self.attributes.get("sip.ruleID")
        self.leg = word(self.who.get("sid"))

    def facts(self) -> list[Fact]:
        event, kind = self.body.get("event"), self.who.get("kind", "STANDARD")
        if event == "room_finished":
            return [self.fact(Kind.ENDED, CLOSED)]
        if event in ("egress_started", "egress_ended"):
            return self.recording()
        if kind == "AGENT":
            return self.of_agent(event)
        if kind == "SIP":
            return self.of_phone(event)
        if event == "participant_joined" and kind == "STANDARD":
            data = Data(direction="inbound", call_type="ai_agent", from_=word(self.who.get("identity")))
            return [self.fact(Kind.RECEIVED, data)]
        return [self.fact(Kind.ENDED, Data())] if event == "participant_left" and kind == "STANDARD" else []

    def of_agent(self, event: Any) -> list[Fact]:
        if event == "participant_joined":
            name = word(self.who.get("name")) or word(self.attributes.get("lk.agent.name"))
            agent = Agent(id=word(self.attributes.get("lk.agent.name")) or "agent", name=name, kind="ai")
            return [self.fact(Kind.AGENT_ANSWERED, Data(agent=agent))]
        return [self.fact(Kind.DISCONNECTED, Data())] if event == "participant_left" else []

    def of_phone(self, event: Any) -> list[Fact]:
        facts = []
        if event == "participant_joined":
            facts = [self.fact(Kind.INITIATED if self.outbound else Kind.RECEIVED, self.described())]
        if self.outbound and self.attributes.get("sip.callStatus") == "active":
            facts.append(self.fact(Kind.CUSTOMER_ANSWERED, Data()))
        if event in ("participant_left", "participant_connection_aborted"):
            facts.append(self.left())
        return facts

    def left(self) -> Fact:
        why = word(self.who.get("disconnectReason"))
        by: By | None = None
        if why == "CLIENT_INITIATED":
            by = "callee" if self.outbound else "caller"
        elif why in ("ROOM_DELETED", "PARTICIPANT_REMOVED", "ROOM_CLOSED"):
            by = "agent"
        hung_up = self.outbound and why == "CLIENT_INITIATED"  # whoever hangs up has picked up before
        ended = replace(
            self.described(),
            started_at=epoch(self.who.get("joinedAt")),
            status="answered" if hung_up else None,
            reason=REASONS.get(why or ""),
            hangup=Hangup(cause=why, by=by),
        )
        return self.fact(Kind.ENDED, ended)

    def described(self) -> Data:
        them, us = (
            word(self.attributes.get("sip.phoneNumber")),
            word(self.attributes.get("sip.trunkPhoneNumber")),
        )
        headers = {name[6:]: value for name, value in self.attributes.items() if name.startswith("sip.h.")}
        return Data(
            direction="outbound" if self.outbound else "inbound",
            call_type="ai_agent",
            from_=us if self.outbound else them,
            to=them if self.outbound else us,
            did=None if self.outbound else us,
            caller_id=us if self.outbound else None,
            from_presentation="anonymous" if not self.outbound and not them else None,
            uuid=word(self.attributes.get("sip.callID")),
            custom_fields=custom(
                self.source, {"room": word(self.room.get("name"))}, self.metadata(), headers
            ),
        )

    def metadata(self) -> Object:
        """The room's: what your application put there, as fields where it is an object."""
        said = text(self.room.get("metadata"))
        if said is None or not said.startswith("{"):
            return {"room_metadata": said}
        try:
            return inner(decode(said.encode()))
        except Unreadable:
            return {"room_metadata": said}

    def recording(self) -> list[Fact]:
        egress = inner(self.body, "egressInfo")
        id_, state = word(egress.get("egressId")), str(egress.get("status"))
        started = self.body.get("event") == "egress_started"
        kind = Kind.RECORDING_STARTED if started else EGRESS.get(state)
        if kind is None:
            return []
        files = many(egress.get("fileResults")) or [egress.get("file")]
        file = inner(files[0])
        lasted = number(file.get("duration"))  # nanoseconds
        recording = Recording(
            id=id_,
            url=text(file.get("location"), 2000) if kind is Kind.RECORDING_READY else None,
            duration_seconds=int(lasted // 10**9) if lasted is not None and lasted > 0 else None,
            started_at=epoch(file.get("startedAt") or egress.get("startedAt"), 10**9),
        )
        return [self.fact(kind, Data(recording=recording))]

    def fact(self, kind: Kind, data: Data) -> Fact:
        joined = epoch(self.who.get("joinedAt")) if self.body.get("event") == "participant_joined" else None
        at = joined if joined is not None and abs(joined - self.at) < timedelta(minutes=5) else self.at
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=at,
            natural_id=named(self.id, kind),
            leg=self.leg,
            data=data,
            aliases=(
                *alias("twilio", word(self.attributes.get("sip.twilio.callSid"))),
                *alias("sip", word(self.attributes.get("sip.callIDFull"))),
            ),
        )
