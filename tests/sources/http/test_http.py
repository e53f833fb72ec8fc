# Events in our own vocabulary, to facts. Pure: no server, no clock.

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid, Problem, TooLarge
from aftercall.domain.fact import Agent, Data, Fact, Kind, Named
from aftercall.sources import SOURCES, http

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOURCE = Source(id="src_1", account_id="ac_1", created_at=NOW, updated_at=NOW)
INDIA = Source(id="src_2", account_id="ac_1", time_zone="Asia/Kolkata", created_at=NOW, updated_at=NOW)
EVENT = {"event": "call.received", "call_id": "c1", "occurred_at": "2026-11-20T10:00:00Z"}


def fact(source: Source = SOURCE, **more: Any) -> Fact:
    return http.fact(EVENT | more, source)


def refused(**more: Any) -> tuple[str, str | None]:
    """The field that is named, and the shape of what stood there."""
    with pytest.raises(Invalid) as caught:
        fact(**more)
    return caught.value.errors[0].field, caught.value.errors[0].got


def test_source_is_listed() -> None:
    assert SOURCES["http"] is http


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ORPHANED])
def test_event_when_of_any_kind(kind: Kind) -> None:
    assert fact(event=kind.value).kind is kind


def test_event_when_called_queued_is_a_department_entered() -> None:
    assert fact(event="call.queued").kind is Kind.DEPARTMENT_ENTERED


@pytest.mark.parametrize(
    "name", ["call.updated", "call.orphaned", "call.billed", "completed", "", None, 5, ["call.ended"]]
)
def test_event_when_not_a_fact(name: Any) -> None:
    assert refused(event=name)[0] == "event"


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2026-11-20T10:00:00Z", 10),
        ("2026-11-20 10:00:00+00:00", 10),
        ("2026-11-20T10:00:00.123456789+05:30", 4),
        ("20261120T100000Z", 10),
        (1795168800, 10),
        (1795168800.5, 10),
        (1795168800000, 10),
    ],
)
def test_time_when_it_says_its_zone(written: Any, hour: int) -> None:
    assert fact(occurred_at=written).occurred_at.astimezone(UTC).hour == hour
    assert fact(occurred_at=written).data.flags == ()


def test_time_without_zone_is_read_in_the_sources_and_flagged() -> None:
    told = fact(INDIA, occurred_at="2026-11-20T10:00:00")
    assert told.occurred_at == datetime(2026, 11, 20, 4, 30, tzinfo=UTC)
    assert told.data.flags == ("clock_local_assumed",)


@pytest.mark.parametrize(
    "written",
    ["2026-11-20T10:00:00", "2026-11-20", "20261120", "10:00", "yesterday", "", True, [], {}, -1, 1e300, 10**30,
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-20T25:00:00Z"],
)  # fmt: skip
def test_time_when_it_is_none(written: Any) -> None:
    assert refused(occurred_at=written)[0] == "occurred_at"


@pytest.mark.parametrize(
    ("event", "more"),
    [
        ("call.completed", {"ended_at": "2026-11-20T10:00:00Z"}),
        ("call.ended", {"started_at": "2026-11-20T09:55:00Z", "duration_seconds": 300}),
        ("call.received", {"started_at": "2026-11-20T10:00:00Z"}),
        ("call.connected", {"connected_at": "2026-11-20T10:00:00Z"}),
    ],
)
def test_occurred_at_when_left_out(event: str, more: dict[str, Any]) -> None:
    told = fact(event=event, occurred_at=None, **more)
    assert told.occurred_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_completed_is_final_and_others_are_not() -> None:
    assert fact(event="call.completed").data.final is True
    assert fact(event="call.ended").data.final is False


def test_fields_may_stand_flat_or_under_data_or_in_both() -> None:
    flat, under = fact(status="missed"), fact(data={"status": "missed"})
    assert flat.data == under.data == fact(status="missed", data={"status": "missed"}).data
    assert refused(status="missed", data={"status": "answered"})[0] == "status"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"department": "Sales"}, {"queue": Named(name="Sales")}),
        ({"menu": {"id": 7}}, {"ivr": Named(id="7")}),
        ({"agent": "Jordan"}, {"agent": Agent(name="Jordan")}),
        ({"agent": {"id": None, "name": None}}, {"agent": None}),
        ({"wrap_up_notes": "n"}, {"notes": "n"}),
        ({"digits": "12"}, {"digits": ("1", "2")}),
        ({"digit": 5, "from": 14085551234}, {"digit": "5", "from_": "14085551234"}),
        ({"duration_seconds": 12.0}, {"duration_seconds": 12}),
        ({"transcript": [{"role": "user", "text": "hi"}]}, {}),
        ({"status": None, "notes": None}, {"status": None, "notes": None}),
    ],
)
def test_field_when_written_in_another_way(more: dict[str, Any], said: dict[str, Any]) -> None:
    told = fact(**more).data
    assert {name: getattr(told, name) for name in said} == said


