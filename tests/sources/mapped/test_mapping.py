# The mapper itself: paths, values, units, times, tables, ids, custom fields, and what it refuses.

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from aftercall.domain.errors import Invalid, Problem
from aftercall.domain.fact import Data, Fact
from aftercall.sources.mapped.path import Finder, parse
from tests.sources.mapped.asked import ask, call, kind, of
from tests.sources.vectors import SIGNED_AT

PLAIN: dict[str, Any] = {"call": "id", "events": {"*": "call.completed"}}
START = "2025-08-21 10:58:13+00:00"


def said(mapping: dict[str, Any], body: Any, **request: Any) -> Data:
    [fact] = told(mapping, body, **request)
    return fact.data


def told(mapping: dict[str, Any], body: Any, **request: Any) -> tuple[Fact, ...]:
    parsed = ask(of("mapped", PLAIN | mapping), body, **request)
    assert parsed.errors == ()
    return parsed.facts


def refused(mapping: dict[str, Any], type: str = "mapped") -> tuple[str, str]:
    """The place a mapping is refused at, and the rule."""
    with pytest.raises(Invalid) as problem:
        kind(type).check_settings(of(type, mapping))
    return problem.value.errors[0].field, problem.value.errors[0].message


# Paths


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", 1), ("b.c", "x"), ("d[0]", 5), ("d[-1]", 7), ("d[9]", None), ("e[ky=ui].vl", "u1"),
        ("e[ky=no].vl", None), ("e[*].vl", ["s1", "u1"]), ("f.g", 3), ("f.h[1]", 2), ('"odd.name"', 4),
        ('"odd name".x', 5), ("b.c.d", None), ("a.b", None), ("empty", None), ("none", None), ("flag", False),
        ("e[n=5].vl", "s1"), ("$query.q", "v"), ("$path", "p/q"),
    ],
)  # fmt: skip
def test_path(path: str, found: Any) -> None:
    record = {
        "a": 1, "b": {"c": "x"}, "d": [5, 6, 7], "e": [{"ky": "s", "vl": "s1", "n": 5}, {"ky": "ui", "vl": "u1"}],
        "f": '{"g": 3, "h": [1, 2]}', "odd.name": 4, "odd name": {"x": 5}, "empty": "", "none": None, "flag": False,
    }  # fmt: skip
    finder = Finder({None: record, "$query": {"q": "v"}, "$path": "p/q"})
    assert finder.find(parse(path)) == found


@pytest.mark.parametrize(
    "path",
    ["", ".", "a..b", "a.", "[0]", "a[", "a[]", "a[x]", "a b", "$nobody.x", "$", "a]", "x" * 201, "a[=b]"],
)
def test_path_that_is_none(path: str) -> None:
    place, rule = refused(PLAIN | {"fields": {"from": path}})
    assert place == "settings.mapping.fields.from"
    assert "must b" in rule


# Values


@pytest.mark.parametrize(
    ("unit", "value", "seconds"),
    [
        (None, 271, 271), (None, "271", 271), (None, "271.9", 271), ("s", 271, 271), ("ms", 271_000, 271),
        ("ms", "271000.0", 271), ("us", 271_000_000, 271), ("ns", "271000000000", 271), ("min", 4.5, 270),
        ("h", "1.5", 5400), ("clock", "00:04:31", 271), ("clock", "4:31", 271), ("clock", "1:04:31.5", 3871),
        (None, "four", None), ("clock", "271", None), (None, -1, None), (None, "inf", None), (None, [1], None),
        ("min", 1e300, None),
    ],
)  # fmt: skip
def test_units_of_time(unit: str | None, value: Any, seconds: int | None) -> None:
    rule = "d" if unit is None else {"path": "d", "unit": unit}
    assert said({"fields": {"duration_seconds": rule}}, {"id": 1, "d": value}).duration_seconds == seconds


