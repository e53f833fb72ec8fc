"""Quiet hours: the timetables of the policies that apply, in every zone the recipient may be in."""

from typing import Literal

from aftercall.domain.guard.case import Case
from aftercall.domain.guard.decision import Check, failed, passed, warned
from aftercall.domain.guard.policy import Window
from aftercall.domain.guard.window import HORIZON, Hours, Timetable, is_open, minutes, next_open, zone_named

Code = Literal["window.local_time", "dlt.category_window"]


def window(code: Code, case: Case) -> Check:
    """`until` is the first moment that suits all rules of this check; the decision looks at those of all checks."""
    timetables = tables(case, code)
    if not timetables:
        return passed(code, "no quiet hours for this category and country")
    closed = [rules for rules, table in timetables if not is_open((table,), case.now)]
    expected = "; ".join(_told(rule) for rules, _ in timetables for rule in rules)
    here = _here(case, [table for _, table in timetables])
    if not closed:
        lacking = case.zone_source == "default" and any(
            rule.zone is None for rules, _ in timetables for rule in rules
        )
        if lacking:
            return warned(code, "zone_unknown", here, expected, timetables[0][0][0].id)
        return passed(code, here, expected, timetables[0][0][0].id)
    until = next_open([table for _, table in timetables], case.now)
    blocks = until is None or any(rule.action == "block" for rules in closed for rule in rules)
    if until is None:
        here += f"; does not open within {HORIZON} days"
    return failed(
        code,
        "outside_window",
        here,
        expected,
        rule=closed[0][0].id,
        severity="block" if blocks else "defer",
        until=None if blocks else until,
    )


def tables(case: Case, code: Code | None = None) -> list[tuple[list[Window], Timetable]]:
    """The timetables that apply, of one check or of all, each with its rules."""
    groups: dict[object, list[Window]] = {}
    for policy, rule in case.rules:
        if isinstance(rule, Window) and (code is None or rule.check == code):
            key = (policy, rule.countries, rule.region, rule.categories, rule.zone, rule.check)
            groups.setdefault(key, []).append(rule)
    return [(rules, _table(rules, case)) for rules in groups.values()]


def _table(rules: list[Window], case: Case) -> Timetable:
    hours = [
        Hours(frozenset(rule.days), minutes(rule.start), minutes(rule.end), rule.holidays) for rule in rules
    ]
    zone = rules[0].zone
    return Timetable(tuple(hours), (zone,) if zone else case.zones)


def _told(rule: Window) -> str:
    days = "" if len(rule.days) == len("mtwtfss") else f" {', '.join(rule.days)}"
    return f"{rule.start} to {rule.end}{days}" + (" except holidays" if rule.holidays else "")


def _here(case: Case, timetables: list[Timetable]) -> str:
    """What the clocks say: of one zone the time, of several from the earliest to the latest."""
    zones = sorted({zone for table in timetables for zone in table.zones})
    times = sorted(
        (case.now.astimezone(zone).replace(tzinfo=None), name) for name in zones if (zone := zone_named(name))
    )
    if len(times) == 1:
        at, name = times[0]
        return f"{at:%a %H:%M} in {name}"
    (first, _), (last, _) = times[0], times[-1]
    return f"{first:%a %H:%M} to {last:%a %H:%M} in {len(times)} zones"
