"""Message templates: what a text or mail says, with placeholders for what is known of the call (S2).

`check` is asked when one is saved, `render_sms` and `render_email` when a message is planned.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from aftercall.domain.clean import line, lines
from aftercall.domain.dlt import DltTemplate, check_dlt
from aftercall.domain.dlt_match import fit, match
from aftercall.domain.errors import Invalid, TooLarge
from aftercall.domain.mail_html import compile_html
from aftercall.domain.message import Attachment, Category, Dlt, Email, Sms
from aftercall.domain.message_context import KINDS, SCHEMA, Context, Told
from aftercall.domain.roots import transcript_text
from aftercall.domain.segments import measure
from aftercall.domain.template import Template, compile  # noqa: A004
from aftercall.domain.wire import text, zone

MAX_NAME = 100
MAX_SMS = 2000  # characters of an SMS template; Exotel's limit, the highest there is
MAX_SUBJECT = 500
LONGEST_SMS = 255 * 153  # characters; a longer text has no part numbers left (3GPP TS 23.040, 9.2.3.24.1)
LONGEST_MAIL = 1024 * 1024  # characters of the text part
INLINE_TRANSCRIPT = 100_000  # bytes; a longer one is attached
INLINE_TURNS = 1000
LONGEST_TRANSCRIPT = 5_000_000  # characters of the attachment


class MessageTemplate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Text and subject have `{{ path | filter }}`; `html` is Liquid with the same paths and filters.

    The category is the admin's to say: which law a message falls under cannot be guessed from its words.
    """

    id: str
    account_id: str
    name: str
    description: str = ""
    channel: Literal["sms", "email"]
    category: Category
    text: str
    subject: str = ""
    html: str = ""
    dlt: DltTemplate | None = None  # sms: as registered in India
    time_zone: str | None = None  # of the date filter; None: the account's
    created_at: datetime
    updated_at: datetime
    version: int = 1


def check(template: MessageTemplate) -> None:
    """Raise Invalid, with field and position, when the template cannot be used."""
    if not 1 <= len(template.name.strip()) <= MAX_NAME:
        raise Invalid.field("name", f"must have 1 to {MAX_NAME} characters")
    if not template.text.strip():
        raise Invalid.field("text", "must say something")
    where = template.time_zone
    if where is not None and where != "UTC" and zone(where) is UTC:
        raise Invalid.field("time_zone", "must be the name of a time zone, such as Asia/Kolkata")
    compile_text(template.text, "text")
    if template.channel == "sms":
        _check_sms(template)
    else:
        _check_email(template)


def _check_sms(template: MessageTemplate) -> None:
    if template.subject or template.html:
        raise Invalid.field("subject" if template.subject else "html", "only mails have one")
    if len(template.text) > MAX_SMS:
        raise Invalid.field("text", f"may have at most {MAX_SMS} characters")
    if template.dlt is not None:
        check_dlt(template.dlt)
        if template.category != template.dlt.category:
            raise Invalid.field("category", f"must be the registered one: {template.dlt.category}")
        fit(template.dlt, template.text, compile_text(template.text, "text").spots)


def _check_email(template: MessageTemplate) -> None:
    if template.dlt is not None:
        raise Invalid.field("dlt", "only texts have one")
    if not template.subject.strip():
        raise Invalid.field("subject", "must say something")
    if len(template.subject) > MAX_SUBJECT:
        raise Invalid.field("subject", f"may have at most {MAX_SUBJECT} characters")
    if any(ord(char) < 0x20 for char in template.subject):
        raise Invalid.field("subject", "must be one line")
    compile_text(template.subject, "subject")
    if template.html:
        compile_html(template.html)


@lru_cache(maxsize=1024)
def compile_text(source: str, field: str = "text", where: str = "UTC") -> Template:
    """A text with placeholders, compiled; `where` is the date filter's zone. Raises Invalid."""
    return compile(source, SCHEMA, field, where, KINDS)


def render_sms(template: MessageTemplate, told: Told) -> Sms:
    """The text for one recipient; who sends it is chosen by the planner.

    A placeholder that had no value is named in `missing`; where the text is not that of its DLT template there are
    no `variables`, and `match` says why.
    """
    context = Context(told)
    compiled = compile_text(template.text, "text", template.time_zone or told.zone)
    words = lines(text(compiled.render(context)))[:LONGEST_SMS]
    measured = measure(words)
    registered = template.dlt
    return Sms(
        to=told.recipient.address,
        text=words,
        encoding=measured.encoding,
        segments=measured.segments,
        category=template.category,
        template_id=template.id,
        dlt=_registered(registered),
        variables=match(registered, words).variables if registered is not None else (),
        missing=compiled.missing(context),
    )


def _registered(told: DltTemplate | None) -> Dlt | None:
    if told is None:
        return None
    return Dlt(entity_id=told.entity_id, template_id=told.template_id, chain=told.chain)


def render_email(template: MessageTemplate, told: Told) -> Email:
    """The mail for one recipient. Raises TooLarge when the call makes too much of the template."""
    attachments = _attachments(template, told)
    told = msgspec.structs.replace(told, attached=bool(attachments))
    where = template.time_zone or told.zone
    context = Context(told)
    subject = compile_text(template.subject, "subject", where)
    plain = compile_text(template.text, "text", where)
    html, lacking = compile_html(template.html, where).render(context) if template.html else ("", ())
    words = lines(text(plain.render(context)))
    if len(words) > LONGEST_MAIL:
        raise TooLarge(f"The mail would be longer than {LONGEST_MAIL} characters.")
    return Email(
        to=told.recipient.address,
        to_name=line(told.recipient.name, 100),
        subject=line(text(subject.render(context))),
        text=words,
        html=html,
        category=template.category,
        template_id=template.id,
        call_id=told.event.call_id,
        attachments=attachments,
        missing=_distinct(subject.missing(context), plain.missing(context), lacking),
    )


def _attachments(template: MessageTemplate, told: Told) -> tuple[Attachment, ...]:
    """A long transcript, where the mail has the transcript at all."""
    if "transcript" not in template.text and "transcript" not in template.html:
        return ()
    words = transcript_text(told.call)
    if words is None or told.call.transcript is None:
        return ()
    short = len(words.encode("utf-8", "replace")) <= INLINE_TRANSCRIPT
    if short and len(told.call.transcript.turns) <= INLINE_TURNS:
        return ()
    return (Attachment("transcript.txt", "text/plain; charset=utf-8", lines(words[:LONGEST_TRANSCRIPT])),)


def _distinct(*missing: Sequence[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for paths in missing for path in paths))
