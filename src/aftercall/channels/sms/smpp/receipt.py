"""Reads delivery receipts. Pure. The text's form is SMPP 3.4, appendix B: a suggestion that everybody varies.

Fields are taken wherever they stand, up to `text:`, behind which people's own words begin. TLVs fill in what is not
there.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.channels.sms.smpp import coding
from aftercall.channels.sms.smpp.ids import Ids
from aftercall.channels.sms.smpp.message import (
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPTED_MESSAGE_ID,
    ShortMessage,
)
from aftercall.channels.sms.smpp.settings import Settings
from aftercall.domain.message import ErrorClass, Receipt, ReceiptStatus

_TYPE, _RECEIPT, _INTERMEDIATE = 0x3C, 0x04, 0x20  # of esm_class: 5.2.12
_NAMES = "id|sub|dlvrd|submit date|done date|stat|err|text"
_FIELD = re.compile(rf"\b({_NAMES}):\s*((?:(?!(?:{_NAMES}):)\S+)?)", re.IGNORECASE)
_LOOKS_LIKE_ONE = re.compile(r"\s*id:\s*\S+ .*\bstat:\s*[a-z]+", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[\w.+-]{1,40}", re.ASCII)
_STATES = {1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN",
           8: "REJECTD", 0: "SCHEDULED", 9: "SKIPPED"}  # fmt: skip
# By the first five letters, which short and long forms share. ACCEPTD is what aggregators say of a message that the
# operator has taken: it is not the end.
_MEANING: dict[str, tuple[ReceiptStatus, ErrorClass | None, str]] = {
    "SCHED": ("queued", None, "The SMSC will send it later"),
    "ENROU": ("sent", None, "On its way"),
    "ACCEP": ("sent", None, "The operator has taken it"),
    "DELIV": ("delivered", None, ""),
    "EXPIR": ("expired", "expired", "The phone could not be reached within the message's validity"),
    "DELET": ("failed", "unknown", "The SMSC or the operator deleted it"),
    "UNDEL": ("undelivered", "unreachable", "The operator could not deliver it"),
    "REJEC": ("rejected", "blocked", "The operator rejected it"),
    "FAILE": ("failed", "unknown", "The SMSC says that it failed"),
    "SKIPP": ("failed", "unknown", "The SMSC skipped it"),
    "UNKNO": ("failed", "unknown", "The SMSC does not know what became of it"),
}


def is_receipt(message: ShortMessage, text: str) -> bool:
    """Some SMSCs forget the mark in esm_class; what is written like a receipt is one."""
    marked = message.esm_class & _TYPE in (_RECEIPT, _INTERMEDIATE)
    return marked or RECEIPTED_MESSAGE_ID in message.tlvs or _LOOKS_LIKE_ONE.match(text) is not None


def read(message: ShortMessage, text: str, settings: Settings, ids: Ids) -> Receipt | None:
    """None for a receipt that does not say what of, or what."""
    fields = _fields(text)
    tlv_id = message.tlvs.get(RECEIPTED_MESSAGE_ID, b"").split(b"\0")[0].decode("latin-1")
    provider_id = ids.told(tlv_id, fields.get("id", ""))
    state = _state(message, fields)
    if provider_id is None or state is None:
        return None
    status, error, detail = _MEANING.get(state[:5], ("failed", "unknown", "The SMSC uses a word of its own"))
    code = _code(message, fields)
    known = DLT_ERRORS.get(code or "")
    if error is not None and known is not None:
        error, detail = known.error, known.hint
    return Receipt(
        provider_id=provider_id,
        status=status,
        provider_status=state,
        provider_code=code,
        error=error,
        detail=detail,
        at=moment(fields.get("done date", ""), settings.receipt_timezone),
    )


def text_of(message: ShortMessage) -> str:
    """A receipt's text is ASCII, whatever alphabet plain texts are in."""
    content = message.content
    if coding.is_wide(message.data_coding):
        return content.decode("utf-16-be", "replace")
    return content.decode("latin-1").replace("\0", "")


def moment(digits: str, zone: str) -> datetime | None:
    """YYMMDDhhmm, with seconds or with the century as well; None for anything else."""
    for length, form in ((10, "%y%m%d%H%M"), (14, "%Y%m%d%H%M%S"), (12, "%Y%m%d%H%M"), (12, "%y%m%d%H%M%S")):
        if len(digits) != length or not (digits.isascii() and digits.isdigit()):
            continue
        # Of twelve digits, those that begin with 20 have a century: no SMSC tells what happened in 2020.
        if length == 12 and digits.startswith("20") != (form[1] == "Y"):
            continue
        try:
            return datetime.strptime(digits, form).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        except ValueError:
            return None
    return None


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        name = match[1].lower()
        if name == "text":
            break
        found.setdefault(name, match[2])
    return found


def _state(message: ShortMessage, fields: dict[str, str]) -> str | None:
    word = fields.get("stat", "").upper()
    if word[:5] in _MEANING:
        return word
    number = message.tlvs.get(MESSAGE_STATE, b"")
    if number and number[-1] in _STATES:
        return _STATES[number[-1]]
    return word if _WORD.fullmatch(word) else None


def _code(message: ShortMessage, fields: dict[str, str]) -> str | None:
    """`err` as it is written, a word as well; else the network's error code. None where it says that all is well."""
    err = fields.get("err", "")
    if _WORD.fullmatch(err) and err.strip("0"):
        return err
    network = message.tlvs.get(NETWORK_ERROR_CODE, b"")
    number = int.from_bytes(network[1:3], "big") if len(network) >= 3 else 0
    return str(number) if number else None
