"""Policies: what the law, carriers and good manners ask of messages, as data (S5). Not legal advice.

A policy is a list of rules of the kinds below. Packs are JSON files beside this module; the engine reads them.
"""

import re
from datetime import date
from typing import Any, Literal, TypeAlias

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.window import zone_named
from aftercall.domain.message import Category, Role, SenderKind

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Channel = Literal["sms", "email"]
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_COUNTRY = re.compile(r"[A-Z]{2}")
_REGION = re.compile(r"[A-Z0-9]{1,3}")
_HOLIDAY = re.compile(r"(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])|easter[+-]\d{1,2}")
_PREFIX = re.compile(r"\+[1-9]\d{0,14}", re.ASCII)
_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)+")


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

    Rules of one policy for the same countries and region make one timetable: it is open where one of them is. All
    timetables must be open, in all zones of the recipient. `region` counts only where the contact names it.
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


def checked(policy: Policy) -> Policy:
    """The policy, if its rules make sense. Raises Invalid, naming the rule."""
    seen: set[str] = set()
    for rule in policy.rules:
        if rule.id in seen:
            raise Invalid.field(rule.id, "there are two rules of this id")
        seen.add(rule.id)
        check_rule(rule)
    return policy


def read(content: bytes | Any) -> Policy:
    """A policy from JSON. Raises Invalid."""
    try:
        if isinstance(content, bytes):
            return checked(msgspec.json.decode(content, type=Policy))
        return checked(msgspec.convert(content, Policy))
    except msgspec.ValidationError as wrong:
        raise Invalid.field("policy", str(wrong)) from None


def check_rule(rule: Rule) -> None:
    """Raises Invalid for a rule that cannot be meant."""
    where = rule.id
    if not _ID.fullmatch(rule.id):
        raise Invalid.field("rule", "an id is lower-case words with dots between them", rule.id[:60])
    _each(f"{where}.countries", rule.countries, _COUNTRY, "two capital letters (ISO 3166)")
    if rule.source_url and not rule.source_url.startswith(("https://", "http://", "docs/")):
        raise Invalid.field(f"{where}.source_url", "must be a web address")
    if isinstance(rule, Window):
        _check_window(rule)
    elif isinstance(rule, Zone):
        if not _PREFIX.fullmatch(rule.prefix):
            raise Invalid.field(f"{where}.prefix", "the beginning of an E.164 number, such as +1800")
        _check_zone(rule.zone, f"{where}.zone")
    elif isinstance(rule, Overridable):
        if unknown := set(rule.checks) - (CHECKS.keys() - NEVER_OVERRIDDEN):
            raise Invalid.field(f"{where}.checks", "cannot be overridden", ", ".join(sorted(unknown))[:100])
    else:
        _check_figures(rule)


def _check_figures(rule: Rule) -> None:
    if isinstance(rule, Cap) and not (0 <= rule.most <= 1000 and 1 <= rule.hours <= 24 * 31):
        raise Invalid.field(rule.id, "`most` is 0 to 1000, `hours` 1 to 744")
    if isinstance(rule, Limits) and not (1 <= rule.longest <= 10_000 and 1 <= rule.segments <= 100):
        raise Invalid.field(rule.id, "`longest` is 1 to 10000, `segments` 1 to 100")


def _check_window(rule: Window) -> None:
    for name, time in (("start", rule.start), ("end", rule.end)):
        if not _TIME.fullmatch(time):
            raise Invalid.field(f"{rule.id}.{name}", "a time of day such as 08:00", time[:20])
    if rule.start >= rule.end:
        raise Invalid.field(f"{rule.id}.end", "must be after `start`; a window does not go over midnight")
    if not rule.days:
        raise Invalid.field(f"{rule.id}.days", "names no day; to send nothing, disable the action")
    if rule.region is not None and not (_REGION.fullmatch(rule.region) and len(rule.countries) == 1):
        raise Invalid.field(f"{rule.id}.region", "a region of one country, as ISO 3166-2 has it, such as FL")
    _each(f"{rule.id}.holidays", rule.holidays, _HOLIDAY, "12-25, 2026-12-25 or easter+1")
    if rule.zone is not None:
        _check_zone(rule.zone, f"{rule.id}.zone")


def _check_zone(name: str, field: str) -> None:
    if zone_named(name) is None:
        raise Invalid.field(field, "is no IANA time zone", name[:60])


def _each(field: str, values: tuple[str, ...], pattern: re.Pattern[str], meant: str) -> None:
    for value in values:
        if not pattern.fullmatch(value):
            raise Invalid.field(field, f"must be {meant}", value[:20])
