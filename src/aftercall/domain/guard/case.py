"""A message under examination: the intent with what follows from it, as each check reads it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from aftercall.domain import phone
from aftercall.domain.guard.decision import ZoneSource
from aftercall.domain.guard.intent import Intent, Known
from aftercall.domain.guard.policy import Policy, Rule, Zone
from aftercall.domain.guard.window import zone_named

R = TypeVar("R", bound=Rule)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`rules` are those in force for the message, each with its policy's id."""

    intent: Intent
    known: Known
    now: datetime
    country: str | None
    region: str | None
    zones: tuple[str, ...]
    zone_source: ZoneSource
    rules: tuple[tuple[str, Rule], ...]

    def of(self, kind: type[R]) -> list[R]:
        """The rules of one kind, in the policies' order."""
        return [rule for _, rule in self.rules if isinstance(rule, kind)]

    @property
    def is_sms(self) -> bool:
        return self.intent.channel == "sms"


def case(intent: Intent, known: Known, policies: Sequence[Policy], now: datetime) -> Case:
    country, region = _country(intent, known), _region(known)
    rules = tuple(
        (policy.id, rule)
        for policy in policies
        for rule in policy.rules
        if _applies(rule, intent, country, region, now)
    )
    zones, source = _zones(intent, known, [rule for _, rule in rules if isinstance(rule, Zone)])
    return Case(
        intent=intent,
        known=known,
        now=now,
        country=country,
        region=region,
        zones=zones,
        zone_source=source,
        rules=rules,
    )


def _applies(rule: Rule, intent: Intent, country: str | None, region: str | None, now: datetime) -> bool:
    wanted = getattr(rule, "region", None)
    return (
        rule.enabled
        and rule.valid_from <= now.date()
        and (not rule.countries or country in rule.countries)
        and (not rule.categories or intent.category in rule.categories)
        and (not rule.channels or intent.channel in rule.channels)
        and (not rule.roles or intent.role in rule.roles)
        and (wanted is None or wanted == region)
    )


def _country(intent: Intent, known: Known) -> str | None:
    if intent.channel == "sms" and intent.to:
        return phone.country(intent.to)
    if known.contact is not None and (found := phone.country(known.contact.number)):
        return found
    return known.account_country


def _region(known: Known) -> str | None:
    """The state of the contact, as its details name it: `region` or `state`, such as FL or US-FL."""
    if known.contact is None:
        return None
    details = known.contact.details
    named = details.get("region") or details.get("state")
    return named.strip().upper().rpartition("-")[2] if isinstance(named, str) else None


def _zones(intent: Intent, known: Known, rules: list[Zone]) -> tuple[tuple[str, ...], ZoneSource]:
    """Where the recipient may be: the contact says so, or a rule of the account, or the number, or the account."""
    contact = known.contact
    if contact is not None and contact.time_zone and zone_named(contact.time_zone):
        return (contact.time_zone,), "contact"
    if intent.channel == "sms":
        fitting = [rule for rule in rules if intent.to.startswith(rule.prefix)]
        if fitting:
            return (max(fitting, key=lambda rule: len(rule.prefix)).zone,), "account"
        if found := tuple(zone for zone in phone.zones(intent.to) if zone_named(zone)):
            return found, "number"
    return (known.account_zone if zone_named(known.account_zone) else "UTC",), "default"
