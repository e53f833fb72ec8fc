"""One call as several vendors tell it: the fixtures of Vapi, Retell and ElevenLabs, whose carrier is Twilio, and
Twilio's own callbacks for it. All of them are built from documentation; see the fixtures' own pages.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.fact import Fact
from aftercall.engine.upstream import Request, SignedType
from aftercall.sources import SOURCES

SOURCES_DIRECTORY = Path(__file__).parents[1] / "sources"
STARTED = datetime(2025, 8, 21, 11, 2, 44, tzinfo=UTC)
OVER = timedelta(seconds=80)  # from the start: by then every vendor has said all
CARRIER_CALL = "CA11111111111111111111111111111111"


def twilio(recording: bool = True) -> list[bytes]:
    """Status callbacks of a call that TwiML hands to an AI: no leg but the caller's. In the end a recording."""
    lines = (SOURCES_DIRECTORY / "twilio/fixtures/inbound_answered.jsonl").read_text().splitlines()
    ringing, answered, completed, recorded = (json.loads(lines[i])["params"] for i in (0, 1, 8, 9))
    ended = format_datetime(STARTED + timedelta(seconds=63))
    completed |= {"Timestamp": ended, "CallDuration": "62", "Duration": "2"}
    recorded |= {"RecordingDuration": "62", "RecordingSource": "StartCallRecordingAPI"}
    told = [ringing, answered, completed, recorded]
    return [urlencode(params).encode() for params in (told if recording else told[:3])]


def vendor(name: str) -> list[bytes]:
    """The call's messages in the order they are sent."""
    if name == "twilio":
        return twilio()
    return [path.read_bytes() for path in sorted((SOURCES_DIRECTORY / name / "fixtures").glob("inbound*"))]


def facts(source: Source, body: bytes, at: datetime, later: timedelta) -> list[Fact]:
    """What a message tells, as if the call had been so much later."""
    kind = SOURCES[source.type]
    assert isinstance(kind, SignedType)
    url = f"https://hooks.example.com/in/{source.id}"
    told = kind.read(source, Request(url=url, body=body, now=at)).facts
    return [moved(fact, later) for fact in told]


def moved(fact: Fact, later: timedelta) -> Fact:
    """With all of its times."""
    times = {n: getattr(fact.data, n) for n in ("started_at", "answered_at", "connected_at", "ended_at")}
    data = msgspec.structs.replace(fact.data, **{n: at + later for n, at in times.items() if at is not None})
    if data.recording is not None and data.recording.started_at is not None:
        started = data.recording.started_at + later
        data = msgspec.structs.replace(
            data, recording=msgspec.structs.replace(data.recording, started_at=started)
        )
    return msgspec.structs.replace(fact, occurred_at=fact.occurred_at + later, data=data)


def retold(body: bytes, later: timedelta) -> bytes:
    """A message as the vendor would send it of a call that was so much later: its times as text, moved."""

    def iso(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) + later).isoformat(timespec="milliseconds")

    def counted(found: re.Match[str]) -> str:
        return str(int(found[0]) + round(later.total_seconds() * 1000))

    text = re.sub(r"2025-08-21T[\d:.]+Z", iso, body.decode())
    return re.sub(r"\b17557\d{8}\b", counted, text).encode()


def retold_form(body: bytes, later: timedelta) -> dict[str, str]:
    """Likewise, of Twilio's callbacks."""
    params = dict(parse_qsl(body.decode()))
    for name in ("Timestamp", "RecordingStartTime"):
        if name in params:
            params[name] = format_datetime(parsedate_to_datetime(params[name]) + later)
    return params