@pytest.mark.parametrize(
    ("unit", "value", "cost"), [(None, "0.05", 0.05), ("cents", 5, 0.05), ("cents", "x", None)]
)
def test_units_of_cost(unit: str | None, value: Any, cost: float | None) -> None:
    rule = "c" if unit is None else {"path": "c", "unit": unit}
    billing = said({"fields": {"billing.cost": rule}}, {"id": 1, "c": value}).billing
    assert (billing.cost if billing else None) == cost


@pytest.mark.parametrize(
    ("form", "zone", "value"),
    [
        ("auto", None, "2025-08-21T10:58:13Z"), ("auto", None, "2025-08-21T16:28:13+05:30"),
        ("auto", "Asia/Kolkata", "2025-08-21 16:28:13"), ("auto", "America/New_York", "2025-08-21 06:58:13"),
        ("auto", None, 1755773893), ("auto", None, "1755773893"), ("auto", None, 1755773893000),
        ("epoch", None, "1755773893"), ("epoch_ms", None, 1755773893000), ("epoch_us", None, 1755773893000000),
        ("epoch_ns", None, "1755773893000000000"), ("%d/%m/%Y %I:%M:%S %p", "Asia/Kolkata", "21/08/2025 04:28:13 PM"),
        ("%a, %d %b %Y %H:%M:%S %z", None, "Thu, 21 Aug 2025 10:58:13 +0000"),
        (["%d.%m.%Y %H:%M:%S", "iso"], "Europe/Berlin", "2025-08-21T12:58:13"),
    ],
)  # fmt: skip
def test_forms_of_time(form: Any, zone: str | None, value: Any) -> None:
    mapping = {"time": form, "time_zone": zone, "fields": {"started_at": "at"}}
    assert str(said(mapping, {"id": 1, "at": value}).started_at) == START
    at_field = {"fields": {"started_at": {"path": "at", "time": form, "zone": zone}}}
    assert str(said(at_field, {"id": 1, "at": value}).started_at) == START


def test_zone_of_the_field_then_of_the_source_then_of_the_mapping() -> None:
    body = {"id": 1, "at": "2025-08-21 16:28:13"}
    mapping: dict[str, Any] = PLAIN | {"time_zone": "Asia/Kolkata", "fields": {"started_at": "at"}}

    def hour(mapping: dict[str, Any], zone: str | None = None) -> int:
        [fact] = ask(of("mapped", mapping, time_zone=zone), body).facts
        assert fact.data.started_at is not None
        assert fact.data.flags == ("clock_local_assumed",)
        return fact.data.started_at.hour

    assert hour(mapping) == 10
    assert hour(mapping, "UTC") == 16
    assert hour(mapping | {"fields": {"started_at": {"path": "at", "zone": "Europe/Berlin"}}}, "UTC") == 14
    assert hour(mapping | {"time_zone": None}) == 16


def test_clock_that_changes_is_read_by_its_zone() -> None:
    mapping = {"time_zone": "Europe/Berlin", "fields": {"started_at": "a", "ended_at": "b"}}
    data = said(mapping, {"id": 1, "a": "2025-10-26 00:30:00", "b": "2025-10-26 04:30:00"})
    assert data.started_at is not None
    assert data.ended_at is not None
    assert data.ended_at - data.started_at == timedelta(hours=5)


@pytest.mark.parametrize(
    "bad", ["yesterday", "2025-13-01 00:00:00", -5, 1e300, "9999-12-31T23:59:59-23:59", [], True]
)
def test_time_that_is_none_does_not_take_the_call_down(bad: Any) -> None:
    [fact] = told({"fields": {"started_at": "at", "to": "to"}}, {"id": 1, "at": bad, "to": "+14085559876"})
    assert (fact.data.started_at, fact.data.to, fact.occurred_at) == (None, "+14085559876", SIGNED_AT)


def test_alternatives_are_tried_in_order() -> None:
    mapping = {"fields": {"from": ["a", {"path": "b", "prefix": "+"}, {"value": "anonymous"}]}}
    assert said(mapping, {"id": 1, "a": "1", "b": "2"}).from_ == "1"
    assert said(mapping, {"id": 1, "a": "", "b": 2}).from_ == "+2"
    assert said(mapping, {"id": 1, "b": "+2"}).from_ == "+2"
    assert said(mapping, {"id": 1}).from_ == "anonymous"


