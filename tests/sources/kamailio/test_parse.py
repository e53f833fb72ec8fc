# From Kamailio's records to facts. The fixtures are captures; see the end of the file for what each call was.

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.account import Source
from aftercall.domain.errors import TooLarge, Unreadable
from aftercall.domain.fact import Fact, Kind
from aftercall.engine.upstream import Parsed
from aftercall.sources import kamailio

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def source(**given: Any) -> Source:
    return Source(id="src_1", account_id="ac_1", type="kamailio", created_at=NOW, updated_at=NOW, **given)


def parse(body: bytes | str | dict[str, Any] | list[Any], **given: Any) -> Parsed:
    raw = body if type(body) is bytes else body.encode() if type(body) is str else json.dumps(body).encode()
    return kamailio.parse(source(**given), "", {}, raw)


def only(parsed: Parsed) -> Fact:
    assert parsed.errors == ()
    assert len(parsed.facts) == 1, parsed
    return parsed.facts[0]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def transaction(**given: Any) -> dict[str, Any]:
    record = {
        "time": 1795164500.445833, "method": "INVITE", "from_tag": "1a", "to_tag": "1b", "callid": "c1",
        "sip_code": "200", "sip_reason": "OK", "src_user": "+14085551234", "dst_ouser": "+14085559876",
    }  # fmt: skip
    return {k: v for k, v in {**record, **given}.items() if v is not None}


def cdr(**given: Any) -> dict[str, Any]:
    record = {
        "start_time": "1795164500.452", "end_time": "1795164502.758", "duration": "2.306", "callid": "c1",
        "src_user": "+14085551234", "dst_ouser": "+14085559876", "final": "200",
    }  # fmt: skip
    return {k: v for k, v in {**record, **given}.items() if v is not None}


# Transactions


def test_answered_invite_connects() -> None:
    fact = only(parse(transaction()))
    assert (fact.kind, fact.call_key, fact.leg) == (Kind.CONNECTED, "c1", "1a")
    assert fact.occurred_at == at(1795164500.445833)
    assert (fact.data.from_, fact.data.to, fact.data.direction) == ("+14085551234", "+14085559876", "inbound")


@pytest.mark.parametrize("code", [302, 404, 408, 480, 486, 487, 503, 603])
def test_failed_invite_ends_with_its_code(code: int) -> None:
    fact = only(parse(transaction(sip_code=str(code), sip_reason="Busy Here")))
    assert fact.kind is Kind.ENDED
    assert fact.data.hangup is not None
    assert (fact.data.hangup.sip_code, fact.data.hangup.sip_reason) == (code, "Busy Here")


def test_failed_invite_posted_twice_is_one_fact() -> None:
    parsed = parse(
        [
            transaction(sip_code="486", time=1795164505.3013921),
            transaction(sip_code="486", time=1795164505.3057711),
        ]
    )
    assert len({fact.natural_id for fact in parsed.facts}) == 1


@pytest.mark.parametrize("code", ["401", "407"])
def test_asking_for_credentials_ends_nothing(code: str) -> None:
    parsed = parse([transaction(sip_code=code), cdr(final=code, end_time="1795164500.452", duration="0")])
    assert [fact.kind for fact in parsed.facts] == [Kind.RECEIVED]
    assert parsed.ignored == 1


def test_early_media_is_ringing() -> None:
    assert only(parse(transaction(sip_code="183"))).kind is Kind.RINGING


def test_bye_says_who_hung_up_where_the_configuration_tells() -> None:
    fact = only(parse(transaction(method="BYE", hangup_by="callee")))
    assert fact.kind is Kind.ENDED
    assert fact.data.hangup is not None
    assert (fact.data.hangup.by, fact.data.hangup.by_tag, fact.data.hangup.by_party) == ("callee", None, None)


def test_bye_tells_its_sender_otherwise() -> None:
    record = transaction(
        method="BYE",
        src_user=None,
        dst_ouser=None,
        from_uri="sip:101@127.0.0.5:15062",
        to_uri="sip:447700900123@127.0.0.4:15070",
    )
    fact = only(parse(record))
    assert fact.data.hangup is not None
    assert (fact.data.hangup.by, fact.data.hangup.by_tag, fact.data.hangup.by_party) == (None, "1a", "101")


def test_bye_gives_no_numbers_and_no_fields() -> None:
    data = only(parse(transaction(method="BYE", dst_user="uas", ac_x="1"))).data
    assert (data.from_, data.to, data.direction, data.custom_fields) == (None, None, None, None)