@pytest.mark.parametrize(
    ("more", "custom"),
    [
        ({"crm": "A1"}, {"crm": "A1"}),
        ({"custom_fields": {"a": None}, "b": [1]}, {"a": None, "b": [1]}),
        ({"agent": {"id": "1", "team": "x"}}, {"agent.team": "x"}),
        ({"transfer": {"from_agent": {"id": "1", "team": "x"}}}, {"transfer.from_agent.team": "x"}),
        ({"flags": ["x"]}, {"flags": ["x"]}),
    ],
)
def test_unknown_fields_become_custom_fields(more: dict[str, Any], custom: dict[str, Any]) -> None:
    assert fact(**more).data.custom_fields == custom


def test_mapping_renames_unknown_fields_only() -> None:
    source = Source(id="s", account_id="a", fields={"crm": "crm_id", "who": "agent", "status": "x", "old": "new"},
                    created_at=NOW, updated_at=NOW)  # fmt: skip
    told = fact(source, crm=1, who="Jordan", status="missed", custom_fields={"old": 2}).data
    assert told.custom_fields == {"crm_id": 1, "new": 2}
    assert (told.agent, told.status) == (Agent(name="Jordan"), "missed")


@pytest.mark.parametrize(
    ("more", "field", "got"),
    [
        ({"status": "lost"}, "status", "a string of 4 characters"),
        ({"duration_seconds": -1}, "duration_seconds", "a number"),
        ({"duration_seconds": 1.5}, "duration_seconds", "a number"),
        ({"duration_seconds": True}, "duration_seconds", "true or false"),
        ({"agent": []}, "agent", "a list of 0 items"),
        ({"agent": {"kind": "robot"}}, "agent.kind", "a string of 5 characters"),
        ({"tags": "vip"}, "tags", "a string of 3 characters"),
        ({"tags": ["a", 1]}, "tags[1]", "a number"),
        ({"transcript": {"turns": [{"role": "a"}]}}, "transcript.turns[0].text", None),
        ({"transcript": [{"role": "a", "text": "b", "words": []}]}, "transcript.turns[0].words", None),
        ({"recording": {"expires_at": "soon"}}, "recording.expires_at", "a string of 4 characters"),
        ({"from": "x" * 201}, "from", "a string of 201 characters"),
        ({"notes": "x" * 65_537}, "notes", "a string of 65537"),
        ({"notes": "\0"}, "notes", "a string of 1 characters"),
        ({"x": 2**70}, "x", "a larger number"),
        ({"x" * 201: 1}, "x" * 20, None),
        ({"data": []}, "data", "a list of 0 items"),
        ({"custom_fields": []}, "custom_fields", "a list of 0 items"),
        ({"sequence": -1}, "sequence", "a number"),
        ({"event_id": ""}, "event_id", "a string of 0 characters"),
        ({"leg_id": {}}, "leg_id", "an object of 0 members"),
    ],
)
def test_field_when_it_breaks_a_rule(more: dict[str, Any], field: str, got: str | None) -> None:
    assert refused(**more) == (field, got)


def test_error_never_repeats_what_was_sent() -> None:
    with pytest.raises(Invalid) as caught:
        fact(status="hush-hush")
    assert "hush" not in json.dumps([caught.value.message, str(caught.value.errors)])


def test_transcript_may_be_long() -> None:
    told = fact(transcript=[{"role": "user", "text": "x" * 100_000}]).data.transcript
    assert told is not None
    assert len(told.turns[0].text) == 100_000


def test_depth_is_eight_levels() -> None:
    assert fact(x=[[[[[[[]]]]]]]).data.custom_fields == {"x": [[[[[[[]]]]]]]}
    assert refused(x=[[[[[[[[]]]]]]]])[0].startswith("x[0]")


def test_natural_id_is_the_senders_else_the_contents() -> None:
    assert fact(event_id="evt_1").natural_id == "evt_1"
    assert (
        fact(a=1, b=2).natural_id
        == http.fact(dict(reversed((EVENT | {"b": 2, "a": 1}).items())), SOURCE).natural_id
    )
    assert fact(a=1).natural_id != fact(a=2).natural_id
    assert fact(a=None).natural_id == fact().natural_id


def test_direction_of_the_source_when_the_event_says_none() -> None:
    source = Source(id="s", account_id="a", direction="outbound", created_at=NOW, updated_at=NOW)
    assert fact(source).data.direction == "outbound"
    assert fact(source, direction="inbound").data.direction == "inbound"


def test_parse_keeps_the_good_ones_and_names_the_bad() -> None:
    parsed = http.parse(SOURCE, "", {}, json.dumps([EVENT, 5, EVENT | {"call_id": None}]).encode())
    assert [told.call_key for told in parsed.facts] == ["c1"]
    assert [index for index, _ in parsed.errors] == [1, 2]


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_parse_when_the_whole_is_unreadable(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        http.parse(SOURCE, "", {}, body)
    assert caught.value.code == "unreadable"


def test_parse_when_there_are_too_many() -> None:
    with pytest.raises(TooLarge):
        http.parse(SOURCE, "", {}, b"[" + b",".join([b"1"] * 1001) + b"]")


def test_our_own_body_is_understood() -> None:
    """What AfterCall sends may be posted to another AfterCall."""
    body: dict[str, Any] = {
        "agent": {"id": None, "name": None},
        "queue": {"id": None, "name": None},
        "revision": 1,
        "final": True,
    }
    told = fact(**body).data
    assert told == Data(final=True, custom_fields={"revision": 1})
