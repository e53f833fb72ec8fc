"""What command_status means: SMPP 3.4, 5.1.3, and the registry's codes that Indian operators put there."""

from collections.abc import Mapping

from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.domain.message import ErrorClass
from aftercall.engine.messaging import Known

THROTTLED = frozenset({0x58, 0x14})
REFUSED = frozenset(
    {0x05, 0x0D, 0x0E, 0x0F}
)  # of a bind: trying again soon brings the same, and may lock us out
_AGAIN = frozenset({0x08, 0x14, 0x58, 0x64})  # the same message may be taken later

_ROWS: tuple[tuple[int, ErrorClass, str], ...] = (
    (0x01, "content", "The SMSC finds the message's length invalid: try another way of sending long messages"),
    (0x02, "config", "The SMSC could not read the PDU: try without additional TLVs, or interface version 3.3"),
    (0x03, "config", "The SMSC does not know this command"),
    (0x04, "config", "The bind does not allow it: a receiver cannot send"),
    (0x05, "credentials", "Already bound: another program, or another server, uses this login"),
    (0x06, "config", "The SMSC does not accept the priority"),
    (0x07, "config", "The SMSC does not accept how receipts are asked for: change `receipts`"),
    (0x08, "unavailable", "The SMSC has a problem of its own"),
    (0x0A, "sender", "The SMSC does not accept the sender: check that it is yours, and its TON and NPI"),
    (0x0B, "invalid_recipient", "The SMSC does not accept the recipient's number"),
    (0x0C, "config", "The SMSC finds the message id invalid"),
    (0x0D, "credentials", "The bind failed: check login, system type, and whether this server's address is allowed"),
    (0x0E, "credentials", "Wrong password"),
    (0x0F, "credentials", "Wrong system id"),
    (0x14, "throttled", "The SMSC's queue is full: messages go out more slowly for a while"),
    (0x15, "config", "The SMSC does not accept the service type"),
    (0x43, "config", "The SMSC does not accept esm_class: try another way of sending long messages"),
    (0x45, "unknown", "The SMSC did not take the message and does not say why"),
    (0x48, "sender", "The SMSC does not accept the sender's TON: set it on the connection"),
    (0x49, "sender", "The SMSC does not accept the sender's NPI: set it on the connection"),
    (0x50, "config", "The SMSC does not accept the recipient's TON: set it on the connection"),
    (0x51, "config", "The SMSC does not accept the recipient's NPI: set it on the connection"),
    (0x53, "config", "The SMSC does not accept the system type"),
    (0x54, "config", "The SMSC does not accept the replace flag"),
    (0x55, "config", "The SMSC does not accept the number of messages"),
    (0x58, "throttled", "More than the SMSC allows: messages go out more slowly; lower the connection's rate limit"),
    (0x61, "config", "The SMSC does not accept the time of delivery"),
    (0x62, "config", "The SMSC does not accept the validity: change `validity_format` or leave validity out"),
    (0x63, "config", "The SMSC does not know the predefined message"),
    (0x64, "unavailable", "The receiving side has a problem for the moment"),
    (0x65, "unknown", "The receiving side refuses the message"),
    (0x66, "unknown", "The receiving side rejects the message"),
    (0xC0, "config", "The SMSC finds an error in the optional parameters: check the TLVs"),
    (0xC1, "config", "The SMSC does not allow an optional parameter: check the TLVs"),
    (0xC2, "config", "The SMSC finds a parameter's length invalid: check the TLVs and their NUL"),
    (0xC3, "config", "The SMSC misses a TLV: in India entity, template or chain; check their tags"),
    (0xC4, "config", "The SMSC finds a parameter's value invalid: check the TLVs"),
    (0xFE, "unreachable", "The SMSC could not deliver the message"),
    (0xFF, "unknown", "The SMSC gives no reason"),
)  # fmt: skip


def code(status: int) -> str:
    """As logs and other tables have it: 0x0000000B."""
    return f"0x{status:08X}"


ERRORS: Mapping[str, Known] = {
    # 195 is 0xC3: SMPP's own, and the registry's.
    **{code(int(key)): known for key, known in DLT_ERRORS.items()},
    **{code(status): Known(error, hint, retry=status in _AGAIN) for status, error, hint in _ROWS},
}


def known(status: int) -> Known:
    """Its row. What nobody has described is no reason to send again."""
    found = ERRORS.get(code(status))
    return found or Known(
        "unknown", "The SMSC's own code: its documentation or its support know what it means"
    )
