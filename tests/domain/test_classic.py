# The classic body: exact names, order and types for each trigger, and what each variable means.

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from aftercall.domain.call import Call
from aftercall.domain.event import Event
from aftercall.domain.fact import Named
from aftercall.domain.payload import render
from aftercall.domain.trigger import HANGUP_VARIABLES, TRIGGERS
from aftercall.domain.webhook import Webhook
from tests.domain.samples import ANSWERED, BARE, MISSED, WEBHOOK, but, event

CLASSIC = but(WEBHOOK, format="classic")
OUTBOUND = but(
    ANSWERED,
    direction="outbound",
    from_="+14085559876",
    to="+919876543210",
    caller_id="+918069010148",
    did=None,
)
TYPES: dict[str, Any] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "array<string>": lambda v: isinstance(v, list) and all(isinstance(i, str) for i in v),
    "array<object>": lambda v: isinstance(v, list) and all(isinstance(i, dict) for i in v),
}


def body(trigger: str, call: Call, told: Event | None = None, webhook: Webhook = CLASSIC) -> dict[str, Any]:
    known = TRIGGERS.get(trigger)
    told = told or event(known.event if known else trigger)
    made: dict[str, Any] = json.loads(render(webhook, trigger, told, call).body)
    return made


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize(
    "call", [ANSWERED, MISSED, BARE, OUTBOUND], ids=["answered", "missed", "bare", "outbound"]
)
def test_body_has_exactly_the_variables_in_order_with_their_types(trigger: str, call: Call) -> None:
    declared = TRIGGERS[trigger].variables
    made = body(trigger, call)
    assert list(made) == list(declared)
    wrong = {name: made[name] for name, kind in declared.items() if not TYPES[kind](made[name])}
    assert not wrong or (call is BARE and wrong == {"ivr_id": None})


def test_hangup_of_an_answered_call() -> None:
    assert body("hangup", ANSWERED) == {
        "uuid": "61111f5e708c5",
        "call_to_number": "14085559876",
        "caller_id_number": "14085551234",
        "customer_number_with_prefix": "14085551234",
        "customer_number": "4085551234",
        "answered_agent_number": "+14085550102",
        "answered_agent_name": "Jordan",
        "start_stamp": "2025-08-21 10:58:13",
        "answer_stamp": "2025-08-21 10:58:14",
        "end_stamp": "2025-08-21 11:02:44",
        "hangup_cause": "NORMAL_CLEARING",
        "billsec": "270",
        "digits_dialed": ["1"],
        "direction": "inbound",
        "duration": "271",
        "answered_agent": {"id": "ag_102", "name": "Jordan", "number": "+14085550102"},
        "missed_agent": [
            {
                "id": "ag_101",
                "name": "Kim",
                "number": "101",
                "reason": "no_answer",
                "rang_at": "2025-08-21 10:58:18",
                "ring_seconds": 8,
            }
        ],
        "call_flow": [
            {"type": "ivr", "id": "3112", "name": "Main menu", "at": "2025-08-21 10:58:14", "duration": 4},
            {"type": "queue", "id": "q_23", "name": "Support", "at": "2025-08-21 10:58:18", "duration": 15},
            {
                "type": "agent",
                "id": "ag_101",
                "name": "Kim",
                "at": "2025-08-21 10:58:18",
                "duration": 8,
                "dialst": "missed",
                "leg": "leg-a",
            },
            {
                "type": "agent",
                "id": "ag_102",
                "name": "Jordan",
                "at": "2025-08-21 10:58:27",
                "duration": 6,
                "dialst": "answered",
                "leg": "leg-b",
            },
        ],
        "broadcast_lead_fields": "",
        "recording_url": "https://recordings.example/abc123.mp3",
        "start_date": "2025-08-21",
        "start_time": "10:58:13",
        "call_connected": True,
        "broadcast_name": "",
        "broadcast_id": "",
        "bridged_duration": "251",
        "call_status": "Answered",
        "call_id": "cl_01K37ABCDEFGHJKMNPQRSTVWXY",
        "outbound_sec": "0",
        "agent_ring_time": "6",
        "billing_circle": {"operator": "Example Tel", "circle": "Delhi"},
        "telecom_operator": "Example Tel",
        "telecom_circle": "Delhi",
        "first_missed_agent_number": "101",
        "first_missed_agent_follow_me_number": "+14085550199",
        "end_time": "11:02:44",
        "aws_call_recording_identifier": "rec_1",
    }