def test_cancel_is_the_callers() -> None:
    fact = only(parse(transaction(method="CANCEL")))
    assert fact.kind is Kind.ENDED
    assert fact.data.hangup is not None
    assert (fact.data.hangup.by, fact.data.hangup.sip_code, fact.data.hangup.sip_reason) == (
        "caller",
        487,
        None,
    )


@pytest.mark.parametrize("method", ["PRACK", "ACK", "UPDATE", "REGISTER"])
def test_other_methods_are_ignored(method: str) -> None:
    parsed = parse(transaction(method=method))
    assert (parsed.facts, parsed.errors, parsed.ignored) == ((), (), 1)


# CDRs


def test_cdr_of_an_answered_call_has_all_of_it() -> None:
    parsed = parse(cdr(answered="1795164501.5", hangup_by="caller", from_tag="1a"))
    start, connected, end = parsed.facts
    assert (start.kind, start.occurred_at) == (Kind.RECEIVED, at(1795164500.452))
    assert (connected.kind, connected.occurred_at) == (Kind.CONNECTED, at(1795164501.5))
    assert (end.kind, end.occurred_at) == (Kind.ENDED, at(1795164502.758))
    assert end.data.status == "answered"
    assert end.data.hangup is not None
    assert (end.data.hangup.sip_code, end.data.hangup.by) == (200, "caller")
    assert {fact.leg for fact in parsed.facts} == {"1a"}


def test_cdr_with_a_length_is_answered_whatever_became_of_the_bye() -> None:
    assert parse(cdr(final=None, sip_code="481")).facts[-1].data.status == "answered"


def test_cdr_of_a_failed_call_ends_when_it_says() -> None:
    given = {"end_time": "1795164500.452", "duration": "0", "final": "487", "ended": "1795164503.1"}
    start, end = parse(cdr(**given)).facts
    assert (start.kind, end.kind, end.occurred_at) == (Kind.RECEIVED, Kind.ENDED, at(1795164503.1))
    assert end.data.status is None
    assert end.data.hangup is not None
    assert end.data.hangup.sip_code == 487


def test_cdr_of_an_outbound_call_starts_it_so() -> None:
    start = parse(cdr(dir="outbound")).facts[0]
    assert (start.kind, start.data.direction) == (Kind.INITIATED, "outbound")


@pytest.mark.parametrize("record", [cdr(), transaction()])
def test_direction_is_the_sources_unless_the_record_says(record: dict[str, Any]) -> None:
    assert parse(record, direction="outbound").facts[0].data.direction == "outbound"
    assert parse({**record, "direction": "in"}, direction="outbound").facts[0].data.direction == "inbound"


def test_internal_calls_are_marked() -> None:
    assert only(parse(transaction(dir="internal"))).data.call_type == "internal"


def test_variables_that_are_not_set_say_nothing() -> None:
    start, end = parse(cdr(answered="", ended="<null>", dir="<null>", hangup_by="")).facts
    assert start.data.direction == "inbound"
    assert end.data.hangup is not None
    assert end.data.hangup.by is None


def test_time_of_a_connect_in_whole_seconds_never_beats_an_exact_one() -> None:
    connected = parse(cdr(answered="1795164501")).facts[1]
    assert connected.occurred_at == at(1795164501.999999)


def test_formatted_times_are_read_in_the_sources_zone() -> None:
    record = cdr(start_time="2026-11-20 10:00:34", end_time="2026-11-20 10:00:37")
    fact = parse({**record, "dir": "inbound"}, time_zone="Asia/Kolkata").facts[0]
    assert fact.occurred_at == datetime(2026, 11, 20, 4, 30, 34, tzinfo=UTC)
    assert fact.data.flags == ("clock_local_assumed",)


def test_formatted_times_without_a_zone_are_refused() -> None:
    parsed = parse(cdr(start_time="2026-11-20 10:00:34", end_time="2026-11-20 10:00:37"))
    assert parsed.errors[0][1].startswith("start_time: has no time zone")


# Dialog events


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("dialog:created", Kind.RECEIVED),
        ("dialog:start", Kind.CONNECTED),
        ("dialog:end", Kind.ENDED),
        ("dialog:failed", Kind.ENDED),
    ],
)
def test_dialog_events_are_facts(event: str, kind: Kind) -> None:
    fact = only(parse({"event": event, "time": "1795168765.978016", "callid": "c1", "final": "<null>"}))
    assert (fact.kind, fact.natural_id, fact.occurred_at) == (kind, event, at(1795168765.978016))


