"""Payloads: an event of a call in the form a webhook asked for, ready to be signed (W4, T2, T6).

The three formats are in `standard.py`, `classic.py` and `custom.py`; here they become bytes.
"""

from typing import Any

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.classic import classic
from aftercall.domain.custom import custom
from aftercall.domain.errors import TooLarge
from aftercall.domain.event import Event
from aftercall.domain.standard import standard
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import dumps, flat, query

MAX_BODY = 256 * 1024  # bytes


class Rendered(msgspec.Struct, frozen=True):
    """What is sent: for POST a body, for GET a raw query string (to be appended to the URL as it is)."""

    body: bytes
    content_type: str
    query: str = ""


def render(
    webhook: Webhook, trigger: str, event: Event, call: Call | None, source_id: str | None = None
) -> Rendered:
    """The event as the webhook wants it. A notice, which is about no call, is always standard.

    Raises TooLarge when a custom template makes more of the call than can be sent.
    """
    value: Any
    if call is None or webhook.format == "standard":
        value = standard(webhook, event, call, source_id)
    elif webhook.format == "classic":
        value = classic(webhook, trigger, event, call)
    else:
        value = custom(webhook, trigger, event, call, source_id)
    rendered = encode(webhook, value)
    if len(rendered.body) > MAX_BODY or len(rendered.query) > MAX_BODY:
        raise TooLarge(f"The body would be larger than {MAX_BODY} bytes.")
    return rendered


def encode(webhook: Webhook, value: Any) -> Rendered:
    """The value in the webhook's content type. A text (custom templates only) is sent as it stands."""
    if webhook.method == "GET":
        return Rendered(b"", "", query(value) if isinstance(value, str) else flat(value))
    if isinstance(value, str):
        return Rendered(value.encode("utf-8", "replace"), webhook.content_type)
    if webhook.content_type == "application/json":
        return Rendered(dumps(value), webhook.content_type)
    return Rendered(flat(value).encode(), webhook.content_type)
