"""Setting up a message template, and how it would look for a call: what may be asked for (S2)."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.domain.dlt import MAX_LENGTH, WARN_LENGTH, DltTemplate, Tag
from aftercall.domain.mail_html import MAX_SOURCE
from aftercall.domain.message import Category
from aftercall.domain.message_preview import cautions
from aftercall.domain.message_template import MAX_NAME, MAX_SMS, MAX_SUBJECT, MessageTemplate, check
from aftercall.engine.ids import new_id
from aftercall.engine.setup import check_texts, check_zone

PLAIN = ("name", "description", "category", "text", "subject", "html")
Channel = Literal["sms", "email"]
Name = Annotated[str, Meta(max_length=MAX_NAME)]
Text = Annotated[
    str,
    Meta(
        max_length=20_000,
        description="With {{ path | filter }}; GET /v1/message-variables lists the paths.",
        examples=["Sorry we missed your call. {{ call.queue.name | default: 'We' }} will call back."],
    ),
]
Subject = Annotated[str, Meta(max_length=MAX_SUBJECT)]
Html = Annotated[
    str, Meta(description=f"Liquid with the same paths and filters; at most {MAX_SOURCE} characters.")
]
Zone = Annotated[str, Meta(max_length=100, description="Of the date filter; null: the account's.")]
Kind = Annotated[Category, Meta(description="What kind of message it is: which law it falls under.")]
Short = Annotated[str, Meta(max_length=500)]


class DltForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """India: the template as registered. `content` has `{#var#}` and the tagged variables of 2025."""

    entity_id: Annotated[str, Meta(max_length=19)]
    template_id: Annotated[str, Meta(max_length=19)]
    headers: Annotated[list[Annotated[str, Meta(max_length=20)]], Meta(max_length=50)] = []
    content: Annotated[str, Meta(max_length=MAX_SMS)]
    category: Category
    tags: Annotated[list[Tag], Meta(max_length=100)] = []
    urls: Annotated[list[Short], Meta(max_length=100)] = []
    callback_numbers: Annotated[list[Annotated[str, Meta(max_length=30)]], Meta(max_length=100)] = []
    chain: Annotated[list[Annotated[str, Meta(max_length=30)]], Meta(max_length=10)] = []
    warn_length: Annotated[int, Meta(ge=1, le=200)] = WARN_LENGTH
    max_length: Annotated[int, Meta(ge=1, le=200)] = MAX_LENGTH


class TemplateForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be set of a template. `subject` and `html` are for mails, `dlt` is for texts."""

    name: Name | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    category: Kind | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    subject: Subject | UnsetType = UNSET
    html: Html | UnsetType = UNSET
    dlt: DltForm | UnsetType | None = UNSET
    time_zone: Zone | UnsetType | None = UNSET


class NewTemplateForm(TemplateForm, kw_only=True, forbid_unknown_fields=True):
    name: Name
    channel: Channel
    category: Kind
    text: Text


class PreviewForm(TemplateForm, kw_only=True, forbid_unknown_fields=True):
    """A stored template, with what else is given in its place; or, without `template_id`, one not saved yet.

    `call_id` is a call of the account; without it a sample is made up. The price is that of `connection_id`, or of
    the first connection of the channel.
    """

    template_id: Annotated[str, Meta(max_length=200)] | None = None
    channel: Channel | None = None
    call_id: Annotated[str, Meta(max_length=200)] | None = None
    role: Literal["caller", "user", "fixed"] = "caller"
    to: Annotated[str, Meta(max_length=320, description="The recipient, for role fixed.")] | None = None
    connection_id: Annotated[str, Meta(max_length=200)] | None = None


def new_template(
    account_id: str, form: TemplateForm, channel: Channel, now: datetime
) -> tuple[MessageTemplate, list[str]]:
    """The template asked for, and notes for whoever asked. Raises Invalid, with field and position."""
    blank = MessageTemplate(
        id=new_id("tpl"),
        account_id=account_id,
        name="",
        channel=channel,
        category="transactional",
        text="",
        created_at=now,
        updated_at=now,
    )
    return change_template(blank, form)


def change_template(template: MessageTemplate, form: TemplateForm) -> tuple[MessageTemplate, list[str]]:
    """The template with what the form sets, and notes. Raises Invalid; changes nothing half."""
    set_: dict[str, Any] = {n: v for n in PLAIN if (v := getattr(form, n)) is not UNSET}
    if form.dlt is not UNSET:
        set_["dlt"] = None if form.dlt is None else _dlt(form.dlt)
    if form.time_zone is not UNSET:
        set_["time_zone"] = None if form.time_zone is None else check_zone(form.time_zone)
    check_texts(name=set_.get("name"), description=set_.get("description"))
    changed = msgspec.structs.replace(template, **set_)
    check(changed)
    return changed, [caution.message for caution in cautions(changed)]


def _dlt(form: DltForm) -> DltTemplate:
    return msgspec.convert(msgspec.structs.asdict(form), DltTemplate)