def test_what_is_unknown_is_empty_in_its_type() -> None:
    made = body("hangup", BARE)
    assert made["customer_number"] == made["end_stamp"] == made["call_status"] == made["recording_url"] == ""
    assert made["billsec"] == made["agent_ring_time"] == "0"
    assert made["answered_agent"] == {}
    assert made["billing_circle"] == {"operator": None, "circle": None}
    assert made["missed_agent"] == made["call_flow"] == made["digits_dialed"] == []
    assert made["call_connected"] is False


@pytest.mark.parametrize(
    ("form", "zone", "stamp", "date", "time"),
    [
        ("default", "UTC", "2025-08-21 10:58:13", "2025-08-21", "10:58:13"),
        ("default", "Asia/Kolkata", "2025-08-21 16:28:13", "2025-08-21", "16:28:13"),
        ("default", "Pacific/Auckland", "2025-08-21 22:58:13", "2025-08-21", "22:58:13"),
        ("epoch", "Asia/Kolkata", "1755773893", "2025-08-21", "16:28:13"),
        ("iso8601", "UTC", "2025-08-21T10:58:13Z", "2025-08-21", "10:58:13"),
        ("iso8601", "Asia/Kolkata", "2025-08-21T16:28:13+05:30", "2025-08-21", "16:28:13"),
        ("default", "Not/AZone", "2025-08-21 10:58:13", "2025-08-21", "10:58:13"),
    ],
)
def test_times_follow_the_webhook(form: str, zone: str, stamp: str, date: str, time: str) -> None:
    made = body("hangup", ANSWERED, webhook=but(CLASSIC, date_format=form, time_zone=zone))
    assert (made["start_stamp"], made["start_date"], made["start_time"]) == (stamp, date, time)


def test_outbound_numbers_are_the_customers_and_ours_shown() -> None:
    made = body("hangup", OUTBOUND)
    assert made["call_to_number"] == made["customer_number_with_prefix"] == "919876543210"
    assert made["customer_number"] == "9876543210"
    assert made["caller_id_number"] == "918069010148"


def test_a_number_that_is_none_stays_as_it_is() -> None:
    made = body("hangup", but(ANSWERED, from_="reception"))
    assert made["customer_number"] == made["customer_number_with_prefix"] == "reception"


@pytest.mark.parametrize(
    ("trigger", "call", "status"),
    [
        ("hangup", ANSWERED, "Answered"),
        ("hangup", MISSED, "Missed"),
        ("hangup", but(MISSED, status="voicemail"), "Missed"),
        ("missed_by_customer", MISSED, "Missed"),
        ("answered_by_agent", but(ANSWERED, status=None), "answered"),
        ("session_call_answered", but(ANSWERED, status=None), "answered"),
        ("answered_by_customer", but(ANSWERED, status=None), "answered by customer"),
    ],
)
def test_call_status_has_the_words_of_its_trigger(trigger: str, call: Call, status: str) -> None:
    assert body(trigger, call)["call_status"] == status


def test_direction_names_click_to_call() -> None:
    assert body("hangup", but(OUTBOUND, call_type="click_to_call"))["direction"] == "click_to_call"


def test_call_id_is_the_sources_where_the_webhook_wants_that() -> None:
    assert (
        body("hangup", ANSWERED, webhook=but(CLASSIC, call_id_style="source"))["call_id"]
        == "1628512094.7228905"
    )