def test_value_tables() -> None:
    table = {"path": "d", "map": {"IN": "inbound", "2": "outbound", "true": "outbound"}}
    for given, wanted in (
        ("in", "inbound"),
        (2, "outbound"),
        (True, "outbound"),
        ("Outbound", "outbound"),
        ("x", None),
    ):
        assert said({"fields": {"direction": table}}, {"id": 1, "d": given}).direction == wanted
    other = table | {"otherwise": "inbound"}
    assert said({"fields": {"direction": other}}, {"id": 1, "d": "x"}).direction == "inbound"
    assert said({"fields": {"direction": other}}, {"id": 1}).direction == "inbound"


def test_parts_are_joined() -> None:
    mapping = {
        "fields": {"from_name": {"join": ["a", "b"]}, "to_name": {"join": ["c", "a"], "separator": "-"}}
    }
    data = said(mapping, {"id": 1, "a": "Ada", "b": "Byron"})
    assert (data.from_name, data.to_name) == ("Ada Byron", "Ada")


def test_numbers_change_places_with_the_direction() -> None:
    mapping = {
        "fields": {"direction": "d"},
        "inbound": {"from": "them", "to": "us", "did": "us"},
        "outbound": {"from": "us", "to": "them", "caller_id": "us"},
    }
    body = {"id": 1, "them": "+14085551234", "us": "+14085559876"}
    inbound, outbound = said(mapping, body | {"d": "inbound"}), said(mapping, body | {"d": "outbound"})
    assert (inbound.from_, inbound.to, inbound.did) == ("+14085551234", "+14085559876", "+14085559876")
    assert (outbound.from_, outbound.to, outbound.caller_id) == (
        "+14085559876",
        "+14085551234",
        "+14085559876",
    )
    assert said(mapping, body).from_ is None


def test_direction_of_the_source_where_the_record_says_none() -> None:
    mapping = PLAIN | {"fields": {"direction": "d"}, "inbound": {"from": "them"}}
    [fact] = ask(of("mapped", mapping, direction="inbound"), {"id": 1, "them": "x"}).facts
    assert (fact.data.direction, fact.data.from_) == ("inbound", "x")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("ANSWER", ("answered", None)), ("busy", ("missed", "busy")), ("HungUp", ("missed", "caller_cancelled")),
        ("odd", ("missed", "unknown")), (None, ("missed", "unknown")), (["busy"], ("missed", "unknown")),
    ],
)  # fmt: skip
def test_status_table(status: Any, outcome: tuple[str, str | None]) -> None:
    mapping = PLAIN | {
        "status": "s",
        "statuses": {
            "answer": {"status": "answered"},
            "busy": {"status": "missed", "reason": "busy"},
            "hungup": {"hangup.by": "caller"},
        },
        "fields": {"direction": {"value": "inbound"}},
    }
    made = call(ask(of("mapped", mapping), {"id": 1, "s": status})).call
    assert (made.status, made.reason) == outcome


def test_texts_of_a_record() -> None:
    mapping = {
        "fields": {
            "transcript.text": "t", "analysis.variables": "v", "tags": "tags", "digits": "keys", "lead": "lead",
            "is_test": "test", "position": "pos", "hangup.sip_code": "sip",
        }
    }  # fmt: skip
    body = {"id": 1, "t": "Hello", "v": {"a": 1}, "tags": "vip, billing,vip", "keys": "1x2#", "lead": '{"crm": 5}',
            "test": "yes", "pos": "3", "sip": 486}  # fmt: skip
    data = said(mapping, body)
    assert data.transcript is not None
    assert data.transcript.turns[0].text == "Hello"
    assert data.analysis is not None
    assert data.analysis.variables == {"a": 1}
    assert (data.tags, data.digits, data.lead) == (("vip", "billing"), ("1", "2", "#"), {"crm": 5})
    assert (data.is_test, data.position, data.hangup and data.hangup.sip_code) == (True, 3, 486)


