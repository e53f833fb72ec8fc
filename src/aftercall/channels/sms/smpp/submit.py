"""One text as the submits it takes: encoded, cut into parts, addressed, with what the connection adds. Pure."""

from datetime import datetime, timedelta

import msgspec

from aftercall.channels.sms.smpp import coding
from aftercall.channels.sms.smpp.coding import Piece
from aftercall.channels.sms.smpp.message import (
    SAR_NUMBER,
    SAR_REFERENCE,
    SAR_TOTAL,
    UDHI,
    Address,
    ShortMessage,
)
from aftercall.channels.sms.smpp.settings import Settings
from aftercall.domain.message import Encoding, ErrorClass, SenderKind, Sms
from aftercall.domain.segments import parts

_REGISTERED = {"none": 0, "final": 1, "failure": 2, "all": 0x11}  # 5.2.17; 0x10: intermediate ones as well
# TON 5 is alphanumeric, 1 international, 3 network specific; NPI 1 is E.164 (5.2.5 and 5.2.6).
_BY_KIND: dict[SenderKind, tuple[int, int]] = {
    "alphanumeric": (5, 0), "dlt_header": (5, 0), "short_code": (3, 0),
    "long_code": (1, 1), "toll_free": (1, 1), "pool": (1, 1),
}  # fmt: skip
_LONGEST_ADDRESS = 20
_MOST_PARTS = 255


class Unsendable(Exception):
    """A text that cannot be written as SMPP. Says why, without a word of it."""

    def __init__(self, error: ErrorClass, detail: str) -> None:
        super().__init__(detail)
        self.error, self.detail = error, detail


def compose(sms: Sms, settings: Settings, reference: int, now: datetime) -> list[ShortMessage]:
    """The submits, in order. `reference` joins the parts of a long text on the phone. Raises Unsendable."""
    encoding = _encoding(sms, settings)
    cut = [sms.text] if settings.long_messages == "payload" else parts(sms.text, encoding)
    if len(cut) > _MOST_PARTS:
        raise Unsendable(
            "content", f"the text makes {len(cut)} parts; {_MOST_PARTS} is the most there can be"
        )
    whole = ShortMessage(
        service_type=settings.service_type,
        source=_source(sms, settings),
        destination=_destination(sms.to, settings),
        validity=_validity(sms.validity_seconds or settings.validity_seconds, settings, now),
        registered_delivery=_REGISTERED[settings.receipts],
        data_coding=settings.gsm_data_coding if encoding == "gsm7" else settings.ucs2_data_coding,
        tlvs=_tlvs(sms, settings),
    )
    made = [msgspec.structs.replace(whole, content=_octets(part, encoding, settings)) for part in cut]
    if len(made) == 1:
        return made
    pieces = [Piece(reference, len(made), number) for number in range(1, len(made) + 1)]
    return [_marked(message, piece, settings) for message, piece in zip(made, pieces, strict=True)]


def _encoding(sms: Sms, settings: Settings) -> Encoding:
    """UCS-2 also where the connection's alphabet lacks a character that GSM's has: Latin 1 has no euro."""
    if sms.encoding == "gsm7" and settings.alphabet == "latin1":
        try:
            coding.encode(sms.text, "latin1")
        except ValueError:
            return "ucs2"
    return sms.encoding


def _octets(part: str, encoding: Encoding, settings: Settings) -> bytes:
    try:
        if encoding == "ucs2":
            return part.encode("utf-16-be")
        return coding.encode(part, settings.alphabet)
    except ValueError as error:  # UnicodeEncodeError, with the text in it, is one
        why = "half a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        raise Unsendable("content", f"the text cannot be encoded: {why}") from None


def _marked(message: ShortMessage, piece: Piece, settings: Settings) -> ShortMessage:
    if settings.long_messages == "udh":
        content = coding.header(piece) + message.content
        return msgspec.structs.replace(message, content=content, esm_class=message.esm_class | UDHI)
    if settings.long_messages == "each":
        return message
    sar = {
        SAR_REFERENCE: (piece.reference & 0xFFFF).to_bytes(2, "big"),
        SAR_TOTAL: bytes([piece.total]),
        SAR_NUMBER: bytes([piece.number]),
    }
    return msgspec.structs.replace(message, tlvs=message.tlvs | sar)


def _source(sms: Sms, settings: Settings) -> Address:
    if not sms.sender:
        return Address("", settings.source_ton or 0, settings.source_npi or 0)
    ton, npi = _BY_KIND[sms.sender_kind]
    ton = ton if settings.source_ton is None else settings.source_ton
    npi = npi if settings.source_npi is None else settings.source_npi
    value = sms.sender if settings.plus or ton == 5 else sms.sender.removeprefix("+")
    if not _is_address(value):
        raise Unsendable("sender", "the sender has more than 20 characters, or some that SMPP does not have")
    return Address(value, ton, npi)


def _destination(to: str, settings: Settings) -> Address:
    value = to if settings.plus else to.removeprefix("+")
    if not value or not _is_address(value):
        raise Unsendable("invalid_recipient", "there is no number to send to")
    return Address(value, settings.destination_ton, settings.destination_npi)


def _is_address(value: str) -> bool:
    return len(value) <= _LONGEST_ADDRESS and value.isascii() and value.isprintable()


def _validity(seconds: int | None, settings: Settings, now: datetime) -> str:
    """7.1.1: YYMMDDhhmmsstnnp. A relative one has R at its end, an absolute one how far it is from UTC."""
    if seconds is None:
        return ""
    if settings.validity_format == "absolute":
        return f"{now + timedelta(seconds=seconds):%y%m%d%H%M%S}000+"
    minutes, second = divmod(min(seconds, 28 * 86_400), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"0000{days:02}{hour:02}{minute:02}{second:02}000R"


def _tlvs(sms: Sms, settings: Settings) -> dict[int, bytes]:
    found = {int(one.tag, 16): one.octets() for one in settings.tlvs}
    if sms.dlt is None:
        return found
    end = "\0" if settings.dlt_null_terminated else ""
    for tag, value in (
        (settings.dlt_entity_tag, sms.dlt.entity_id),
        (settings.dlt_template_tag, sms.dlt.template_id),
        (settings.dlt_chain_tag, ",".join(sms.dlt.chain)),
    ):
        if tag and value:
            found[int(tag, 16)] = (value + end).encode("ascii", "replace")
    return found
