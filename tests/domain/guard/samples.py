# A text that passes every check, to be varied: a service text to a mobile in New York at noon.

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from aftercall.domain.connection import Connection
from aftercall.domain.contact import Contact, Suppression
from aftercall.domain.guard.decision import Check, Decision
from aftercall.domain.guard.evaluate import evaluate
from aftercall.domain.guard.intent import Intent, Known
from aftercall.domain.message import Dlt, Email, Override, Sms
from aftercall.domain.sender import A2p, Sender
from aftercall.engine.policies import packs
from tests.domain.samples import but

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # a Friday; 12:00 in New York, 22:30 in India
NEW_YORK = "+12125551234"
INDIA = "+919876543210"

SENDER = Sender(
    id="snd_1",
    account_id="acc_1",
    connection_id="con_1",
    value="+14155550100",
    a2p=A2p(registered=True),
    created_at=NOON,
    updated_at=NOON,
)
CONNECTION = Connection(
    id="con_1",
    account_id="acc_1",
    channel="sms",
    type="twilio",
    price="0.0079",
    currency="USD",
    created_at=NOON,
    updated_at=NOON,
)
CONTACT = Contact(id="con_a", account_id="acc_1", number=NEW_YORK, created_at=NOON, updated_at=NOON)
SMS = Sms(to=NEW_YORK, sender=SENDER.value, text="We missed your call.", category="service_implicit")
EMAIL = Email(to="ada@example.com", subject="Your call", text="We missed it.", category="service_implicit")
INTENT = Intent(
    delivery_id="dlv_1",
    account_id="acc_1",
    call_id="cl_1",
    rule_id="rul_1",
    sms=SMS,
    raw=NEW_YORK,
    created_at=NOON - timedelta(seconds=5),
)
KNOWN = Known(
    sender=SENDER,
    connection=CONNECTION,
    rule_enabled=True,
    account_country="US",
    account_zone="America/New_York",
)
HEADER = msgspec.structs.replace(
    SENDER, value="ACMEIN", kind="dlt_header", a2p=None, dlt_entity_id="1101234567890123456", replies=False
)
INDIAN = but(
    SMS,
    to=INDIA,
    sender="ACMEIN",
    sender_kind="dlt_header",
    dlt=Dlt(entity_id="1101234567890123456", template_id="1107161234567890123"),
)
WORD = Override(by="usr_1", reason="the customer asked for it", at=NOON)


def sms(**changes: Any) -> Intent:
    return but(INTENT, sms=but(SMS, **changes), raw=changes.get("to", NEW_YORK))


def email(**changes: Any) -> Intent:
    return but(INTENT, sms=None, email=but(EMAIL, **changes), raw=NEW_YORK)


def indian(**changes: Any) -> Intent:
    return but(INTENT, sms=but(INDIAN, **changes), raw=INDIA)


def suppression(source: str, **changes: Any) -> Suppression:
    made = Suppression(
        account_id="acc_1",
        address=NEW_YORK,
        channel="sms",
        source="manual",
        created_at=NOON - timedelta(days=3),
    )
    return but(made, source=source, **changes)


def decide(intent: Intent = INTENT, known: Known = KNOWN, now: datetime = NOON, **changes: Any) -> Decision:
    return evaluate(intent, but(known, **changes), packs(), now)


def check(decision: Decision, code: str) -> Check:
    return next(found for found in decision.checks if found.code == code)
