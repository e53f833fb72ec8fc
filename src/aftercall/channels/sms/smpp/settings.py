"""What an admin fills in for an SMPP connection. How many messages a second go is the connection's own setting."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from aftercall.channels.sms.smpp.coding import Alphabet
from aftercall.channels.sms.smpp.ids import Form
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Invalid

Bind = Literal["transceiver", "transmitter", "receiver"]
Long = Literal["udh", "sar", "payload", "each"]
Receipts = Literal["final", "failure", "all", "none"]
Number = Annotated[int, Meta(ge=0, le=255)]
Hexadecimal = Annotated[
    str, Meta(pattern=r"^(0x[0-9A-Fa-f]{4})?$", description="0x and four digits; empty: not sent.")
]
ASCII = r"^[\x20-\x7e]*$"


class Tlv(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more parameter on every message."""

    tag: Annotated[str, Meta(pattern=r"^0x[0-9A-Fa-f]{4}$", description="0x and four digits.")]
    value: Annotated[str, Meta(max_length=500, pattern=ASCII)]
    form: Annotated[
        Literal["text", "c_string", "hex"],
        Meta(
            description="text: its characters; c_string: with a NUL behind them; hex: octets as pairs of digits."
        ),
    ] = "text"

    def octets(self) -> bytes:
        if self.form == "hex":
            return bytes.fromhex(self.value)
        return self.value.encode("ascii") + (b"\0" if self.form == "c_string" else b"")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything but host, system id and password has a value that suits most SMSCs."""

    host: Annotated[str, Meta(min_length=1, max_length=253, description="Name or address of the SMSC.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="2775 as a rule; often 3550 with TLS.")] = 2775
    tls: Annotated[bool, Meta(description="The whole connection in TLS.")] = False
    system_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=ASCII, description="The login.")]
    password: Annotated[
        str, Meta(max_length=128, pattern=ASCII, description="SMPP allows 8; many SMSCs more.")
    ] = ""
    system_type: Annotated[
        str, Meta(max_length=12, pattern=ASCII, description="Only where the SMSC asks for it.")
    ] = ""
    bind: Annotated[
        Bind,
        Meta(description="transceiver sends and hears; transmitter hears no receipts; receiver only hears."),
    ] = "transceiver"
    interface_version: Literal["3.3", "3.4", "5.0"] = "3.4"
    address_range: Annotated[
        str, Meta(max_length=40, pattern=ASCII, description="Which numbers to hear for.")
    ] = ""
    service_type: Annotated[str, Meta(max_length=5, pattern=ASCII)] = ""

    source_ton: Annotated[Number | None, Meta(description="Type of number of senders; empty: by kind.")] = (
        None
    )
    source_npi: Annotated[Number | None, Meta(description="Numbering plan of senders; empty: by kind.")] = (
        None
    )
    destination_ton: Number = 1
    destination_npi: Number = 1
    plus: Annotated[bool, Meta(description="Whether numbers are written with a plus.")] = False

    alphabet: Annotated[Alphabet, Meta(description="What the octets of plain texts are, both ways.")] = "gsm"
    gsm_data_coding: Annotated[
        Number, Meta(description="data_coding of plain texts; 3 is common with latin1.")
    ] = 0
    ucs2_data_coding: Annotated[Number, Meta(description="data_coding of all other texts.")] = 8
    long_messages: Annotated[
        Long,
        Meta(
            description="udh: parts with a header; sar: parts with SAR TLVs; payload: whole; each: unmarked parts."
        ),
    ] = "udh"

    receipts: Annotated[Receipts, Meta(description="all: intermediate ones as well.")] = "final"
    response_ids: Annotated[Form, Meta(description="How message ids are written in submit_sm_resp.")] = "auto"
    receipt_ids: Annotated[Form, Meta(description="How message ids are written in receipts.")] = "auto"
    receipt_timezone: Annotated[
        str, Meta(max_length=64, description="Of the times in receipts: Asia/Kolkata.")
    ] = "UTC"
    validity_seconds: (
        Annotated[
            int, Meta(ge=60, le=2_419_200, description="How long the SMSC tries; empty: as long as it likes.")
        ]
        | None
    ) = None
    validity_format: Literal["relative", "absolute"] = "relative"

    dlt_entity_tag: Hexadecimal = "0x1400"
    dlt_template_tag: Hexadecimal = "0x1401"
    dlt_chain_tag: Hexadecimal = "0x1402"
    dlt_null_terminated: bool = False
    tlvs: Annotated[tuple[Tlv, ...], Meta(max_length=20, description="Parameters for every message.")] = ()

    window: Annotated[
        int, Meta(ge=1, le=1000, description="Messages that may wait for their answer at once.")
    ] = 10
    response_timeout: Annotated[float, Meta(ge=1, le=60, description="Seconds that an answer may take.")] = (
        15.0
    )
    enquire_link_interval: Annotated[
        float,
        Meta(
            ge=1, le=600, description="Seconds of silence after which the SMSC is asked whether it is there."
        ),
    ] = 30.0


def settings_of(connection: Connection) -> Settings:
    """With the secrets. Raises Invalid, naming the setting."""
    try:
        settings = msgspec.convert(connection.settings | connection.secrets, Settings)
    except msgspec.ValidationError as error:
        raise Invalid(f"settings: {error}") from None
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """What the types do not say. Raises Invalid."""
    try:
        ZoneInfo(settings.receipt_timezone)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        raise Invalid.field("settings.receipt_timezone", "no such time zone") from None
    for number, one in enumerate(settings.tlvs):
        try:
            one.octets()
        except ValueError:
            raise Invalid.field(
                f"settings.tlvs[{number}].value", "is not pairs of hexadecimal digits"
            ) from None
