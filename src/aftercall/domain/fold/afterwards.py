"""What facts about a call, rather than in it, do to its story: recordings, transcript, analysis, labels."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from aftercall.domain.fact import Analysis, Data, Fact, Kind, Recording, Transcript
from aftercall.domain.fold.story import Story, plain

RecordingStatus = Literal["pending", "ready", "failed"]


def recording_started(story: Story, fact: Fact) -> None:
    _recording(story, fact, "pending", "call.recording_started")


def recording_ready(story: Story, fact: Fact) -> None:
    _recording(story, fact, "ready", "call.recording_ready")


def recording_failed(story: Story, fact: Fact) -> None:
    _recording(story, fact, "failed", "call.recording_failed")


def transcript_ready(story: Story, fact: Fact) -> None:
    transcript = fact.data.transcript or Transcript()
    story.transcript = transcript
    details = {"transcript": {"id": transcript.id, "language": transcript.language, "url": transcript.url}}
    story.tell_once("call.transcript_ready", fact.occurred_at, transcript.id or "", details)


def transcript_failed(story: Story, fact: Fact) -> None:
    transcript = fact.data.transcript or Transcript()
    if story.transcript is None or story.transcript.status != "ready":
        story.transcript = msgspec.structs.replace(transcript, status="failed")
    details = {"reason": fact.data.reason}
    story.tell_once("call.transcript_failed", fact.occurred_at, transcript.id or "", details)


def analyzed(story: Story, fact: Fact) -> None:
    """The newest run is the call's analysis; the older ones are the store's history."""
    analysis = fact.data.analysis or Analysis()
    story.analysis = analysis
    details = {"analysis": plain(analysis)}
    story.tell_once("call.analyzed", fact.occurred_at, analysis.id or fact.natural_id, details)


def analysis_failed(story: Story, fact: Fact) -> None:
    _no_analysis(story, fact, "failed", "call.analysis_failed")


def analysis_skipped(story: Story, fact: Fact) -> None:
    _no_analysis(story, fact, "skipped", "call.analysis_skipped")


def disposition_updated(story: Story, fact: Fact) -> None:
    """Its number follows from the order of the facts, so a version that arrives late takes its place."""
    label(story, fact.data, fact.occurred_at)
    story.dispositions += 1
    details = {
        "disposition": fact.data.disposition,
        "sub_disposition": fact.data.sub_disposition,
        "notes": fact.data.notes,
        "by": fact.data.by,
    }
    story.tell("call.disposition_updated", fact.occurred_at, str(story.dispositions), details)


def wrapped_up(story: Story, fact: Fact) -> None:
    story.wrapped_up_at = fact.occurred_at
    details = {"wrap_up_seconds": fact.data.wrap_up_seconds, "notes": fact.data.notes}
    story.tell_once("call.wrapped_up", fact.occurred_at, "", details)


def noted(story: Story, fact: Fact) -> None:
    """What a person sets, stands: tags are replaced, not added to."""
    if fact.data.tags is not None:
        story.tags = dict.fromkeys(fact.data.tags, True)
    if fact.data.disposition is not None:
        label(story, fact.data, fact.occurred_at)
    if fact.data.billable_seconds is not None:
        story.accounted_seconds = max(story.accounted_seconds or 0, fact.data.billable_seconds)


def label(story: Story, data: Data, at: datetime) -> None:
    """The agent's label. A new one brings its own sub-label, or none."""
    story.disposition, story.sub_disposition = data.disposition, data.sub_disposition
    story.disposition_at, story.disposition_by = at, data.by


def keep_recording(story: Story, fact: Fact, status: RecordingStatus | None = None) -> Recording:
    """Recordings are told apart by id, else by URL; what is said later about one is added to it.

    One that is over does not start again: reports of its start may be told after those of its end.
    """
    new = fact.data.recording or Recording(url=fact.data.recording_url)
    if new.url is None and fact.data.recording_url is not None:
        new = msgspec.structs.replace(new, url=fact.data.recording_url)
    key = new.id or new.url or ""
    known = story.recordings
    old = known.get(key) or (known.get("") if not new.id else None)
    if old is not None and not new.id and key not in known:
        del known[""]
    if status is None:
        status_now = new.status
    elif old is not None and status == "pending":
        status_now = old.status
    else:
        status_now = status
    old = old or Recording()
    kept = Recording(
        new.id or old.id,
        status_now,
        new.url or old.url,
        old.duration_seconds if new.duration_seconds is None else new.duration_seconds,
        new.channels or old.channels,
        new.started_at or old.started_at or (fact.occurred_at if status == "pending" else None),
        new.expires_at or old.expires_at,
    )
    known[key] = kept
    return kept


def _recording(story: Story, fact: Fact, status: RecordingStatus, event: str) -> None:
    kept = keep_recording(story, fact, status)
    story.tell_once(event, fact.occurred_at, kept.id or kept.url or "", {"recording": plain(kept)})


def _no_analysis(story: Story, fact: Fact, status: str, event: str) -> None:
    """A run that brought nothing does not take away what an earlier one brought."""
    analysis = fact.data.analysis or Analysis()
    if story.analysis is None or story.analysis.status != "ready":
        story.analysis = msgspec.structs.replace(analysis, status=status)
    story.tell_once(event, fact.occurred_at, analysis.id or fact.natural_id, {"reason": fact.data.reason})


AFTERWARDS: dict[Kind, Callable[[Story, Fact], None]] = {
    Kind.RECORDING_STARTED: recording_started,
    Kind.RECORDING_READY: recording_ready,
    Kind.RECORDING_FAILED: recording_failed,
    Kind.TRANSCRIPT_READY: transcript_ready,
    Kind.TRANSCRIPT_FAILED: transcript_failed,
    Kind.ANALYZED: analyzed,
    Kind.ANALYSIS_FAILED: analysis_failed,
    Kind.ANALYSIS_SKIPPED: analysis_skipped,
    Kind.DISPOSITION_UPDATED: disposition_updated,
    Kind.WRAPPED_UP: wrapped_up,
    Kind.NOTED: noted,
}
