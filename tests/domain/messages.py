# Templates and what they are filled with, to be varied with `but`.

from aftercall.domain.contact import Contact
from aftercall.domain.dlt import DltTemplate
from aftercall.domain.fact import Transcript, Turn
from aftercall.domain.message_context import Recipient, Told
from aftercall.domain.message_template import MessageTemplate
from tests.domain.samples import ANSWERED, COMPLETED, START, but

ANA = Contact(
    id="ct_1",
    account_id="ac_1",
    number="+14085551234",
    name="Ana López",
    email="ana@example.com",
    tags=("vip",),
    details={"city": "Lyon"},
    created_at=START,
    updated_at=START,
)
TALKED = but(
    ANSWERED, transcript=Transcript(turns=(Turn("agent", "Hello."), Turn("customer", "Hi, it's me.")))
)
TOLD = Told(
    account_id="ac_1",
    event=COMPLETED,
    call=TALKED,
    source_id="src_1",
    recipient=Recipient(role="user", address="+14085550102", name="Jordan"),
    rule_id="ru_1",
    rule_name="Tell the agent",
)
SMS = MessageTemplate(
    id="tpl_1",
    account_id="ac_1",
    name="Thanks",
    channel="sms",
    category="service_implicit",
    text="Thank you for your call, {{ contact.name | default: 'caller' }}.",
    created_at=START,
    updated_at=START,
)
MAIL = but(
    SMS,
    channel="email",
    subject="{{ call.title }}",
    text="{{ call.summary }}",
    html="<style>p { color: #222 }</style><p>{{ call.summary }}</p>",
)
DLT = DltTemplate(
    entity_id="1101234567890123456",
    template_id="1107160000000000001",
    headers=("ACMEIN",),
    content="Dear {#var#}, your request {#alphanumeric#} is with us. -ACME",
    category="service_implicit",
)
