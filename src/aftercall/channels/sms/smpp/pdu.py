"""PDUs of SMPP 3.4 as octets: the header, the framing of a stream, C-strings and TLVs. Pure, and tolerant.

https://smpp.org/SMPP_v3_4_Issue1_2.pdf sections 3 and 4
"""

import struct
from collections.abc import Iterator

import msgspec

BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, DATA_SM = 0x04, 0x05, 0x103
UNBIND, ENQUIRE_LINK, OUTBIND, ALERT_NOTIFICATION = 0x06, 0x15, 0x0B, 0x102
RESPONSE = 0x8000_0000  # set in the command of every response
GENERIC_NACK = 0x8000_0000

OK = 0x00
INVALID_MESSAGE_LENGTH, INVALID_COMMAND_LENGTH, INVALID_COMMAND = 0x01, 0x02, 0x03
TRY_AGAIN, NEVER = 0x64, 0x65  # ESME_RX_T_APPN and ESME_RX_P_APPN: what a receiver answers

LAST_SEQUENCE = 0x7FFF_FFFF
# message_payload holds 64 KB, and some TLVs come with it. What is longer is no PDU but a stream out of step.
LONGEST = 72 * 1024
_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")


class Malformed(Exception):
    """Octets that are no PDU; the text says what is wrong with them, and none of them."""


class Pdu(msgspec.Struct, frozen=True):
    command: int
    status: int
    sequence: int
    body: bytes = b""

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)


def encode(pdu: Pdu) -> bytes:
    return _HEADER.pack(16 + len(pdu.body), pdu.command, pdu.status, pdu.sequence) + pdu.body


class Framer:
    """Cuts a stream into PDUs. Holds one incomplete PDU at most."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """The PDUs that are complete now. Raises Malformed where the stream cannot be followed any further."""
        held, at = self._held, 0
        held += data
        while len(held) - at >= 4:
            length = int.from_bytes(held[at : at + 4], "big")
            if not 16 <= length <= LONGEST:
                raise Malformed(f"a PDU of {length} octets")
            if len(held) - at < length:
                break
            _, command, status, sequence = _HEADER.unpack_from(held, at)
            yield Pdu(command, status, sequence, bytes(held[at + 16 : at + length]))
            at += length
        del held[:at]


class Fields:
    """Reads the members of a body one after the other."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def octet(self) -> int:
        if self._at >= len(self._body):
            raise Malformed("a body that ends too early")
        self._at += 1
        return self._body[self._at - 1]

    def octets(self, count: int) -> bytes:
        """So many, or what is left."""
        found = self._body[self._at : self._at + count]
        self._at += len(found)
        return found

    def text(self) -> str:
        """A C-string. The last one of a body may lack its NUL."""
        end = self._body.find(b"\0", self._at)
        end = len(self._body) if end < 0 else end
        found = self._body[self._at : end]
        self._at = min(end + 1, len(self._body))
        return found.decode("latin-1")

    def tlvs(self) -> dict[int, bytes]:
        """What is left, as TLVs; of a tag that comes twice the first. A broken tail is left out."""
        found: dict[int, bytes] = {}
        while len(self._body) - self._at >= 4:
            tag, length = _TLV.unpack_from(self._body, self._at)
            start = self._at + 4
            if len(self._body) - start < length:
                break
            found.setdefault(tag, self._body[start : start + length])
            self._at = start + length
        return found


def c_string(value: str) -> bytes:
    """With its NUL. Raises ValueError for a character that SMPP's texts do not have."""
    if "\0" in value:
        raise ValueError("a NUL in a text")
    return value.encode("latin-1") + b"\0"


def tlv(tag: int, value: bytes) -> bytes:
    return _TLV.pack(tag, len(value)) + value