def test_dialog_failed_has_the_code() -> None:
    fact = only(parse({"event": "dialog:failed", "t": 1795168799, "call_id": "c1", "code": "487"}))
    assert fact.data.hangup is not None
    assert fact.data.hangup.sip_code == 487


def test_unknown_events_are_ignored() -> None:
    assert parse({"event": "dialog:other", "callid": "c1"}).ignored == 1


# Numbers and fields


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("sip:+14085551234@192.0.2.1:5060;transport=udp", "+14085551234"),
        ("sip:101:secret@example.com", "101"),
        ("<sips:alice@example.com>", "alice"),
        ('"Alice" <sip:%2B14085551234;npdi@example.com>', "+14085551234"),
        ("tel:+1-408-555-1234;phone-context=x", "+1-408-555-1234"),
        ("sip:127.0.0.21:15060;transport=UDP", None),
        ("+14085551234", "+14085551234"),
        ("", None),
        (None, None),
    ],
)
def test_sip_user(address: str | None, user: str | None) -> None:
    assert kamailio.sip_user(address) == user


def test_number_as_dialled_comes_before_the_routed_one() -> None:
    assert only(parse(transaction(dst_user="101"))).data.to == "+14085559876"
    assert only(parse(transaction(dst_ouser=None, dst_user="101"))).data.to == "101"


def test_extras_become_custom_fields() -> None:
    record = transaction(
        ac_campaign="spring", tenant="t1", src_ip="192.0.2.1", ua="", empty="", ac_tier="gold"
    )
    data = only(parse(record, fields={"tier": "level"})).data
    assert data.custom_fields == {"campaign": "spring", "tenant": "t1", "level": "gold"}


# Bodies


def test_records_may_come_one_to_a_line() -> None:
    body = (
        "\n".join(json.dumps(record) for record in (transaction(), transaction(method="ACK"), cdr())) + "\n\n"
    )
    parsed = parse(body)
    assert (len(parsed.facts), parsed.ignored) == (3, 1)


def test_bad_record_leaves_its_neighbours() -> None:
    body = "\n".join(
        (
            json.dumps(transaction()),
            '{"time": 1, "method"',
            "[]",
            json.dumps(transaction(callid=None)),
            json.dumps(transaction(time="soon")),
            json.dumps(transaction(sip_code="2000")),
            json.dumps(transaction(dir="sideways")),
            json.dumps({"callid": "c1"}),
            json.dumps(transaction(method="BYE")),
        )
    )
    parsed = parse(body)
    assert len(parsed.facts) == 3
    assert [(i, message.partition(":")[0]) for i, message in parsed.errors] == [
        (1, "The body is not valid JSON"),
        (2, "record"),
        (3, "callid"),
        (4, "time"),
        (5, "sip_code"),
        (7, "record"),
    ]


def test_error_never_repeats_the_value() -> None:
    parsed = parse(transaction(dir="+14085551234", time="+14085551234"))
    assert "4085551234" not in str(parsed.errors)


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b"{\n}}\n{{", b"[" * 100_000])
def test_body_without_any_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(body)


@pytest.mark.parametrize("joint", [",", "\n"])
def test_too_many_records_are_refused(joint: str) -> None:
    body = joint.join(["{}"] * 1001)
    with pytest.raises(TooLarge):
        parse(f"[{body}]" if joint == "," else body)


@given(st.binary())
def test_any_bytes_are_parsed_or_unreadable(body: bytes) -> None:
    try:
        parse(body)
    except (Unreadable, TooLarge):
        return


names = st.sampled_from([*sorted(kamailio.KNOWN), "ac_x", "x", ""])
values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
texts = st.sampled_from([
    "INVITE", "BYE", "200", "486", "", "<null>", "dialog:start", "1795168765", "1795168765.5",
    "2026-11-20 10:00:34", "sip:@", "<sip:%ff@x>", "inbound",
])  # fmt: skip


@given(st.lists(st.dictionaries(names, values | texts | st.lists(values, max_size=2)), max_size=5))
def test_any_records_are_facts_ignored_or_errors(records: list[dict[str, Any]]) -> None:
    parsed = parse(records)
    assert all(fact.call_key and fact.natural_id and fact.occurred_at.tzinfo is UTC for fact in parsed.facts)
    assert all(0 <= i < len(records) and message for i, message in parsed.errors)
    assert len(parsed.errors) + parsed.ignored <= len(records)
