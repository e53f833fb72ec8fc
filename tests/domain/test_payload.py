# The standard body and how every body becomes bytes: field for field, and the same after a JavaScript round trip.

import json
import re
import subprocess
from datetime import timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.call import Call
from aftercall.domain.errors import TooLarge
from aftercall.domain.event import Event
from aftercall.domain.fact import Analysis, Transcript, Turn
from aftercall.domain.payload import MAX_BODY, render
from aftercall.domain.standard import CONTRACT
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import dumps, tidy
from tests.domain.samples import ANSWERED, BARE, COMPLETED, MISSED, START, WEBHOOK, but, event
from tests.support.node import node

GOLDEN = (
    '{"event":"call.completed","event_id":"evt_01K37ABCDEFGHJKMNPQRSTVWXYZAAAAAAAAAAAAAAAA",'
    '"occurred_at":"2025-08-21T11:02:44Z","call_id":"cl_01K37ABCDEFGHJKMNPQRSTVWXY","parent_call_id":null,'
    '"direction":"inbound","from":"+14085551234","to":"+14085559876","status":"answered","reason":null,'
    '"queue":{"id":"q_23","name":"Support"},"agent":{"id":"ag_102","name":"Jordan"},'
    '"started_at":"2025-08-21T10:58:13Z","connected_at":"2025-08-21T10:58:33Z",'
    '"ended_at":"2025-08-21T11:02:44Z","duration_seconds":271,"talk_time_seconds":251,"wrap_up_seconds":20,'
    '"recording_url":"https://recordings.example/abc123.mp3","notes":"Callback scheduled",'
    '"custom_fields":{"crm_id":"ACME-4451","priority":"high"},'
    '"revision":1,"sequence":9,"final":true,"is_test":false,"account_id":"ac_1","source_id":"src_1",'
    '"source_call_key":"1628512094.7228905","call_type":"direct","did":"+14085559876",'
    '"customer_number":"+14085551234","ivr":{"id":"3112","name":"Main menu"},'
    '"agents":[{"id":"ag_101","name":"Kim","number":"101","outcome":"missed",'
    '"dialed_at":"2025-08-21T10:58:18Z","ended_at":"2025-08-21T10:58:26Z","reason":"no_answer","ring_seconds":8},'
    '{"id":"ag_102","name":"Jordan","number":"+14085550102","outcome":"answered",'
    '"dialed_at":"2025-08-21T10:58:27Z","answered_at":"2025-08-21T10:58:33Z",'
    '"ended_at":"2025-08-21T11:02:44Z","ring_seconds":6}],'
    '"missed_agents":[{"id":"ag_101","name":"Kim","number":"101","reason":"no_answer","ring_seconds":8}],'
    '"server_answered_at":"2025-08-21T10:58:14Z","billable_seconds":270,"bridged_seconds":251,'
    '"ring_time_seconds":6,"wait_seconds":15,"hangup":{"cause":"NORMAL_CLEARING","cause_code":16,"by":"caller"},'
    '"digits":"1","tags":["vip"],"billing":{"circle":"Delhi","operator":"Example Tel"}}'
)


def body(call: Call = ANSWERED, told: Event = COMPLETED, webhook: Webhook = WEBHOOK) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(render(webhook, told.name, told, call, "src_1").body)
    return made


def through_javascript(raw: bytes) -> bytes:
    script = (
        "const chunks = []; process.stdin.on('data', c => chunks.push(c)).on('end', () =>"
        "process.stdout.write(JSON.stringify(JSON.parse(Buffer.concat(chunks).toString('utf8')))))"
    )
    return subprocess.run(
        [node(), "-e", script], input=raw, capture_output=True, check=True, timeout=30
    ).stdout


def test_standard_body_of_an_answered_call() -> None:
    rendered = render(WEBHOOK, "call.completed", COMPLETED, ANSWERED, "src_1")
    assert rendered.body.decode() == GOLDEN
    assert rendered.content_type == "application/json"
    assert rendered.query == ""
    assert 1000 < len(rendered.body) < 3000