# Events


EVENTS: dict[str, Any] = {
    "call": "id",
    "event": ["$path", "$query.event", "event"],
    "events": {
        "Ring": "call.ringing",
        "talk": [
            {"fact": "call.agent_answered", "when": {"$direction": "inbound"}},
            {"fact": "call.customer_answered", "when": {"$direction": ["outbound", "x"], "agent": False}},
        ],
        "end": {"fact": "call.ended", "final": True, "at": "at", "leg": "leg", "fields": {"direction": None}},
        "missed": {"fact": "call.agent_missed", "each": "legs", "fields": {"agent.name": "$item.name"}},
    },
    "guess": [{"event": "end", "when": {"at": True}}, {"event": "ring", "when": {"state": [1, "ring"]}}],
    "fields": {"direction": "d"},
    "sequence": "n",
}


@pytest.mark.parametrize(
    ("body", "request_", "kinds"),
    [
        ({"event": "RING"}, {}, ["ringing"]), ({}, {"path": "ring"}, ["ringing"]),
        ({}, {"query": "event=ring"}, ["ringing"]),
        ({"event": "talk", "d": "inbound"}, {}, ["agent_answered"]),
        ({"event": "talk", "d": "outbound"}, {}, ["customer_answered"]),
        ({"event": "talk", "d": "outbound", "agent": "x"}, {}, []), ({"event": "talk"}, {}, []),
        ({"event": "other"}, {}, []), ({}, {}, []), ({"at": 1755773893}, {}, ["ended"]),
        ({"state": 1}, {}, ["ringing"]), ({"state": 2}, {}, []),
        ({"event": "missed", "legs": [{"name": "a"}, {"name": "b"}]}, {}, ["agent_missed", "agent_missed"]),
        ({"event": "missed", "legs": "none"}, {}, []),
    ],
)  # fmt: skip
def test_event_table(body: Any, request_: dict[str, Any], kinds: list[str]) -> None:
    parsed = ask(of("mapped", EVENTS), {"id": 1} | body, **request_)
    assert [fact.kind.removeprefix("call.") for fact in parsed.facts] == kinds
    assert parsed.ignored == int(not kinds)
    assert len({fact.natural_id for fact in parsed.facts}) == len(kinds)


def test_end_that_is_final() -> None:
    [fact] = ask(
        of("mapped", EVENTS), {"id": 1, "event": "end", "at": 1755773893, "leg": 7, "n": "4", "d": "inbound"}
    ).facts
    assert (fact.data.final, fact.leg, fact.seq, str(fact.occurred_at)) == (True, "7", 4, START)


def test_end_without_a_time_is_its_start_and_its_length() -> None:
    mapping = {"fields": {"started_at": "a", "duration_seconds": "d"}}
    [fact] = told(mapping, {"id": 1, "a": "2025-08-21T10:58:13Z", "d": 271})
    assert fact.occurred_at == datetime(2025, 8, 21, 11, 2, 44, tzinfo=UTC)


# Records, ids, custom fields


def test_records_of_a_request() -> None:
    mapping = PLAIN | {"records": ["data.calls", "$body"], "fields": {"to": "$body.to"}}
    many = ask(of("mapped", mapping), {"to": "x", "data": {"calls": [{"id": 1}, {"no": 2}, {"id": 3}]}})
    assert [(fact.call_key, fact.data.to) for fact in many.facts] == [("1", "x"), ("3", "x")]
    assert [(index, message.split(":")[0]) for index, message in many.errors] == [(1, "id")]
    assert [fact.call_key for fact in ask(of("mapped", mapping), [{"id": 1}, {"id": 2}]).facts] == ["1", "2"]
    assert [fact.call_key for fact in ask(of("mapped", mapping), {"id": 1}).facts] == ["1"]


def test_records_that_are_too_many() -> None:
    with pytest.raises(Problem) as refused_:
        ask(of("mapped", PLAIN), [{"id": 1}] * 1001)
    assert refused_.value.status == 413


