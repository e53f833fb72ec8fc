"""How a message would look for a real call, and what there is to know about it before it is sent (S2)."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from aftercall.domain.dlt import DltTemplate, too_long_for_dlt
from aftercall.domain.dlt_match import Match, match, nearest
from aftercall.domain.gsm7 import septets
from aftercall.domain.message import Attachment, Encoding
from aftercall.domain.message_context import Told
from aftercall.domain.message_template import MessageTemplate, compile_text, render_email, render_sms
from aftercall.domain.segments import measure

MANY_SEGMENTS = 3  # a text of more is dear, and carriers filter it more often
LONG_TEXT = 1600  # characters; Twilio takes no more (https://www.twilio.com/docs/api/errors/21617)
_SHOWN = 10  # characters named in a warning
# What word processors put in the place of plain signs.
_PLAIN = {
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u2026": "...",
    "\u00a0": "a space", "`": "'", "\u00b4": "'", "\u2022": "-",
}  # fmt: skip


class Warned(msgspec.Struct, frozen=True):
    """`code` is stable, the message is for people."""

    code: str
    message: str


class Preview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`cost` is a decimal number in the connection's currency, None where there is no price."""

    text: str
    subject: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    characters: int
    encoding: Encoding | None = None
    segments: int | None = None
    per_segment: int | None = None  # characters (septets or UTF-16 units) one holds
    left: int | None = None  # what the last one still takes
    cost: str | None = None
    missing: tuple[str, ...] = ()
    dlt: Match | None = None
    nearest: str | None = None  # id of the registered template that the text was probably meant for
    variables: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()


def preview(
    template: MessageTemplate, told: Told, price: str | None = None, registered: Sequence[DltTemplate] = ()
) -> Preview:
    """The message as it would go now. Raises Invalid, TooLarge.

    `price` is of one segment or mail; `registered` are the account's other DLT templates, one of which may be meant.
    """
    if template.channel == "email":
        return _email(template, told, price)
    sms = render_sms(template, told)
    measured = measure(sms.text)
    matched = match(template.dlt, sms.text) if template.dlt is not None else None
    return Preview(
        text=sms.text,
        characters=measured.characters,
        encoding=measured.encoding,
        segments=measured.segments,
        per_segment=measured.per_segment,
        left=measured.left,
        cost=cost(price, measured.segments),
        missing=sms.missing,
        dlt=matched,
        nearest=_nearest(template.dlt, matched, registered, sms.text),
        variables=sms.variables,
        warnings=(
            *_missing(sms.missing),
            *_about_text(sms.text),
            *_about_dlt(template, matched),
            *cautions(template),
        ),
    )


def _nearest(
    own: DltTemplate | None, matched: Match | None, registered: Sequence[DltTemplate], text: str
) -> str | None:
    if own is None or matched is None or matched.ok:
        return None
    fitting = [t for t in registered if not own.headers or not t.headers or set(own.headers) & set(t.headers)]
    found = nearest(fitting, text)
    return None if found is None or found.template_id == own.template_id else found.template_id


def cautions(template: MessageTemplate) -> tuple[Warned, ...]:
    """What is unwise about a template, whatever the call: to be shown when it is saved."""
    if template.dlt is None:
        return ()
    most = template.dlt.max_length
    return tuple(
        Warned(
            "dlt_free_text",
            f"`{path}` is free text of any length: a DLT variable takes {most} characters of a registered kind, so "
            "most such texts would be rejected",
        )
        for path in too_long_for_dlt(compile_text(template.text).spots)
    )


def _email(template: MessageTemplate, told: Told, price: str | None) -> Preview:
    mail = render_email(template, told)
    return Preview(
        text=mail.text,
        subject=mail.subject,
        html=mail.html or None,
        attachments=mail.attachments,
        characters=len(mail.text),
        cost=cost(price, 1),
        missing=mail.missing,
        warnings=tuple(_missing(mail.missing)),
    )


def cost(price: str | None, count: int) -> str | None:
    """The price of so many, without rounding."""
    try:
        made = Decimal(price) * count if price is not None else None
    except InvalidOperation:
        return None
    return None if made is None or not made.is_finite() else format(made, "f")


def _missing(paths: tuple[str, ...]) -> Iterator[Warned]:
    for path in paths:
        yield Warned(
            "placeholder_missing",
            f"`{path}` has no value for this call: such a message is not sent; use default",
        )


def _about_text(text: str) -> Iterator[Warned]:
    measured = measure(text)
    if not text.strip():
        yield Warned("empty", "The text is empty")
    if measured.encoding == "ucs2":
        yield Warned("ucs2", f"70 instead of 160 characters fit into a segment, because of {_culprits(text)}")
    if measured.segments > MANY_SEGMENTS:
        yield Warned("many_segments", f"The text takes {measured.segments} segments, each billed as a text")
    if len(text) > LONG_TEXT:
        yield Warned("too_long", f"The text has {len(text)} characters; some providers take {LONG_TEXT}")


def _culprits(text: str) -> str:
    found = list(dict.fromkeys(char for char in text if not septets(char)))
    named = [_named(char) for char in found[:_SHOWN]]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(named) + more


def _named(char: str) -> str:
    shown = f"{char} (U+{ord(char):04X})" if char.isprintable() else f"U+{ord(char):04X}"
    return f"{shown}, write {_PLAIN[char]}" if char in _PLAIN else shown


def _about_dlt(template: MessageTemplate, matched: Match | None) -> Iterator[Warned]:
    if matched is None or template.dlt is None:
        return
    if not matched.ok:
        yield Warned(matched.problem or "dlt_template_mismatch", f"The text {matched.sentence}")
    for value in matched.long:
        most = template.dlt.warn_length
        yield Warned(
            "dlt_variable_long", f"`{value}` has more than {most} characters: some operators refuse it"
        )
