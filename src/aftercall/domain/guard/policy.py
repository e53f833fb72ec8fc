"""Policies: what the law, carriers and good manners ask of messages, as data (S5). Not legal advice.

A policy is a list of rules of the kinds below. Packs are JSON files beside this module; the engine reads them.
"""

from datetime import date
from typing import Literal, TypeAlias

import msgspec

from aftercall.domain.message import Category, Role, SenderKind

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Channel = Literal["sms", "email"]


class _Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What every rule has. An empty list of countries, categories, channels or roles means any.

    `verified` says that the figures were read on the page of `source_url` when the rule was written.
    """

    id: str
    countries: tuple[str, ...] = ()  # ISO 3166 alpha-2, of the recipient
    categories: tuple[Category, ...] = ()
    channels: tuple[Channel, ...] = ("sms",)
    roles: tuple[Role, ...] = ()
    enabled: bool = True
    source_url: str = ""
    valid_from: date = date(1970, 1, 1)
    verified: bool = False
    note: str = ""


class Window(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="window"):
    """When messages may go: from `start` until before `end`, local time, on `days` that are no holidays.

    Rules of one policy for the same countries, region and categories make one timetable: it is open where one of
    them is. All timetables must be open, in all zones of the recipient. `region` counts where the contact names it.
    """

    region: str | None = None  # the state, as ISO 3166-2 has it after the country
    days: tuple[Day, ...] = DAYS
    start: str
    end: str
    zone: str | None = None  # where the law counts by its own clock, whoever the recipient is
    holidays: tuple[str, ...] = ()  # 12-25, 2026-12-25, easter+1
    action: Literal["defer", "block"] = "defer"
    check: Literal["window.local_time", "dlt.category_window"] = "window.local_time"


class Cap(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="cap"):
    """At most `most` messages, of any kind, to one recipient within `hours`."""

    most: int
    hours: int = 24
    action: Literal["defer", "block"] = "block"


class Agreement(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="consent"):
    """The recipient must have agreed to the category."""

    action: Literal["block", "warn"] = "block"


class Registration(
    _Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="registration"
):
    """Senders of these kinds must be registered with the carriers (A2P)."""

    sender_kinds: tuple[SenderKind, ...]
    reason: Literal["sender_not_registered", "toll_free_not_verified"] = "sender_not_registered"
    action: Literal["block", "warn"] = "block"


class Refused(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="refused"):
    """Carriers of these countries take nothing from senders of these kinds."""

    sender_kinds: tuple[SenderKind, ...]
    action: Literal["block", "warn"] = "block"


class Registry(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="dlt"):
    """Texts by domestic routes need an entity, a header and a template registered on India's DLT."""

    action: Literal["block", "warn"] = "block"


class Zone(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="zone"):
    """Numbers that begin with `prefix` are in `zone`, whatever else they may be in."""

    prefix: str
    zone: str


class Limits(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="content"):
    """How long a text may be, and which shared link shorteners carriers filter."""

    longest: int = 1600  # characters
    segments: int = 10
    shorteners: tuple[str, ...] = ()


class Overridable(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="override"):
    """Which failing checks a person may override for one message."""

    checks: tuple[str, ...]


Rule: TypeAlias = Window | Cap | Agreement | Registration | Refused | Registry | Zone | Limits | Overridable
# Nobody's word makes a number exist or a text complete.
NEVER_OVERRIDDEN = frozenset({
    "recipient.present", "number.valid", "number.internal", "content.unresolved_placeholder", "content.length",
    "connection.state", "credit.balance",
})  # fmt: skip


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A pack of rules. `version` changes with its content and stands in every decision."""

    id: str
    version: str
    title: str
    note: str = "Not legal advice."
    rules: tuple[Rule, ...]
