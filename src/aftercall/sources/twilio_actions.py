"""What else Twilio calls back about: AMD, actions (Dial, Gather, Enqueue, Record), recordings, transcriptions.

They have no time of their own: what they tell happened when they came, or as long before as they say.
"""

from datetime import datetime, timedelta

from aftercall.domain.fact import Data, Fact, Kind, Named, Recording, Transcript, Turn, Voicemail
from aftercall.engine.taking import integer, seconds, text, word
from aftercall.sources.taking import keys
from aftercall.sources.twilio_callbacks import ENDS, Callback, mp3, reason_for, stamp

ANSWERED = frozenset({"completed", "answered"})


def action_facts(told: Callback) -> list[Fact] | None:
    """None for a status callback."""
    params = told.params
    if "ConferenceSid" in params and "StatusCallbackEvent" in params:
        return []
    if "TranscriptionSid" in params:
        return transcription(told)
    if "RecordingStatus" in params:
        return recording(told)
    if "DialCallStatus" in params:
        return dialed(told)
    if "QueueResult" in params:
        return queued(told)
    if "RecordingUrl" in params and "Timestamp" not in params:
        return left(told, told.now)
    if "Digits" in params:
        return pressed_keys(told)
    if "MachineDetectionDuration" in params and "Timestamp" not in params:
        return detected(told)
    return None


def detected(told: Callback) -> list[Fact]:
    took = integer(told.params.get("MachineDetectionDuration")) or 0  # milliseconds
    at = told.now - timedelta(milliseconds=min(max(took, 0), 600_000))
    return [told.part(Kind.CUSTOMER_ANSWERED, Data(reason=told.machine()), at, seq=0)]


def dialed(told: Callback) -> list[Fact]:
    """<Dial action>: one leg's outcome, told when it is over. Whom it rang, its own callbacks know."""
    status = told.params["DialCallStatus"]
    leg = word(told.params.get("DialCallSid")) or "dial"
    customer = told.outbound and told.agent_first
    if status in ANSWERED:
        since = told.now - timedelta(seconds=seconds(told.params.get("DialCallDuration")) or 0)
        kind = Kind.CUSTOMER_ANSWERED if customer else Kind.AGENT_ANSWERED
        talk = [told.part(kind, at=since, leg=leg), told.part(Kind.CONNECTED, at=since, leg=leg)]
        return [*talk, told.part(Kind.DISCONNECTED, at=told.now, leg=leg)]
    if status == "canceled" or status not in ENDS:
        return []
    kind = Kind.CUSTOMER_MISSED if customer else Kind.AGENT_MISSED
    return [told.part(kind, Data(reason=reason_for(status, told.hangup())), told.now, leg=leg)]


def queued(told: Callback) -> list[Fact]:
    """<Enqueue action>: told when the caller has left the queue, or has been talked to."""
    params, result = told.params, told.params["QueueResult"]
    waited = timedelta(seconds=seconds(params.get("QueueTime")) or 0)
    queue = Named(word(params.get("QueueSid")), word(told.query.get("queue")))
    entered = told.fact(Kind.DEPARTMENT_ENTERED, Data(queue=queue), told.now - waited)
    if result == "bridged":  # how long they talked is not told
        return [entered, told.fact(Kind.CONNECTED, Data(flags=("answer_inferred",)), told.now)]
    return [entered]


def pressed_keys(told: Callback) -> list[Fact]:
    pressed = keys(told.params["Digits"])
    menu = word(told.query.get("ivr"))
    data = Data(digits=pressed, ivr=Named(name=menu) if menu else None)
    return [told.fact(Kind.DTMF, data, told.now)] if pressed else []


def left(told: Callback, at: datetime) -> list[Fact]:
    """A message: the <Record> verb's recording. An empty one is none."""
    lasted = seconds(told.params.get("RecordingDuration"))
    sid = word(told.params.get("RecordingSid")) or told.sid
    data = Data(voicemail=Voicemail(seconds=lasted))
    return [told.fact(Kind.VOICEMAIL_LEFT, data, at, natural_id=f"voicemail:{sid}")] if lasted != 0 else []


def recording(told: Callback) -> list[Fact]:
    params, status = told.params, told.params["RecordingStatus"]
    lasted, since = seconds(params.get("RecordingDuration")), stamp(params.get("RecordingStartTime"))
    kinds = {"in-progress": Kind.RECORDING_STARTED, "completed": Kind.RECORDING_READY}
    made = Recording(
        id=word(params.get("RecordingSid")),
        url=mp3(params.get("RecordingUrl")) if status == "completed" else None,
        duration_seconds=lasted,
        channels=integer(params.get("RecordingChannels")),
        started_at=since,
    )
    kind = kinds.get(status, Kind.RECORDING_FAILED if status in ("failed", "absent") else None)
    if kind is None:
        return []
    at = since or told.now if status == "in-progress" else told.now
    facts = [told.fact(kind, Data(recording=made), at, natural_id=f"rec:{made.id}:{status}")]
    if status == "completed" and params.get("RecordingSource") == "RecordVerb":
        facts += left(told, since or told.now)
    return facts


def transcription(told: Callback) -> list[Fact]:
    params = told.params
    id_ = word(params["TranscriptionSid"])
    said = text(params.get("TranscriptionText"))
    if params.get("TranscriptionStatus") != "completed" or said is None:
        return [told.fact(Kind.TRANSCRIPT_FAILED, Data(transcript=Transcript(id=id_)), told.now)]
    words = Transcript(id=id_, turns=(Turn("customer", said),))
    return [told.fact(Kind.TRANSCRIPT_READY, Data(transcript=words), told.now)]