def test_json_in_a_form_field() -> None:
    mapping = PLAIN | {"records": "cdr", "fields": {"to": "to"}}
    [fact] = ask(of("mapped", mapping), b"cdr=%7B%22id%22%3A5%2C%22to%22%3A%22x%22%7D").facts
    assert (fact.call_key, fact.data.to) == ("5", "x")


def test_the_same_content_is_the_same_fact() -> None:
    source = of("mapped", PLAIN)
    [one] = ask(source, {"id": 1, "a": 2}).facts
    [again] = ask(source, b'{ "a": 2, "id": 1 }', now=SIGNED_AT + timedelta(hours=1)).facts
    [other] = ask(source, {"id": 1, "a": 3}).facts
    assert one.natural_id == again.natural_id != other.natural_id


def test_recipe_of_an_id() -> None:
    source = of("mapped", PLAIN | {"id": ["id", ["missing", "seq"]]})
    [one] = ask(source, {"id": 1, "seq": 2, "a": 1}).facts
    [again] = ask(source, {"id": 1, "seq": 2, "a": 9}).facts
    [other] = ask(source, {"id": 1, "seq": 3, "a": 9}).facts
    assert one.natural_id == again.natural_id != other.natural_id


def test_custom_fields() -> None:
    mapping = PLAIN | {
        "fields": {"to": "to"}, "custom_fields": {"crm": "data.crm", "both": {"join": ["a", "b"]}},
        "rest": True, "drop": ["secret"],
    }  # fmt: skip
    body = {
        "id": 1,
        "to": "x",
        "data": {"crm": {"x": 1}},
        "a": "1",
        "b": 2,
        "odd": [1],
        "secret": "s",
        "ac_x": 1,
    }
    source = of("mapped", mapping, fields={"odd": "even"})
    [fact] = ask(source, body, query="token=t&ac_deal=7&other=1").facts
    assert fact.data.custom_fields == {"crm": {"x": 1}, "both": "1 2", "even": [1], "deal": "7"}


def test_token_in_the_query_is_no_custom_field() -> None:
    [fact] = ask(of("mapped", PLAIN | {"rest": True}), query="id=1&token=secret&crm=7").facts
    assert fact.data.custom_fields == {"crm": "7"}


def test_parameter_that_names_the_event_is_no_custom_field() -> None:
    mapping = PLAIN | {"rest": True, "event": "$query.what"}
    [fact] = ask(of("mapped", mapping), query="id=1&what=x&crm=7").facts
    assert fact.data.custom_fields == {"crm": "7"}


def test_credentials_in_headers_cannot_be_had() -> None:
    mapping = PLAIN | {"custom_fields": {"a": "$header.authorization", "b": "$header.x-event"}}
    [fact] = ask(of("mapped", mapping), {"id": 1}, authorization="Bearer secret", x_event="e").facts
    assert fact.data.custom_fields == {"b": "e"}


# The source's own parts


def test_own_parts_take_the_place_of_the_presets() -> None:
    own = {
        "call": "session",
        "events": {"hangup": None, "over": {"fact": "call.completed"}},
        "fields": {"to": {"value": "+14085559876"}, "campaign.id": None},
        "time_zone": "UTC",
    }
    source = of("acefone", own)
    body = {
        "session": "s1",
        "start_stamp": "2025-08-21 10:58:13",
        "campaign_id": "9",
        "hangup_cause": "NO_ANSWER",
    }
    assert ask(source, body, path="hangup").facts == ()
    [over] = ask(source, body, path="over").facts
    assert (over.call_key, over.data.to, over.data.campaign) == ("s1", "+14085559876", None)
    assert str(over.data.started_at) == START
    assert over.data.hangup is not None
    assert over.data.hangup.cause == "NO_ANSWER"


def test_null_takes_away_what_the_preset_says() -> None:
    body = {"id": "s1", "trigger": "x", "crm": 1, "recording_url": "https://recordings.example/1.mp3"}
    own = {
        "call": "id",
        "drop": None,
        "time": None,
        "records": None,
        "event": None,
        "events": {"*": "call.completed"},
    }
    [fact] = ask(of("acefone", own | {"guess": None}), body).facts
    assert fact.data.custom_fields == {"trigger": "x", "crm": 1}
    [fact] = ask(of("acefone", own | {"guess": None, "rest": None}), body).facts
    assert fact.data.custom_fields is None


