"""A story read as a call. Pure: it may be read at any time, and reads the same each time."""

from datetime import datetime, timedelta

from aftercall.domain.call import Call, Digit, Phase
from aftercall.domain.fact import Reason, Status
from aftercall.domain.fold import outcome, seconds
from aftercall.domain.fold.cast import cast, flow
from aftercall.domain.fold.span import Span
from aftercall.domain.fold.story import Story


def read(story: Story) -> Call:
    said, end = story.said, story.ended_at
    span, inferred = outcome.conversation(story)
    connected_at, reckoned = outcome.connected_at(story, span)
    started_at = _started_at(story)
    if reckoned and connected_at is not None and started_at is not None:
        connected_at = max(connected_at, started_at)
    server_answered_at = said.answered_at or story.server_answered_at
    status: Status | None = None
    reason: Reason | None = None
    hangup = said.hangup
    duration = talk = billable = bridged = None
    if end is not None and started_at is not None:
        by = outcome.who_hung_up(story)
        hangup = outcome.hangup_of(story, by)
        status, reason = outcome.decide(story, talked_at_all=connected_at is not None, by=by)
        duration = seconds.whole(said.duration_seconds, end - started_at)
        talk = bridged = min(
            seconds.whole(said.talk_time_seconds, outcome.talked(story, span, end)), duration
        )
        billable = seconds.billable(story, server_answered_at or connected_at, end)
    agent, agents = cast(story, status, reason)
    wait, in_menus = seconds.places(story)
    return Call(
        source_call_key=story.call_key,
        uuid=story.uuid,
        parent_call_id=story.parent_call_id,
        phase=_phase(story, span),
        direction=outcome.direction_of(story),
        call_type=story.call_type or "direct",
        from_=story.from_,
        to=story.to,
        from_name=story.from_name,
        to_name=story.to_name,
        from_presentation=story.from_presentation,
        did=story.did,
        caller_id=story.caller_id,
        status=status,
        reason=reason,
        hangup=hangup,
        queue=story.queue,
        ivr=story.ivr,
        auto_attendant=story.auto_attendant,
        agent=agent,
        agents=agents,
        campaign=story.campaign,
        broadcast=story.broadcast,
        lead=story.lead,
        started_at=started_at,
        server_answered_at=server_answered_at,
        connected_at=connected_at,
        ended_at=end,
        customer_dialed=outcome.customer_dialed(story),
        customer_answered_at=story.customer_answered_at,
        duration_seconds=duration,
        billable_seconds=billable,
        talk_time_seconds=talk,
        bridged_seconds=bridged,
        ring_time_seconds=seconds.ring(story, agents, connected_at),
        wait_seconds=wait,
        ivr_seconds=in_menus,
        hold_seconds=seconds.hold(story, duration),
        outbound_seconds=seconds.outbound(story, duration),
        wrap_up_seconds=seconds.wrap_up(story),
        recordings=tuple(story.recordings.values()),
        recording_url=_recording_url(story),
        transcript=story.transcript,
        analysis=story.analysis,
        digits=_digits(story),
        call_flow=flow(story, agents),
        disposition=story.disposition,
        sub_disposition=story.sub_disposition,
        disposition_at=story.disposition_at,
        disposition_by=story.disposition_by,
        notes=story.notes,
        tags=tuple(story.tags),
        custom_fields=dict(story.custom_fields),
        billing=story.billing,
        is_test=story.is_test,
        final=story.final,
        data_quality=_flags(story, inferred=inferred or reckoned),
    )


def _started_at(story: Story) -> datetime | None:
    """The earliest start told; without one (H5) the end less the duration, else the earliest sign there is.

    Nothing of the call happened before it (H12): an answer or end that claims so moves it.
    """
    said, end = story.said, story.ended_at
    start = story.start_at
    if start is None and end is not None:
        known = said.duration_seconds, said.billable_seconds, said.talk_time_seconds
        if any(seconds is not None for seconds in known):
            start = end - timedelta(seconds=max(seconds or 0 for seconds in known))
    earliest = start or story.first_at or end or story.first_fact_at
    for sign in (story.first_at, end, story.server_answered_at, said.answered_at, said.connected_at):
        if sign is not None and earliest is not None and sign < earliest:
            earliest = sign
    return earliest


def _recording_url(story: Story) -> str | None:
    """The last recording that can be fetched."""
    url = None
    for recording in story.recordings.values():
        if recording.status == "ready" and recording.url:
            url = recording.url
    return url


def _digits(story: Story) -> tuple[Digit, ...]:
    """The keys as they were pressed; of a finished call that lists them, without their times."""
    if not story.digits and story.said.digits and story.ended_at is not None:
        return tuple(Digit(key, story.ended_at) for key in story.said.digits)
    return tuple(story.digits)


def _phase(story: Story, span: Span) -> Phase:
    """Where the call is, as far as the last fact tells (C4.2)."""
    if story.ended_at is not None:
        return "ended"
    if story.held.legs:
        return "held"
    if span.legs:
        return "connected"
    dialing = story.ringing or any(not (c.answered or c.missed) for c in story.customers.values())
    if dialing:
        return "dialing"
    if story.where is not None:
        return "in_menu" if story.where == "menu" else "queued"
    if story.ringing_at is not None and not story.server_answered_at:
        return "ringing"
    if story.implied_direction is None:
        return "new"
    return "received" if story.implied_direction == "inbound" else "initiated"


def _flags(story: Story, *, inferred: bool) -> tuple[str, ...]:
    """What the parsers flagged, then what we did."""
    flags = list(story.flags)
    if story.start_at is None:
        flags.append("start_missing")
    if story.end_rank == outcome.ORPHANED:
        flags.append("end_missing")
    if inferred:
        flags.append("answer_inferred")
    if story.after_end:
        flags.append("late_events")
    if story.shortened:
        flags.append("shortened")
    return tuple(dict.fromkeys(flags)) if story.flags else tuple(flags)
