"""FreeSWITCH mod_json_cdr: one post for each leg, when it is over, in any of three encodings (B3).

A leg without an originator is the call. The others are its agents' legs, or, through a gateway, the customer's.
Read from the module's source, never tried on a running FreeSWITCH.
"""

from base64 import b64decode
from binascii import Error
from datetime import datetime
from urllib.parse import unquote, unquote_to_bytes

from aftercall.domain.account import Source, Timing
from aftercall.domain.errors import Unreadable
from aftercall.domain.fact import (
    Agent,
    By,
    CallType,
    Data,
    Direction,
    Fact,
    Hangup,
    Kind,
    Named,
    Reason,
    Recording,
    Voicemail,
    alias,
)
from aftercall.engine.taking import Object, epoch, inner, integer, key, many, record, seconds, text, word
from aftercall.engine.upstream import Parsed, Unparsable
from aftercall.sources.taking import custom, keys, named, own

# The legs of a call are posted in no particular order.
timing: Timing = Timing(gate=0.3, quiet=2.0, settle_max=10.0)
unparsable: Unparsable = "accept"

MICRO = 10**6
DIRECTIONS: dict[str, Direction] = {"inbound": "inbound", "outbound": "outbound", "local": "outbound"}
CANCELLED: dict[str, Reason] = {
    "NONE": "caller_hangup_in_queue", "BREAK_OUT": "caller_hangup_in_queue", "TIMEOUT": "queue_timeout",
    "NO_AGENT_TIMEOUT": "no_agents",
}  # fmt: skip
RECORDED = ("record_file", "cc_record_filename", "record_session")
MAILBOX = "*99"  # FusionPBX sends callers to *99 and the extension


def parse(source: Source, path: str, headers: dict[str, str], body: bytes) -> Parsed:  # noqa: ARG001
    """Raises Unreadable when the body is no CDR, Invalid when the CDR names no leg."""
    leg = posted(source, body)
    if leg.variables.get("loopback_leg"):
        why = "It is half of a loopback channel, which only joins two others."
        return Parsed(ignored=1, why=why)
    return Parsed(tuple(leg.of_part() if leg.originator else leg.of_call()))


def posted(source: Source, body: bytes) -> "Leg":
    """The leg a post is about, in any of the encodings. Raises Unreadable and Invalid."""
    cdr = record(_decoded(body))
    given = inner(cdr, "variables")
    if source.settings.get("encoded_values", True) is not False:
        given = {name: unquote(value) if type(value) is str else value for name, value in given.items()}
    return Leg(source, cdr, given)


def recording(source: Source, path: str, lasted: int | None) -> Recording:
    """A path on the PBX; `recordings_url` in the settings says where the files can be fetched."""
    base = text(source.settings.get("recordings_url"), 1000)
    url = f"{base.rstrip('/')}/{path.rpartition('/')[2]}" if base else None
    return Recording(id=path, url=url, duration_seconds=lasted)


def _decoded(body: bytes) -> bytes:
    """`encode` false: JSON. True: cdr=<URL-encoded>. base64: cdr=<base64>."""
    if not body.startswith(b"cdr="):
        return body
    said = unquote_to_bytes(body[4:])
    if said.lstrip().startswith(b"{"):
        return said
    try:
        return b64decode(said)
    except Error:
        raise Unreadable("The CDR is neither URL-encoded nor base64.") from None


