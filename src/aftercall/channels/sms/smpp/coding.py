"""What the octets of a message are: data_coding, and the user data header in front of them. Pure.

data_coding: SMPP 3.4, 5.2.19, and 3GPP TS 23.038, 4. The header: 3GPP TS 23.040, 9.2.3.24.
"""

from typing import Literal

import msgspec

from aftercall.channels.sms.smpp.message import SAR_NUMBER, SAR_REFERENCE, SAR_TOTAL, UDHI, ShortMessage
from aftercall.domain import gsm7

Alphabet = Literal["gsm", "latin1"]  # what the octets of data_coding 0 are
# 1: IA5, 3: Latin 1, 5: JIS, 6: Cyrillic, 7: Hebrew, 8: UCS-2, 13: extended Kanji, 14: KS C 5601.
_CODECS = {
    1: "ascii", 3: "latin-1", 5: "shift_jis", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be",
    13: "euc_jp", 14: "euc_kr",
}  # fmt: skip
_CONCATENATED_8, _CONCATENATED_16 = 0x00, 0x08


class Piece(msgspec.Struct, frozen=True):
    """Which part of which long message this is."""

    reference: int
    total: int
    number: int


def read(message: ShortMessage, alphabet: Alphabet) -> tuple[str, Piece | None]:
    """The text, and which part of a longer one it is. Anything can be read: what is odd becomes U+FFFD."""
    content, piece = message.content, _by_tlv(message)
    if message.esm_class & UDHI and content:
        header, content = content[1 : 1 + content[0]], content[1 + content[0] :]
        piece = _by_header(header) or piece
    return decode(content, message.data_coding, alphabet).replace("\0", ""), piece


def decode(content: bytes, data_coding: int, alphabet: Alphabet) -> str:
    codec = _codec(data_coding)
    if codec is not None:
        return content.decode(codec, "replace")
    return gsm7.decode(content) if alphabet == "gsm" else content.decode("latin-1")


def encode(text: str, alphabet: Alphabet) -> bytes:
    """Raises ValueError for a character that the alphabet does not have."""
    return gsm7.encode(text) if alphabet == "gsm" else text.encode("latin-1")


def header(piece: Piece) -> bytes:
    """The user data header of a part, with an 8-bit reference."""
    return bytes([5, _CONCATENATED_8, 3, piece.reference & 0xFF, piece.total, piece.number])


def is_wide(data_coding: int) -> bool:
    return _codec(data_coding) == "utf-16-be"


def _codec(data_coding: int) -> str | None:
    """None: the SMSC's default alphabet."""
    if data_coding in _CODECS:
        return _CODECS[data_coding]
    if data_coding >= 0xF0:  # with a message class
        return "latin-1" if data_coding & 0x04 else None
    if 0x10 <= data_coding < 0x40 and data_coding & 0x0C == 0x08:
        return "utf-16-be"
    return None


def _by_header(header: bytes) -> Piece | None:
    at = 0
    while at + 2 <= len(header):
        kind, value = header[at], header[at + 2 : at + 2 + header[at + 1]]
        if kind == _CONCATENATED_8 and len(value) == 3:
            return _piece(value[0], value[1], value[2])
        if kind == _CONCATENATED_16 and len(value) == 4:
            return _piece(int.from_bytes(value[:2], "big"), value[2], value[3])
        at += 2 + len(value)
    return None


def _by_tlv(message: ShortMessage) -> Piece | None:
    values = [message.tlvs.get(tag) for tag in (SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER)]
    if not all(values):
        return None
    reference, total, number = (int.from_bytes(value or b"", "big") for value in values)
    return _piece(reference & 0xFFFF, total, number)


def _piece(reference: int, total: int, number: int) -> Piece | None:
    """None where the numbers make no sense, or the text is whole."""
    return Piece(reference, total, number) if 1 <= number <= total <= 255 and total > 1 else None