@pytest.mark.parametrize(
    ("mapping", "place", "rule"),
    [
        ({"calls": "id"}, "calls", "is not a known field"),
        ({"call": 5}, "call", "must be an object"),
        ({"call": ["id", {"path": "a", "value": 1}]}, "call[1]", "must have exactly one of"),
        ({"call": ["id", {}]}, "call[1]", "must have exactly one of"),
        ({"events": {"a": "call.gone"}}, "events.a.fact", "must be one of call.received"),
        ({"events": {"a": ["call.ended", {"fact": "call.ended", "wen": 1}]}}, "events.a[1].wen", "is not a known"),
        ({"events": {"a": {"fact": "call.ended", "when": {"a..b": True}}}}, "events.a.when.a..b", "must be a path"),
        ({"events": {"a": {"fact": "call.ended", "when": {"a": {}}}}}, "events.a.when.a", "must be true, false"),
        ({"events": {"a": {"fact": "call.ended", "fields": {"too": "x"}}}}, "events.a.fields.too", "is not a field"),
        ({"fields": {"agent": "x"}}, "fields.agent", "is not a field of a call"),
        ({"fields": {"from": {"path": "x", "unit": "s"}}}, "fields.from.unit", "is for lengths and costs"),
        ({"fields": {"hold_seconds": {"path": "x", "unit": "cents"}}}, "fields.hold_seconds.unit", "must"),
        ({"fields": {"hold_seconds": {"path": "x", "unit": "days"}}}, "fields.hold_seconds.unit", "must be one of"),
        ({"fields": {"from": {"path": "x", "zone": "UTC"}}}, "fields.from", "time and zone"),
        ({"inbound": {"reason": {"path": "x", "map": {"i": "in"}}}}, "inbound.reason.map.i", "must be one"),
        ({"fields": {"direction": {"value": "in"}}}, "fields.direction.value", "must be one of inbound"),
        ({"statuses": {"busy": {"status": "busy"}}}, "statuses.busy.status", "must be one of answered"),
        ({"statuses": {"busy": "missed"}}, "statuses.busy", "must be an object"),
        ({"statuses": {"busy": {"started_at": 5}}}, "statuses.busy.started_at", "is not a field that a status"),
        ({"time": "rfc"}, "time", "must be one of auto"),
        ({"time": ["iso", "%Q"]}, "time", "must be one of auto"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "must be an IANA time zone"),
        ({"at": {"path": "x", "zone": "Mars/Olympus"}}, "at.zone", "must be an IANA time zone"),
        ({"guess": [{"event": "a"}]}, "guess[0].when", "is required"),
        ({"rest": "yes"}, "rest", "must be true or false"),
        ({"fields": {"from": [f"a{i}" for i in range(21)]}}, "fields.from", "may have at most 20"),
    ],
)  # fmt: skip
def test_mapping_is_refused_with_the_place(mapping: dict[str, Any], place: str, rule: str) -> None:
    found = refused(PLAIN | mapping)
    assert found[0] == f"settings.mapping.{place}"
    assert found[1].startswith(rule)


def test_mapping_needs_a_key_and_events() -> None:
    assert refused({"events": {"*": "call.ended"}})[0] == "settings.mapping.call"
    assert refused({"call": "id"})[0] == "settings.mapping.events"


@pytest.mark.parametrize("type", ["mapped", "acefone", "aircall"])
def test_settings_that_are_no_mapping_are_refused(type: str) -> None:
    for settings, place in (({"maping": {}}, "settings.maping"), ({"mapping": []}, "settings.mapping")):
        with pytest.raises(Invalid) as problem:
            kind(type).check_settings(msgspec.structs.replace(of(type), settings=settings))
        assert problem.value.errors[0].field == place