def test_the_21_fields_lead_in_their_order_even_when_nothing_is_known() -> None:
    made = body(BARE, event("call.received"))
    assert CONTRACT == (
        "event", "event_id", "occurred_at", "call_id", "parent_call_id", "direction", "from", "to", "status",
        "reason", "queue", "agent", "started_at", "connected_at", "ended_at", "duration_seconds",
        "talk_time_seconds", "wrap_up_seconds", "recording_url", "notes", "custom_fields",
    )  # fmt: skip
    assert tuple(made)[:21] == CONTRACT
    assert made["queue"] == made["agent"] == {"id": None, "name": None}
    assert made["custom_fields"] == {}
    assert set(made) - set(CONTRACT) == {
        "revision", "sequence", "final", "is_test", "account_id", "source_id", "source_call_key", "call_type",
    }  # fmt: skip
    assert made["final"] is False


def test_times_are_whole_seconds_in_utc_whatever_zone_they_came_in() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    call = but(ANSWERED, started_at=START.astimezone(india), disposition_at=START)
    made = body(call)
    assert made["started_at"] == made["disposition_at"] == "2025-08-21T10:58:13Z"
    times = [v for k, v in made.items() if k.endswith("_at")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v) for v in times)


def test_changes_of_a_revision_stand_beside_the_fields_and_not_in_details() -> None:
    changes = [{"path": "wrap_up_seconds", "old": None, "new": 20}]
    made = body(told=event("call.updated", revision=2, changes=changes, by="ag_102"))
    assert made["changes"] == changes
    assert made["details"] == {"by": "ag_102"}
    assert made["final"] is True


def test_details_hold_what_is_particular_to_the_event() -> None:
    assert body(told=event("call.dtmf", digit="5"))["details"] == {"digit": "5"}
    assert "details" not in body()


def test_late_and_tests_are_marked() -> None:
    assert body(told=but(COMPLETED, late=True))["late"] is True
    assert "late" not in body()
    assert body(told=but(COMPLETED, is_test=True))["is_test"] is True
    assert body(but(ANSWERED, is_test=True))["is_test"] is True


def test_the_transcript_is_named_and_the_analysis_told() -> None:
    words = Transcript(id="tr_1", language="en", turns=(Turn("agent", "Hello"), Turn("customer", "Hi")))
    found = Analysis(id="an_1", summary="Wants a call.", success=True, variables={"score": 5.0, "age": None})
    made = body(but(ANSWERED, transcript=words, analysis=found))
    assert made["transcript"] == {"status": "ready", "id": "tr_1", "language": "en", "turns": 2}
    assert made["analysis"]["summary"] == "Wants a call."
    assert made["analysis"]["variables"] == {"score": 5, "age": None}


def test_extra_values_stand_beside_the_fields_and_never_replace_one() -> None:
    webhook = but(WEBHOOK, body={"team": "north", "status": "mine", "disposition": "mine", "n": 2.0})
    made = body(webhook=webhook)
    assert (made["team"], made["n"]) == ("north", 2)
    assert made["status"] == "answered"
    assert "disposition" not in made
    assert list(made)[:-2] == list(body())


def test_notes_alias_sends_notes_under_both_names() -> None:
    assert "wrap_up_notes" not in body()
    made = body(webhook=but(WEBHOOK, notes_alias=True))
    assert made["wrap_up_notes"] == made["notes"] == "Callback scheduled"
    assert body(but(MISSED, notes=None), webhook=but(WEBHOOK, notes_alias=True))["wrap_up_notes"] is None


@pytest.mark.parametrize("form", ["standard", "classic", "custom"])
def test_a_notice_is_standard_in_every_format(form: str) -> None:
    told = but(event("webhook.failing", webhook_id="wh_2"), call_id="")
    made = json.loads(render(but(WEBHOOK, format=form), told.name, told, None).body)
    assert list(made) == ["event", "event_id", "occurred_at", "is_test", "account_id", "details"]
    assert made["details"] == {"webhook_id": "wh_2"}