class Leg:
    """One leg's record. `variables` are decoded."""

    def __init__(self, source: Source, cdr: Object, variables: Object) -> None:
        self.source, self.cdr, self.variables = source, cdr, variables
        self.uuid = key(self.variables.get("uuid"), "variables.uuid")
        profiles = [inner(one, "caller_profile") for one in many(cdr.get("callflow"))]
        self.newest, self.oldest = (profiles[0], profiles[-1]) if profiles else ({}, {})
        self.originator = self._originator()
        self.call_key = self.originator or word(self.variables.get("call_uuid")) or self.uuid
        self.aliases = (*alias("freeswitch", self.call_key), *alias("sip", self.text("sip_call_id")))
        self.started, self.ended = self.at("start_uepoch"), self.at("end_uepoch")
        self.answered, self.bridged = self.at("answer_uepoch"), self.at("bridge_uepoch")

    def of_call(self) -> list[Fact]:
        data = self.described()
        start = Kind.INITIATED if data.direction == "outbound" else Kind.RECEIVED
        facts = [self.fact(start, data, self.started)]
        if self.answered is not None:
            facts.append(self.fact(Kind.ANSWERED, Data(), self.answered))
        facts += self.stations()
        talk = self.bridged or self.at("cc_queue_answered_epoch", 1)
        if talk is not None:
            agent = self.agent() if self.variables.get("cc_agent") else None
            facts.append(self.fact(Kind.CONNECTED, Data(agent=agent), talk, self.text("bridge_uuid")))
        return [
            *facts,
            *self.recordings(),
            self.fact(Kind.ENDED, self.end(talked=talk is not None), self.ended),
            *(
                [self.fact(Kind.DISPOSITION_UPDATED, label, self.ended)]
                if (label := self.disposition())
                else []
            ),
        ]

    def stations(self) -> list[Fact]:
        """Menus, the queue and the voicemail box, as far as the log of applications and the variables tell."""
        facts = []
        for i, done in enumerate(map(inner, many(inner(self.cdr, "app_log").get("applications"))[:100])):
            at = epoch(done.get("app_stamp"), MICRO)
            if done.get("app_name") == "ivr" and at is not None:
                menu = Data(ivr=Named(name=word(done.get("app_data"))))
                facts.append(self.fact(Kind.IVR_ANSWERED, menu, at, number=i))
        if queue := self.text("cc_queue"):
            at = self.at("cc_queue_joined_epoch", 1) or self.answered or self.started
            facts.append(
                self.fact(Kind.DEPARTMENT_ENTERED, Data(queue=Named(name=queue.partition("@")[0])), at)
            )
        facts += [self.fact(kind, Data(voicemail=said), self.ended) for kind, said in self.voicemail()]
        return facts

    def voicemail(self) -> list[tuple[Kind, Voicemail]]:
        """The box that was reached, and whether a message was left in it."""
        message = seconds(self.variables.get("voicemail_message_seconds"))
        dialled = word(self.newest.get("destination_number")) or ""
        if not message and self.variables.get("last_app") != "voicemail" and not dialled.startswith(MAILBOX):
            return []
        said = Voicemail(box=self.text("voicemail_account"), seconds=message)
        return [(Kind.VOICEMAIL_LEFT if message else Kind.VOICEMAIL_STARTED, said)]

    def end(self, *, talked: bool) -> Data:
        dialled = self.text("digits_dialed")  # `none`, or the keys; some may be masked with an X
        reason = None
        if not talked and self.text("cc_cause") == "cancel":
            reason = CANCELLED.get((self.text("cc_cancel_reason") or "").upper())
        return Data(
            reason=reason,
            hangup=self.hangup(talked=talked),
            billable_seconds=seconds(self.variables.get("billsec")),
            hold_seconds=seconds(self.variables.get("hold_accum_seconds")) or None,
            digits=keys(dialled),
        )

    def of_part(self) -> list[Fact]:
        """A leg of somebody's call: rung, then answered or not."""
        customer = bool(self.text("sip_gateway_name") or self.text("gateway_name"))
        if (said := DIRECTIONS.get(self.text("call_direction") or "")) is not None:
            customer = said == "outbound" and self.text("call_direction") != "local"
        who = Data() if customer else Data(agent=self.agent())
        dialled, picked_up, missed = (
            (Kind.CUSTOMER_DIALED, Kind.CUSTOMER_ANSWERED, Kind.CUSTOMER_MISSED)
            if customer
            else (Kind.AGENT_DIALED, Kind.AGENT_ANSWERED, Kind.AGENT_MISSED)
        )
        facts = [self.fact(dialled, who, self.started, self.uuid)]
        if self.answered is None:
            data = Data(agent=who.agent, hangup=self.hangup(talked=False))
            # What the caller's own hanging up cancels is the call's affair: it knows whether another answered.
            cancelled = self.text("hangup_cause") == "ORIGINATOR_CANCEL"
            return facts if cancelled else [*facts, self.fact(missed, data, self.ended, self.uuid)]
        facts.append(self.fact(picked_up, who, self.answered, self.uuid))
        if self.bridged is not None:
            facts.append(self.fact(Kind.CONNECTED, who, self.bridged, self.uuid))
        return [*facts, self.fact(Kind.DISCONNECTED, Data(), self.ended, self.uuid)]

    def described(self) -> Data:
        direction, kind = self.direction()
        oldest = self.oldest
        to = self.text("caller_destination", "sip_h_caller_destination") or word(
            oldest.get("destination_number")
        )
        from_ = self.text("effective_caller_id_number", "origination_caller_id_number")
        from_ = from_ or word(self.newest.get("caller_id_number")) or self.text("sip_from_user")
        name = self.text("effective_caller_id_name") or word(self.newest.get("caller_id_name"))
        fields = own((n, v) for n, v in self.variables.items() if type(v) is str)
        inbound = direction == "inbound"
        return Data(
            direction=direction,
            call_type=kind,
            from_=from_,
            to=to or self.text("dialed_user"),
            from_name=name if name != from_ else None,
            did=self.text("sip_to_user", "sip_req_user") if inbound else None,
            caller_id=None if inbound else from_,
            uuid=self.uuid,
            custom_fields=custom(self.source, fields),
        )

    def direction(self) -> tuple[Direction, CallType | None]:
        """Of the call, which is not that of the leg: an extension that dials out makes an inbound leg."""
        said = self.text("call_direction")
        if said in DIRECTIONS:
            return DIRECTIONS[said], "internal" if said == "local" else None
        if self.source.direction is not None:
            return self.source.direction, None
        leg = self.text("direction") or word(inner(self.cdr, "channel_data").get("direction"))
        user = self.text("sip_auth_username", "user_name")
        return ("outbound" if leg == "outbound" or user else "inbound"), None

    def agent(self) -> Agent:
        """Whoever the leg rang; mod_callcenter knows the agent by name."""
        user = self.text("dialed_user") or word(self.newest.get("destination_number"))
        agent = self.text("cc_agent")
        return Agent(id=agent.partition("@")[0]) if agent else Agent(id=user)

    def hangup(self, *, talked: bool) -> Hangup:
        how = self.text("sip_hangup_disposition") or ""
        by: By | None = None
        if how.startswith("recv"):
            by = "caller"
        elif how.startswith("send"):
            by = "callee" if talked else "system" if how == "send_bye" else None
        return Hangup(
            cause=self.text("hangup_cause"),
            cause_code=integer(self.variables.get("hangup_cause_q850")),
            sip_code=integer(self.text("sip_term_status") or self._protocol()),
            by=by,
        )

    def _protocol(self) -> str | None:
        """`sip:486`"""
        kind, _, code = (self.text("proto_specific_hangup_cause") or "").partition(":")
        return code if kind == "sip" else None

    def disposition(self) -> Data | None:
        """What the dialplan, or whoever set the variable, calls the outcome."""
        label = self.text("disposition")
        return (
            None if label is None else Data(disposition=label, sub_disposition=self.text("sub_disposition"))
        )

    def recordings(self) -> list[Fact]:
        made = self.recorded()
        return [] if made is None else [self.fact(Kind.RECORDING_READY, Data(recording=made), self.ended)]

    def recorded(self) -> Recording | None:
        path, name = self.text(*RECORDED), self.text("record_name")
        if path is None and name is not None:
            folder = self.text("record_path")
            path = name if folder is None else f"{folder.rstrip('/')}/{name}"
        lasted = seconds(self.variables.get("record_seconds"))
        return None if path is None else recording(self.source, path, lasted)

    def _originator(self) -> str | None:
        """The call this leg was made for. mod_callcenter dials its agents by itself and names the caller's leg."""
        member = self.text("cc_member_session_uuid") if self.text("cc_side") == "agent" else None
        given = member or self.text("originating_leg_uuid")
        profiles = many(inner(self.oldest, "originator").get("originator_caller_profiles"))
        found = given or (word(inner(profiles[0]).get("uuid")) if profiles else None)
        if found is None and self.text("originator"):
            found = self.text("originator", "signal_bond")
        if found is not None and (true := self.text("other_leg_true_id")) is not None:
            found = true  # beyond a loopback channel that stands between
        return found if found != self.uuid else None

    def text(self, *names: str) -> str | None:
        """The first of these variables that says something."""
        return next((found for name in names if (found := word(self.variables.get(name))) is not None), None)

    def at(self, name: str, unit: int = MICRO) -> datetime | None:
        """0 is never."""
        return epoch(self.variables.get(name), unit)

    def fact(
        self,
        kind: Kind,
        data: Data,
        at: datetime | None,
        leg: str | None = None,
        *,
        number: int | None = None,
    ) -> Fact:
        when = at or self.ended or self.started
        if when is None:
            raise Unreadable("The CDR has no times (start_uepoch, end_uepoch).")
        id_ = f"{word(self.cdr.get('core-uuid')) or ''}:{self.uuid}{'' if number is None else f':{number}'}"
        return Fact(
            kind=kind,
            call_key=self.call_key,
            occurred_at=when,
            natural_id=named(id_, kind),
            leg=leg,
            data=data,
            aliases=self.aliases,
        )
