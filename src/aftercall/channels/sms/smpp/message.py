"""The bodies of submit_sm, deliver_sm and data_sm: one short message with its addresses. Pure."""

import msgspec

from aftercall.channels.sms.smpp.pdu import DATA_SM, Fields, c_string, tlv

RECEIPTED_MESSAGE_ID, MESSAGE_STATE, NETWORK_ERROR_CODE = 0x001E, 0x0427, 0x0423
MESSAGE_PAYLOAD = 0x0424
SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020C, 0x020E, 0x020F
UDHI = 0x40  # in esm_class: the message begins with a user data header
LONGEST_SHORT_MESSAGE = 254


class Address(msgspec.Struct, frozen=True):
    value: str = ""
    ton: int = 0
    npi: int = 0

    def encode(self) -> bytes:
        return bytes([self.ton, self.npi]) + c_string(self.value)


class ShortMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`content` is short_message, or message_payload where that stands in for it."""

    source: Address = Address()
    destination: Address = Address()
    service_type: str = ""
    esm_class: int = 0
    protocol: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    default_message: int = 0
    content: bytes = b""
    tlvs: dict[int, bytes] = {}


def encode(message: ShortMessage) -> bytes:
    """As submit_sm and deliver_sm have it. A long content goes as message_payload."""
    short, tlvs = message.content, message.tlvs
    if len(short) > LONGEST_SHORT_MESSAGE:
        short, tlvs = b"", tlvs | {MESSAGE_PAYLOAD: message.content}
    return b"".join((
        c_string(message.service_type),
        message.source.encode(),
        message.destination.encode(),
        bytes([message.esm_class, message.protocol, message.priority]),
        c_string(message.schedule),
        c_string(message.validity),
        bytes([message.registered_delivery, message.replace_if_present, message.data_coding]),
        bytes([message.default_message, len(short)]),
        short,
        *(tlv(tag, value) for tag, value in tlvs.items()),
    ))  # fmt: skip


def decode(command: int, body: bytes) -> ShortMessage:
    """What a submit_sm, deliver_sm or data_sm carries. Raises Malformed."""
    fields = Fields(body)
    service_type, source, destination = fields.text(), _address(fields), _address(fields)
    if command == DATA_SM:
        esm_class, registered, coding = fields.octet(), fields.octet(), fields.octet()
        tlvs = fields.tlvs()
        return ShortMessage(
            service_type=service_type, source=source, destination=destination, esm_class=esm_class,
            registered_delivery=registered, data_coding=coding, content=tlvs.pop(MESSAGE_PAYLOAD, b""), tlvs=tlvs,
        )  # fmt: skip
    esm_class, protocol, priority = fields.octet(), fields.octet(), fields.octet()
    schedule, validity = fields.text(), fields.text()
    registered, replace, coding, default = (fields.octet() for _ in range(4))
    content = fields.octets(fields.octet())
    tlvs = fields.tlvs()
    payload = tlvs.pop(MESSAGE_PAYLOAD, b"")
    return ShortMessage(
        service_type=service_type, source=source, destination=destination, esm_class=esm_class,
        protocol=protocol, priority=priority, schedule=schedule, validity=validity,
        registered_delivery=registered, replace_if_present=replace, data_coding=coding, default_message=default,
        content=content or payload, tlvs=tlvs,
    )  # fmt: skip


def _address(fields: Fields) -> Address:
    ton, npi = fields.octet(), fields.octet()
    return Address(fields.text(), ton, npi)
