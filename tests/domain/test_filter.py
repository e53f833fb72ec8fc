# Filters: which calls pass, and what is said of those that do not.

from typing import Any

import pytest

from aftercall.domain.call import Call
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Named
from aftercall.domain.filter import outcomes, refusal
from aftercall.domain.webhook import STATUSES, Filters
from tests.domain.samples import ANSWERED, BARE, MISSED, WEBHOOK, but

OUTBOUND = but(ANSWERED, direction="outbound", did=None, from_="+14085559876", to="+14085551234")


def said(call: Call, **filters: Any) -> str | None:
    return refusal(but(WEBHOOK, filters=Filters(**filters)), call)


@pytest.mark.parametrize(
    ("filters", "call"),
    [
        ({}, BARE),
        ({"directions": ("inbound",)}, ANSWERED),
        ({"call_types": ("direct", "dialer")}, ANSWERED),
        ({"numbers": ("+14085559876",)}, ANSWERED),
        ({"numbers": ("1 (408) 555-9876",)}, ANSWERED),
        ({"numbers": ("0014085559876",)}, ANSWERED),
        ({"numbers": ("+14085559876",)}, OUTBOUND),
        ({"queues": ("q_23",)}, ANSWERED),
        ({"queues": ("sales", "SUPPORT")}, ANSWERED),
        ({"agents": ("ag_102",)}, ANSWERED),
        ({"agents": ("jordan",)}, ANSWERED),
        ({"agents": ("14085550102",)}, ANSWERED),
        ({"agents": ("Kim",)}, ANSWERED),
        ({"agents": ("101",)}, MISSED),
        ({"agents": ("+1 408 555 0199",)}, MISSED),
        ({"tags": ("sales", "VIP")}, ANSWERED),
        ({"min_duration_seconds": 271, "max_duration_seconds": 271}, ANSWERED),
        ({"min_duration_seconds": 10}, but(ANSWERED, status=None, duration_seconds=None)),
    ],
)
def test_refusal_is_none_when_the_call_passes(filters: dict[str, Any], call: Call) -> None:
    assert said(call, **filters) is None


@pytest.mark.parametrize(
    ("filters", "call", "code"),
    [
        ({"directions": ("outbound",)}, ANSWERED, "direction:inbound"),
        ({"directions": ("outbound",)}, BARE, "direction:unknown"),
        ({"call_types": ("dialer",)}, ANSWERED, "call_type:direct"),
        ({"numbers": ("+14085550000",)}, ANSWERED, "number"),
        ({"numbers": ("+14085550000",)}, BARE, "number"),
        ({"numbers": ("reception",)}, but(ANSWERED, did="kitchen"), "number"),
        ({"queues": ("sales",)}, ANSWERED, "queue"),
        ({"queues": ("sales",)}, BARE, "queue"),
        ({"queues": ("",)}, but(ANSWERED, queue=Named()), "queue"),
        ({"agents": ("Robin",)}, ANSWERED, "agent"),
        ({"agents": ("Robin",)}, BARE, "agent"),
        ({"tags": ("sales",)}, ANSWERED, "tag"),
        ({"min_duration_seconds": 272}, ANSWERED, "min_duration"),
        ({"min_duration_seconds": 1}, but(MISSED, duration_seconds=None), "min_duration"),
        ({"max_duration_seconds": 270}, ANSWERED, "max_duration"),
        ({"directions": ("inbound",), "tags": ("sales",)}, ANSWERED, "tag"),
    ],
)
def test_refusal_names_the_first_filter_that_fails(filters: dict[str, Any], call: Call, code: str) -> None:
    assert said(call, **filters) == code


def test_outcomes_count_once_the_call_has_one() -> None:
    webhook = but(WEBHOOK, events=("answered", "voicemail"))
    assert refusal(webhook, ANSWERED) is None
    assert refusal(webhook, MISSED) == "outcome:missed"
    assert refusal(webhook, but(MISSED, status=None)) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["answered", "missed", "voicemail"], STATUSES),
        (["missed"], ("missed", "abandoned")),
        (["missed_only"], ("missed",)),
        (["missed", "abandoned"], ("missed", "abandoned")),
        (["abandoned"], ("abandoned",)),
        (["Answered", "Missed/Abandoned", "Voicemail"], STATUSES),
        (["Missed / Abandoned"], ("missed", "abandoned")),
        (["voicemail", "answered", "answered"], ("answered", "voicemail")),
        ([], STATUSES),
    ],
)
def test_outcomes_reads_what_people_and_clients_write(written: list[str], meant: tuple[str, ...]) -> None:
    assert outcomes(written)[0] == meant


def test_outcomes_says_so_when_missed_is_taken_to_mean_more() -> None:
    assert outcomes(["answered", "missed"])[1] is not None
    assert outcomes(["missed", "abandoned"])[1] is None
    assert outcomes(["Missed/Abandoned"])[1] is None


def test_outcomes_refuses_what_is_none() -> None:
    with pytest.raises(Invalid, match="events"):
        outcomes(["answered", "vanished"])
