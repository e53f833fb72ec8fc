# A FreeSWITCH's side of the event socket. Written from FreeSWITCH's source and documentation (names and order of
# events and headers), not captured from a running server: ids and numbers are made up.

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from aftercall.domain.account import Source
from aftercall.domain.fact import Fact
from aftercall.sources.freeswitch.dialplan import Dialplan
from aftercall.sources.freeswitch.reader import Reader

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALLER, DID, CARRIER = "+14085551234", "+14085559876", "sofia/external/+14085551234@198.51.100.7"
SETTINGS: dict[str, Any] = {"host": "pbx.example", "dialplan": {"agents": r"10\d"}}
SOURCE = Source(
    id="src_1", account_id="ac_1", type="freeswitch", settings=SETTINGS, created_at=NOW, updated_at=NOW
)
DIALPLAN = Dialplan.of(SOURCE)


def micro(at: float, start: datetime = START) -> str:
    return str(int((start + timedelta(seconds=at)).timestamp() * 1_000_000 + 0.5))


class Pbx:
    """Writes events. Legs are named by letters; `at` is in seconds from the start."""

    def __init__(self, core: str = "c0de-01", seq: int = 1000, start: datetime = START) -> None:
        self.core, self.seq, self.start = core, seq, start
        self.events: list[dict[str, Any]] = []
        self.legs: dict[str, dict[str, Any]] = {}
        self.cdrs: list[dict[str, Any]] = []

    def say(self, at: float, name: str, leg: str | None = None, **headers: Any) -> "Pbx":
        self.seq += 1
        custom = {"Event-Subclass": name} if "::" in name else {}
        head = {"Event-Name": "CUSTOM" if custom else name, "Core-UUID": self.core, **custom}
        head |= {"FreeSWITCH-Hostname": "pbx1", "Event-Date-Timestamp": micro(at, self.start)}
        shown = {} if leg is None else self.legs[leg]
        given = {name.replace("__", "-"): value for name, value in headers.items()}
        self.events.append({**head, "Event-Sequence": str(self.seq), **shown, **given})
        return self

    def set(self, leg: str, **variables: Any) -> "Pbx":
        """Channel variables, from now on."""
        self.legs[leg] |= {f"variable_{name}": value for name, value in variables.items()}
        return self

    def new(
        self,
        at: float,
        leg: str,
        name: str,
        to: str,
        *,
        way: str,
        cid: str,
        context: str,
        by: str | None = None,
    ) -> "Pbx":
        uuid = f"{leg}-0000-4000"
        call = uuid if by is None else self.legs[by]["Channel-Call-UUID"]
        self.legs[leg] = {
            "Unique-ID": uuid, "Channel-Name": name, "Call-Direction": way, "Channel-Call-UUID": call,
            "Answer-State": "ringing", "Caller-Direction": way, "Caller-Context": context,
            "Caller-Caller-ID-Number": cid, "Caller-Caller-ID-Name": cid, "Caller-Destination-Number": to,
            "Caller-Unique-ID": uuid, "Caller-Channel-Created-Time": micro(at, self.start),
            "Caller-Channel-Answered-Time": "0", "Caller-Channel-Hangup-Time": "0",
            "Caller-Privacy-Hide-Number": "false", "variable_uuid": uuid, "variable_direction": way,
        }  # fmt: skip
        if by is not None:
            other = {"Other-Type": "originator", "Other-Leg-Unique-ID": self.legs[by]["Unique-ID"]}
            self.legs[leg] |= other
        return self

    def caller(
        self, at: float = 0.0, leg: str = "a", cid: str = CALLER, to: str = DID, **variables: Any
    ) -> "Pbx":
        """Somebody rings in from the carrier."""
        self.new(at, leg, CARRIER, to, way="inbound", cid=cid, context="public").set(leg, **variables)
        return self.say(at + 0.0004, "CHANNEL_CREATE", leg)

    def phone_calls(self, at: float, leg: str, extension: str, to: str) -> "Pbx":
        """A phone of ours, logged in, dials."""
        name = f"sofia/internal/{extension}@pbx.example"
        self.new(at, leg, name, to, way="inbound", cid=extension, context="default")
        self.set(leg, user_name=extension, sip_auth_username=extension)
        return self.say(at + 0.0004, "CHANNEL_CREATE", leg)

    def dial(
        self, at: float, leg: str, to: str, by: str | None, cid: str = CALLER, **variables: Any
    ) -> "Pbx":
        """The PBX dials a phone of ours, or through a gateway."""
        ours = len(to) < 6
        name = f"sofia/internal/{to}@192.0.2.9:5060" if ours else f"sofia/external/{to}@198.51.100.7"
        self.new(at, leg, name, to, way="outbound", cid=cid, context="default", by=by)
        self.set(leg, **({"dialed_user": to} if ours else {"sip_gateway_name": "carrier"}), **variables)
        return self.say(at + 0.0004, "CHANNEL_CREATE", leg)

    def ring(self, at: float, leg: str) -> "Pbx":
        return self.say(at, "CHANNEL_PROGRESS", leg)

    def answer(self, at: float, *legs: str) -> "Pbx":
        for leg in legs:
            self.legs[leg] |= {"Caller-Channel-Answered-Time": micro(at, self.start)}
            self.legs[leg] |= {"Answer-State": "answered"}
            self.say(at + 0.0002, "CHANNEL_ANSWER", leg)
        return self

    def bridge(self, at: float, a: str, b: str) -> "Pbx":
        ends = {
            "Bridge-A-Unique-ID": self.legs[a]["Unique-ID"],
            "Bridge-B-Unique-ID": self.legs[b]["Unique-ID"],
        }
        self.set(a, bridge_uepoch=micro(at, self.start), bridge_uuid=ends["Bridge-B-Unique-ID"])
        self.set(b, bridge_uepoch=micro(at, self.start), bridge_uuid=ends["Bridge-A-Unique-ID"])
        return self.say(at, "CHANNEL_BRIDGE", a, **ends)

    def unbridge(self, at: float, a: str, b: str) -> "Pbx":
        ends = {
            "Bridge-A-Unique-ID": self.legs[a]["Unique-ID"],
            "Bridge-B-Unique-ID": self.legs[b]["Unique-ID"],
        }
        return self.say(at, "CHANNEL_UNBRIDGE", a, **ends)

    def gone(
        self, at: float, leg: str, cause: str = "NORMAL_CLEARING", how: str = "send_bye", **variables: Any
    ) -> "Pbx":
        """A leg's end. mod_json_cdr posts its record just before."""
        shown = self.legs[leg]
        ended = micro(at, self.start)
        answered = shown["Caller-Channel-Answered-Time"]
        billed = max(int(ended) - int(answered), 0) // 1_000_000 if answered != "0" else 0
        shown |= {"Caller-Channel-Hangup-Time": ended, "Hangup-Cause": cause, "Answer-State": "hangup"}
        self.set(
            leg, hangup_cause=cause, sip_hangup_disposition=how, start_uepoch=shown["Caller-Channel-Created-Time"],
            answer_uepoch=answered, end_uepoch=ended, billsec=str(billed), **variables,
        )  # fmt: skip
        self.cdrs.append(self._cdr(shown))
        return self.say(at + 0.004, "CHANNEL_HANGUP_COMPLETE", leg)

    def talk(self, at: float, a: str, b: str) -> "Pbx":
        """The dialled leg answers, so does the caller's, and the two are bridged."""
        self.answer(at, b)
        if self.legs[a]["Caller-Channel-Answered-Time"] == "0":
            self.answer(at + 0.001, a)
        return self.bridge(at + 0.002, a, b)

    def hang_up(self, at: float, first: str, other: str) -> "Pbx":
        """The phone of the first sends a BYE."""
        self.unbridge(at, "a" if "a" in (first, other) else first, other if first == "a" else first)
        return self.gone(at + 0.001, first, how="recv_bye").gone(at + 0.002, other)

    def queue(self, at: float, action: str, member: str, agent: str | None = None, **headers: Any) -> "Pbx":
        who = {} if agent is None else {"CC-Agent": f"{agent}@default", "CC-Agent-Type": "callback"}
        session = self.legs[member]["Unique-ID"]
        said = {"CC-Action": action, "CC-Queue": "support@default", "CC-Member-Session-UUID": session, **who}
        return self.say(at, "callcenter::info", **said, **headers)

    def agent(self, at: float, leg: str, name: str, extension: str, member: str) -> "Pbx":
        """mod_callcenter dials an agent: nobody's B leg, it only names the member's."""
        self.queue(at, "agent-offering", member, name)
        self.new(at, leg, f"sofia/internal/{extension}@192.0.2.9", extension, way="outbound", cid=CALLER,
                 context="default")  # fmt: skip
        session = self.legs[member]["Unique-ID"]
        self.set(leg, cc_side="agent", cc_agent=f"{name}@default", cc_queue="support@default")
        self.set(leg, cc_member_session_uuid=session, dialed_user=extension)
        return self.say(at + 0.001, "CHANNEL_CREATE", leg)

    def as_of(self, last: datetime) -> "Pbx":
        """The same, so that its last event happens at this moment."""
        later = int(last.timestamp() * 1e6) - max(int(event["Event-Date-Timestamp"]) for event in self.events)
        for headers in (*self.events, *self.legs.values(), *(cdr["variables"] for cdr in self.cdrs)):
            for name, value in headers.items():
                counted = name.endswith(("-Time", "Timestamp", "_uepoch")) and not name.startswith("CC-")
                if counted and value != "0":
                    headers[name] = str(int(value) + later)
        return self

    @property
    def said(self) -> bytes:
        """All of it, as `event json` says it."""
        return b"".join(map(frame, self.events))

    @property
    def plainly(self) -> bytes:
        return b"".join(map(plain_frame, self.events))

    def _cdr(self, shown: dict[str, Any]) -> dict[str, Any]:
        start = len("variable_")
        variables = {n[start:]: quote(str(v)) for n, v in shown.items() if n.startswith("variable_")}
        profile = {
            "uuid": shown["Unique-ID"], "chan_name": shown["Channel-Name"], "context": shown["Caller-Context"],
            "caller_id_number": shown["Caller-Caller-ID-Number"],
            "caller_id_name": shown["Caller-Caller-ID-Name"],
            "destination_number": shown["Caller-Destination-Number"],
        }  # fmt: skip
        if (by := shown.get("Other-Leg-Unique-ID")) is not None:
            profile["originator"] = {"originator_caller_profiles": [{"uuid": by}]}
            variables["originating_leg_uuid"] = by
        return {"core-uuid": self.core, "variables": variables, "callflow": [{"caller_profile": profile}]}


def frame(event: dict[str, Any]) -> bytes:
    body = json.dumps(event, ensure_ascii=False).encode()
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def plain_frame(event: dict[str, Any]) -> bytes:
    body = "".join(f"{name}: {quote(str(value))}\n" for name, value in event.items()).encode() + b"\n"
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body)


def facts(said: bytes, source: Source = SOURCE) -> list[Fact]:
    return Reader(source, Dialplan.of(source)).feed(said, NOW)