def test_form_has_a_pair_a_field_and_json_where_nested() -> None:
    webhook = but(WEBHOOK, content_type="application/x-www-form-urlencoded")
    rendered = render(webhook, "call.completed", COMPLETED, but(ANSWERED, notes="Übung & Co"))
    pairs = dict(parse_qsl(rendered.body.decode(), keep_blank_values=True, strict_parsing=True))
    assert tuple(pairs)[:21] == CONTRACT
    assert pairs["from"] == "+14085551234"
    assert pairs["queue"] == '{"id":"q_23","name":"Support"}'
    assert pairs["notes"] == "Übung & Co"
    assert (pairs["reason"], pairs["duration_seconds"], pairs["final"]) == ("", "271", "true")
    assert rendered.content_type == "application/x-www-form-urlencoded"


def test_get_has_the_form_as_query_and_no_body() -> None:
    form = render(but(WEBHOOK, content_type="application/x-www-form-urlencoded"), "x", COMPLETED, ANSWERED)
    get = render(but(WEBHOOK, method="GET"), "x", COMPLETED, ANSWERED)
    assert get.query == form.body.decode()
    assert get.body == b""


def test_javascript_writes_the_body_back_byte_for_byte() -> None:
    odd = {
        "b": "quote \" backslash \\ slash / \x00\x07\b\t\n\f\r\x1f\x7f < > & ' \u2028\u2029 é 日本 🎉",
        "10": [1, 5.0, -0.5, 1e-5, 0.1, 1234567.125, 2**53 - 1, -3],
        "2": {"z": {}, "07": [], "-1": 1, "0": 2},
        "__proto__": 1,
        "": None,
        "t": True,
    }
    changed = event("call.updated", revision=2, changes=[{"path": "x", "old": 5.0, "new": {"3": 1, "1": 2}}])
    raw = render(
        but(WEBHOOK, body={"9": odd}), "call.updated", changed, but(ANSWERED, custom_fields=odd)
    ).body
    assert through_javascript(raw) == raw


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.text(st.characters(codec="utf-8"))
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.decimals(-100000, 100000, places=3).map(float),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


def test_javascript_writes_any_ordinary_values_back_byte_for_byte() -> None:
    seen: list[Any] = []

    @given(_values)
    def collect(value: Any) -> None:
        seen.append(tidy(value))

    collect()
    raw = dumps(seen)
    assert through_javascript(raw) == raw


def test_half_a_surrogate_pair_does_not_stop_a_delivery() -> None:
    assert body(but(ANSWERED, notes="x\ud800y"))["notes"] == "x?y"
    form = but(
        WEBHOOK, content_type="application/x-www-form-urlencoded", body={"k": "\ud800", "l": ["\ud800"]}
    )
    assert b"k=%3F" in render(form, "x", COMPLETED, ANSWERED).body


def test_values_nested_beyond_reason_are_cut() -> None:
    deep: Any = "core"
    for _ in range(900):
        deep = [deep]
    assert b"core" not in render(WEBHOOK, "x", COMPLETED, but(ANSWERED, custom_fields={"deep": deep})).body


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (5.0, 5),
        (float("nan"), None),
        (float("inf"), None),
        ((1, 2), [1, 2]),
        ({1: "a"}, {"1": "a"}),
        (START, "2025-08-21T10:58:13Z"),
        (Turn("agent", "Hi", start=1.0), {"role": "agent", "text": "Hi", "start": 1}),
        (b"abc", "YWJj"),
    ],
)
def test_tidy(value: Any, made: Any) -> None:
    assert tidy(value) == made
    assert type(tidy(value)) is type(made)


def test_what_is_too_large_is_refused() -> None:
    webhook = but(WEBHOOK, format="custom", template=["{{ call.notes }}"] * 20)
    with pytest.raises(TooLarge):
        render(webhook, "x", COMPLETED, but(ANSWERED, notes="x" * (MAX_BODY // 20)))
