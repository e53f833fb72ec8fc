"""Why a leg or call failed: SIP codes, Q.850 codes and FreeSWITCH names as reasons. Tables only."""

from aftercall.domain.fact import Hangup, Reason

# https://www.itu.int/rec/T-REC-Q.850; 16 and 31 (normal clearing) say nothing: the facts decide.
Q850: dict[int, Reason] = {
    1: "invalid_number", 3: "invalid_number", 28: "invalid_number",
    17: "busy",
    18: "no_answer", 19: "no_answer",
    20: "unavailable", 27: "unavailable",
    21: "rejected",
    34: "congestion", 38: "congestion", 41: "congestion", 42: "congestion", 44: "congestion",
    102: "timeout",
}  # fmt: skip
NORMAL = frozenset({0, 16, 26, 31, 127})  # 127: interworking, unspecified
ELSEWHERE = frozenset(
    {"LOSE_RACE", "PICKED_OFF"}
)  # FreeSWITCH: another leg was quicker, or a colleague took it

NAMES: dict[str, Reason] = {
    "UNALLOCATED_NUMBER": "invalid_number", "NO_ROUTE_DESTINATION": "invalid_number",
    "INVALID_NUMBER_FORMAT": "invalid_number",
    "USER_BUSY": "busy",
    "NO_USER_RESPONSE": "no_answer", "NO_ANSWER": "no_answer", "ALLOTTED_TIMEOUT": "no_answer",
    "SUBSCRIBER_ABSENT": "unavailable", "DESTINATION_OUT_OF_ORDER": "unavailable",
    "USER_NOT_REGISTERED": "unavailable",
    "CALL_REJECTED": "rejected",
    "ORIGINATOR_CANCEL": "caller_cancelled",
    "NORMAL_CIRCUIT_CONGESTION": "congestion", "NETWORK_OUT_OF_ORDER": "congestion",
    "NORMAL_TEMPORARY_FAILURE": "congestion", "SWITCH_CONGESTION": "congestion",
    "RECOVERY_ON_TIMER_EXPIRE": "timeout", "MEDIA_TIMEOUT": "timeout",
    "GATEWAY_DOWN": "failed",
}  # fmt: skip

SIP: dict[int, Reason] = {
    404: "invalid_number", 484: "invalid_number", 604: "invalid_number",
    486: "busy", 600: "busy",
    408: "no_answer", 480: "no_answer",
    430: "unavailable", 502: "unavailable",
    603: "rejected",
    403: "blocked", 607: "blocked", 608: "blocked",
    487: "caller_cancelled",
    503: "congestion",
    504: "timeout",
}  # fmt: skip


def reason_of(hangup: Hangup | None) -> Reason | None:
    """The reason a hangup's causes give, the most particular first; None where they say "normal" or nothing.

    A SIP answer tells more than the Q.850 code a gateway made of it (403 and 603 are both 21).
    """
    if hangup is None or answered_elsewhere(hangup):
        return None
    return _of_sip(hangup.sip_code) or _of_name(hangup.cause) or _of_code(hangup.cause_code)


def answered_elsewhere(hangup: Hangup | None) -> bool:
    """Another leg was quicker (Q.850 26): true of a leg, never of a call."""
    return hangup is not None and (hangup.cause_code == 26 or hangup.cause in ELSEWHERE)


def _of_sip(code: int | None) -> Reason | None:
    if code is None or code < 400:
        return None
    return SIP.get(code) or ("failed" if code >= 500 else None)


def _of_name(name: str | None) -> Reason | None:
    if name is None:
        return None
    return NAMES.get(name) or ("failed" if name.endswith("_ERROR") else None)


def _of_code(code: int | None) -> Reason | None:
    if code is None or code in NORMAL or code > 127:  # FreeSWITCH numbers its own causes above Q.850's
        return None
    return Q850.get(code, "failed")