def test_an_agent_event_is_about_its_own_agent_and_leg() -> None:
    told = event("call.agent_dialed", agent={"id": "ag_101", "name": "Kim", "number": "101"}, leg="leg-a")
    made = body("dialed_on_agent", ANSWERED, told)
    assert (made["agent_name"], made["agent_number"], made["uuid"]) == ("Kim", "101", "leg-a")
    assert made["dept_name"] == ["Support"]
    assert made["ivr_name"] == ["Main menu"]
    assert made["date"] == "2025-08-21 11:02:44"


def test_an_agent_who_was_dialled_is_not_the_one_who_answered() -> None:
    told = event("call.agent_missed", agent={"name": "Kim"})
    assert body("call.agent_missed", ANSWERED, told)["answered_agent_name"] == "Jordan"
    told = event("call.agent_answered", agent={"name": "Robin", "number": "103"})
    assert body("answered_by_agent", ANSWERED, told)["answered_agent_number"] == "103"


def test_menu_department_and_key_come_from_the_event() -> None:
    told = event("call.ivr_answered", ivr={"id": "7", "name": "Night"})
    made = body("answered_on_ivr", ANSWERED, told)
    assert (made["ivr_id"], made["ivr_name"]) == (7, "Night")
    told = event("call.department_entered", department={"id": "d1", "name": "Sales"}, queue={"id": "d1"})
    made = body("received_on_department", ANSWERED, told)
    assert (made["dept_id"], made["dept_name"], made["ivr_name"]) == ("d1", "Sales", "Main menu")
    assert body("dtmf_option", ANSWERED, event("call.dtmf", digit="#"))["digit_pressed"] == "#"
    told = event("call.auto_attendant_entered", auto_attendant={"id": "3649", "name": "Festival"})
    assert body("received_on_auto_attendant", ANSWERED, told)["auto_attendant_name"] == "Festival"


def test_a_menu_whose_id_is_no_integer_has_none() -> None:
    assert body("answered_on_ivr", but(ANSWERED, ivr=Named("main", "Main")))["ivr_id"] is None


def test_dialer_triggers_have_their_flow_and_lead_as_json_text() -> None:
    call = but(OUTBOUND, call_type="dialer", campaign=Named("7", "Spring"), lead={"name": "Ada", "age": 36.0})
    made = body(
        "disposition_updated_dialer", but(call, disposition="Interested", sub_disposition="Call back")
    )
    assert json.loads(made["call_flow"])[0]["type"] == "ivr"
    assert made["lead_fields"] == '{"name":"Ada","age":36}'
    assert (made["campaign_id"], made["campaign_name"], made["agent"]) == ("7", "Spring", "Jordan")
    assert (made["disposition"], made["sub_dispositon"]) == ("Interested", "Call back")


def test_missed_by_customer_has_the_agents_name_where_others_have_the_agent() -> None:
    assert body("missed_by_customer", OUTBOUND)["answered_agent"] == "Jordan"


def test_an_event_of_ours_has_the_variables_of_a_hangup() -> None:
    assert list(body("call.updated", ANSWERED)) == list(HANGUP_VARIABLES)


def test_extra_values_follow_and_never_replace_a_variable() -> None:
    made = body("received_on_server", ANSWERED, webhook=but(CLASSIC, body={"team": "north", "uuid": "mine"}))
    assert list(made)[-1] == "team"
    assert made["uuid"] == "61111f5e708c5"


def test_form_and_query_have_the_same_pairs() -> None:
    form = but(CLASSIC, content_type="application/x-www-form-urlencoded")
    rendered = render(form, "hangup", event(), ANSWERED)
    pairs = dict(parse_qsl(rendered.body.decode(), keep_blank_values=True, strict_parsing=True))
    assert list(pairs) == list(HANGUP_VARIABLES)
    assert pairs["digits_dialed"] == '["1"]'
    assert pairs["call_connected"] == "true"
    assert render(but(CLASSIC, method="GET"), "hangup", event(), ANSWERED).query == rendered.body.decode()
