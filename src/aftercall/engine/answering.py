"""Our answer to a text with a keyword, where the provider leaves it to us: one for each text (S5)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery
from aftercall.domain.message import Message, Sms
from aftercall.domain.phone import digits
from aftercall.domain.segments import measure
from aftercall.domain.sender import Sender
from aftercall.domain.wire import dumps
from aftercall.engine.ids import new_id
from aftercall.engine.message_rows import StoredText

# A confirmation that comes later needs a reason: 47 CFR 64.1200(a)(12), https://www.law.cornell.edu/cfr/text/47/64.1200
IN_TIME = timedelta(minutes=5)
EVENT = "message.received"


def answer_to(
    text: StoredText, reply: str, connection: Connection, senders: Sequence[Sender], now: datetime
) -> Delivery:
    """The answer, from the number that was written to. Its key is the text's, so that it goes once."""
    own = digits(text.text.to)
    sender = next((s for s in senders if s.connection_id == connection.id and digits(s.value) == own), None)
    measured = measure(reply)
    sms = Sms(
        to=text.text.from_,
        sender=sender.value if sender is not None else "" if senders else text.text.to,
        sender_kind=sender.kind if sender is not None else "long_code",
        text=reply,
        encoding=measured.encoding,
        segments=measured.segments,
        category="conversational",
    )
    message = Message(
        role="fixed",
        sms=sms,
        sender_id=sender.id if sender is not None else None,
        given=text.text.from_,
        expires_at=now + IN_TIME,
        answers=text.id,
    )
    event_id = f"evt_{text.id.removeprefix('txt_')}"
    return Delivery(
        id=new_id("dl"),
        account_id=connection.account_id,
        destination_id=connection.id,
        channel="sms",
        key=f"{event_id}:{connection.id}:answer",
        event_id=event_id,
        event=EVENT,
        trigger=EVENT,
        call_id=None,
        body=dumps(message),
        content_type="application/json",
        created_at=now,
        occurred_at=text.received_at,
        due_at=now,
    )
