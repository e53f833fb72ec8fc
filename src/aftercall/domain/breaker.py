"""The circuit breaker of a receiver (W12): slows down on repeated failure, recovers by itself. Pure.

Closed until 5 failures in a row; then one probe at a time, following the retry schedule; one success closes it.
"""

from datetime import datetime, timedelta

import msgspec

from aftercall.domain.delivery import Channel, Outcome

OPENS_AFTER = 5  # consecutive failures
DISABLES_AFTER = timedelta(hours=24)  # of nothing but failures
JITTER = 0.2
# Of messages: what the next one would meet, too.
LANE_ERRORS = frozenset({
    "dns", "address_refused", "connect", "tls", "timeout", "protocol", "invalid_url", "unavailable", "credentials",
    "credit", "config",
})  # fmt: skip
# Of messages: what a provider says of one only after it has let us in and read it.
ANSWERS = frozenset({
    "invalid_recipient", "unreachable", "opted_out", "blocked", "filtered", "content", "template", "registration",
    "sender", "window",
})  # fmt: skip


class LaneState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a webhook's receiver between attempts and restarts."""

    account_id: str
    destination_id: str
    failures: int = 0  # consecutive
    failing_since: datetime | None = None
    open_until: datetime | None = None  # the breaker is open; the next probe is due then
    probes: int = 0
    destination_version: int = 0  # the webhook as it was when it failed last
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_error: str | None = None

    @property
    def is_open(self) -> bool:
        return self.open_until is not None


def counts(channel: Channel, outcome: Outcome) -> bool:
    """Whether a failure is the receiver's as such: a text to a wrong number says nothing about the next one."""
    return channel == "webhook" or outcome.error in LANE_ERRORS


def answered(channel: Channel, outcome: Outcome) -> bool:
    """Whether a failure shows that the receiver is well: its failures before were not the last of a row."""
    return channel != "webhook" and outcome.error in ANSWERS


def succeeded(state: LaneState, now: datetime) -> LaneState:
    return LaneState(account_id=state.account_id, destination_id=state.destination_id, last_success_at=now)


def failed(
    state: LaneState, now: datetime, error: str, schedule: tuple[int, ...], jitter: float = 0.0
) -> LaneState:
    """`jitter` is drawn by the caller from [-1, 1]."""
    failures = state.failures + 1
    open_until, probes = state.open_until, state.probes
    if failures >= OPENS_AFTER and (open_until is None or now >= open_until):
        wait = schedule[min(probes, len(schedule) - 1)] * (1 + JITTER * jitter)
        open_until, probes = now + timedelta(seconds=wait), probes + 1
    return msgspec.structs.replace(
        state,
        failures=failures,
        failing_since=state.failing_since or now,
        open_until=open_until,
        probes=probes,
        last_failure_at=now,
        last_error=error,
    )


def given_up(state: LaneState, now: datetime) -> bool:
    """Whether there has been nothing but failure for so long that the webhook is disabled."""
    return state.failing_since is not None and now - state.failing_since >= DISABLES_AFTER
