"""Policies as they are written: read from JSON, and refused where a rule cannot be meant."""

import re
from typing import Any

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.guard.codes import CHECKS
from aftercall.domain.guard.policy import (
    NEVER_OVERRIDDEN,
    Cap,
    Limits,
    Overridable,
    Policy,
    Rule,
    Window,
    Zone,
)
from aftercall.domain.guard.window import zone_named

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_COUNTRY = re.compile(r"[A-Z]{2}")
_REGION = re.compile(r"[A-Z0-9]{1,3}")
_HOLIDAY = re.compile(r"(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])|easter[+-]\d{1,2}")
_PREFIX = re.compile(r"\+[1-9]\d{0,14}", re.ASCII)
_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)+")


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
    except msgspec.DecodeError as wrong:
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
