# The cause map: every line of it by its three names.

import pytest

from aftercall.domain.causes import answered_elsewhere, reason_of
from aftercall.domain.fact import Hangup, Reason


@pytest.mark.parametrize(
    ("reason", "codes", "names", "sip"),
    [
        (
            "invalid_number",
            (1, 3, 28),
            ("UNALLOCATED_NUMBER", "NO_ROUTE_DESTINATION", "INVALID_NUMBER_FORMAT"),
            (404, 484, 604),
        ),
        ("busy", (17,), ("USER_BUSY",), (486, 600)),
        ("no_answer", (18, 19), ("NO_USER_RESPONSE", "NO_ANSWER", "ALLOTTED_TIMEOUT"), (408, 480)),
        (
            "unavailable",
            (20, 27),
            ("SUBSCRIBER_ABSENT", "DESTINATION_OUT_OF_ORDER", "USER_NOT_REGISTERED"),
            (430, 502),
        ),
        ("rejected", (21,), ("CALL_REJECTED",), (603,)),
        ("blocked", (), (), (403, 607, 608)),
        ("caller_cancelled", (), ("ORIGINATOR_CANCEL",), (487,)),
        (
            "congestion",
            (34, 38, 41, 42, 44),
            (
                "NORMAL_CIRCUIT_CONGESTION",
                "NETWORK_OUT_OF_ORDER",
                "NORMAL_TEMPORARY_FAILURE",
                "SWITCH_CONGESTION",
            ),
            (503,),
        ),
        ("timeout", (102,), ("RECOVERY_ON_TIMER_EXPIRE", "MEDIA_TIMEOUT"), (504,)),
        ("failed", (63, 111), ("PROTOCOL_ERROR", "GATEWAY_DOWN"), (500, 580, 606)),
        (None, (0, 16, 26, 31, 127, 487), ("NORMAL_CLEARING", "LOSE_RACE", "BLIND_TRANSFER"), (200, 401)),
    ],
)
def test_causes_are_read_as(
    reason: Reason | None, codes: tuple[int, ...], names: tuple[str, ...], sip: tuple[int, ...]
) -> None:
    hangups = [Hangup(cause_code=c) for c in codes] + [Hangup(cause=n) for n in names]
    hangups += [Hangup(sip_code=s) for s in sip]
    assert [reason_of(hangup) for hangup in hangups] == [reason] * len(hangups)


def test_nothing_said_is_no_reason() -> None:
    assert reason_of(None) is None
    assert reason_of(Hangup()) is None


def test_the_sip_answer_tells_more_than_the_code_made_of_it() -> None:
    assert reason_of(Hangup(cause_code=21, cause="CALL_REJECTED", sip_code=403)) == "blocked"
    assert reason_of(Hangup(cause_code=16, sip_code=486)) == "busy"


@pytest.mark.parametrize("hangup", [Hangup(cause_code=26), Hangup(cause="LOSE_RACE", cause_code=16)])
def test_a_lost_race_is_no_reason(hangup: Hangup) -> None:
    assert answered_elsewhere(hangup)
    assert reason_of(hangup) is None
