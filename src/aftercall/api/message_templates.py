"""/v1/message-templates: what texts and mails say, checked when saved, with a preview on any call (S2)."""

from datetime import datetime
from typing import Literal

import msgspec

from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.api.setups import add, change, delete, find, named, settings_of
from aftercall.api.system import VariableOut, Variables
from aftercall.domain.connection import Connection
from aftercall.domain.dlt import DltTemplate
from aftercall.domain.errors import Conflict, Forbidden, Invalid
from aftercall.domain.message import Category
from aftercall.domain.message_context import Told, variables
from aftercall.domain.message_preview import Preview, preview
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.engine.rows import Settings
from aftercall.engine.sample_told import told_of, told_of_sample
from aftercall.engine.setup_template import (
    NewTemplateForm,
    PreviewForm,
    TemplateForm,
    change_template,
    new_template,
)

TAG = "Message templates"
READ, WRITE = "messages:read", "messages:write"
ITEM = "/v1/message-templates/{template_id}"
EXAMPLE = {"name": "Missed call", "channel": "sms", "category": "service_implicit",
           "text": "Sorry we missed your call. {{ call.queue.name | default: 'We' }} will call back."}  # fmt: skip
SAME = (
    "id", "name", "description", "channel", "category", "text", "subject", "html", "dlt", "time_zone",
    "created_at", "updated_at",
)  # fmt: skip


class TemplateOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    description: str
    channel: Literal["sms", "email"]
    category: Category
    text: str
    subject: str
    html: str
    dlt: DltTemplate | None
    time_zone: str | None
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()


class PreviewOut(Preview, frozen=True, kw_only=True, omit_defaults=True):
    """`sample`: the call is made up. `cost` is in `currency`."""

    sample: bool
    currency: str | None = None


@operation("POST", "/v1/message-templates", WRITE, "Create a message template", tag=TAG, status=201,
           example=EXAMPLE)  # fmt: skip
async def create_message_template(ask: Ask, data: NewTemplateForm) -> TemplateOut:
    """An unknown path or filter, a wrong type, a text that cannot be that of its DLT template: 422 says where."""
    template, notes = new_template(ask.account_id, data, data.channel, ask.now)
    return _shown(await add(ask, template), notes)


@operation("GET", "/v1/message-templates", READ, "List message templates", tag=TAG)
async def list_message_templates(ask: Ask, query: PageQuery) -> Listing[TemplateOut]:
    page = await ask.app.store.list_setup(MessageTemplate, ask.account_id, query.cursor, query.limit)
    return Listing(tuple(_shown(template) for template in page.items), page.next_cursor)


@operation("GET", ITEM, READ, "Read a message template", tag=TAG)
async def get_message_template(ask: Ask, template_id: str) -> TemplateOut:
    return _shown(await find(ask, MessageTemplate, template_id))


@operation(
    "PATCH", ITEM, WRITE, "Change a message template", tag=TAG, example={"text": "We will call you back."}
)
async def change_message_template(ask: Ask, template_id: str, data: TemplateForm) -> TemplateOut:
    """Messages that are planned already keep their text."""
    notes: list[str] = []

    async def make(before: MessageTemplate) -> MessageTemplate:
        changed, notes[:] = change_template(before, data)
        return changed

    return _shown((await change(ask, MessageTemplate, template_id, make))[1], notes)


@operation("DELETE", ITEM, WRITE, "Delete a message template", tag=TAG, status=204)
async def delete_message_template(ask: Ask, template_id: str) -> None:
    """409 while an enabled action uses it."""
    rules = (await settings_of(ask)).rules
    users = [(rule.id, rule.name) for rule in rules if rule.template_id == template_id]
    if users:
        raise Conflict(f"This template is used by {named(users)}.")
    await delete(ask, MessageTemplate, template_id)


@operation("POST", "/v1/message-templates/preview", READ, "See a message as it would go", tag=TAG,
           example={"channel": "sms", "category": "service_implicit", "text": EXAMPLE["text"]})  # fmt: skip
async def preview_message_template(ask: Ask, data: PreviewForm) -> PreviewOut:
    """On a real call (`call_id`, with the scope `calls:read`) or a sample: the text, its segments and cost, what has
    no value, how it matches its DLT template, and what would be unwise. Nothing is stored or sent.
    """
    settings = await settings_of(ask)
    template = await _previewed(ask, data)
    told = await _told(ask, data, template, settings)
    connection = _connection(data, template, settings)
    made = preview(template, told, connection.price if connection is not None else None)
    return PreviewOut(
        **{name: getattr(made, name) for name in Preview.__struct_fields__},
        sample=data.call_id is None,
        currency=connection.currency if connection is not None and made.cost is not None else None,
    )


@operation("GET", "/v1/message-variables", READ, "What a message template may name", tag=TAG)
async def list_message_variables(ask: Ask) -> Variables:  # noqa: ARG001
    return Variables(tuple(VariableOut(*msgspec.structs.astuple(variable)) for variable in variables()))


async def _previewed(ask: Ask, form: PreviewForm) -> MessageTemplate:
    if form.template_id is not None:
        stored = await ask.app.store.get_setup(MessageTemplate, ask.account_id, form.template_id)
        if stored is None:
            raise Invalid.field("template_id", "there is no such template")
        if form.channel not in (None, stored.channel):
            raise Invalid.field("channel", f"this template is one of {stored.channel}")
        return change_template(stored, form)[0]
    if form.channel is None:
        raise Invalid.field("channel", "is required without template_id: sms or email")
    named_form = form if form.name is not msgspec.UNSET else msgspec.structs.replace(form, name="Preview")
    return new_template(ask.account_id, named_form, form.channel, ask.now)[0]


async def _told(ask: Ask, form: PreviewForm, template: MessageTemplate, settings: Settings) -> Told:
    now = ask.now
    if form.role == "fixed" and not form.to:
        raise Invalid.field("to", "is required for role fixed")
    rule = Rule(
        id="rl_preview",
        account_id=ask.account_id,
        name=template.name,
        channel=template.channel,
        recipients=form.role,
        to=(form.to,) if form.to else (),
        created_at=now,
        updated_at=now,
    )
    if form.call_id is None:
        return told_of_sample(rule, settings, now)
    if "calls:read" not in ask.caller.scopes:
        raise Forbidden("This API key lacks the scope calls:read.")
    row = await ask.app.store.get_call(ask.account_id, form.call_id)
    if row is None:
        raise Invalid.field("call_id", "there is no such call")
    number = row.call.customer_number
    known = await ask.app.store.find_contacts(ask.account_id, [number]) if number else {}
    return told_of(row, rule, known.get(number or ""), settings, now)


def _connection(form: PreviewForm, template: MessageTemplate, settings: Settings) -> Connection | None:
    fitting = {one.id: one for one in settings.connections.values() if one.channel == template.channel}
    if form.connection_id is None:
        return fitting[min(fitting)] if fitting else None
    if form.connection_id not in fitting:
        raise Invalid.field("connection_id", f"there is no such connection for {template.channel}")
    return fitting[form.connection_id]


def _shown(template: MessageTemplate, notes: list[str] | None = None) -> TemplateOut:
    return TemplateOut(**{name: getattr(template, name) for name in SAME}, notes=tuple(notes or ()))


OPERATIONS = (
    create_message_template, list_message_templates, get_message_template, change_message_template,
    delete_message_template, preview_message_template, list_message_variables,
)  # fmt: skip
