# The summary of a call by webhook: all of the mail's, the standard body, moments and other actions' results (S4).

import json
from datetime import UTC, datetime

import msgspec

from aftercall.domain.call_report import OWN, ActionResult, Reached, masked, moments, webhook_summary
from aftercall.domain.fact import Transcript, Turn
from aftercall.domain.payload import MAX_BODY, encode
from aftercall.domain.project import project
from aftercall.domain.standard import CONTRACT, standard
from tests.domain.messages import ANA, TALKED
from tests.domain.samples import COMPLETED, MISSED, WEBHOOK, at, but, event
from tests.sources.asterisk.captures import first_call

LATER = datetime(2025, 8, 22, 4, 30, tzinfo=UTC)
ACTIONS = (
    ActionResult(
        rule_id="ru_1",
        name="Thank the caller",
        channel="sms",
        recipients=(
            Reached(
                role="caller", to="+14085551234", status="delivered", provider="twilio", provider_id="SM1", segments=1
            ),
            Reached(
                role="user", to="jordan@example.com", status="deferred", reason="outside_window", deferred_until=LATER
            ),
        ),
    ),
    ActionResult(rule_id="ru_2", channel="email", skipped="over_limit"),
)  # fmt: skip
BODY = webhook_summary(WEBHOOK, COMPLETED, TALKED, contact=ANA, actions=ACTIONS, source_id="src_1")


def test_report_is_the_standard_body_with_more_beside_it() -> None:
    plain = json.loads(msgspec.json.encode(standard(WEBHOOK, COMPLETED, TALKED, "src_1")))
    sent = json.loads(encode(WEBHOOK, BODY).body)
    assert {name: sent[name] for name in plain} == plain
    assert set(sent) - set(plain) == set(OWN)
    assert tuple(sent)[: len(CONTRACT)] == CONTRACT


def test_report_has_everything_of_the_mail() -> None:
    assert BODY["summary"] == "Answered by Jordan (Support), 4 min 11 s. Notes: Callback scheduled."
    assert BODY["title"] == "Answered call from Ana López, +14085551234"
    assert BODY["caller"] == "Ana López, +14085551234"
    assert BODY["contact"] == {"id": "ct_1", "name": "Ana López", "number": "+14085551234"}
    assert BODY["phone_type"] == "landline_or_mobile"
    assert BODY["duration_seconds"] == 271
    assert BODY["recording_url"] == "https://recordings.example/abc123.mp3"
    assert BODY["transcript_turns"] == [
        {"role": "agent", "text": "Hello."},
        {"role": "customer", "text": "Hi, it's me."},
    ]
    assert BODY["transcript_complete"] is True


def test_report_has_status_and_times() -> None:
    assert (BODY["status"], BODY["started_at"], BODY["ended_at"]) == (
        "answered",
        "2025-08-21T10:58:13Z",
        "2025-08-21T11:02:44Z",
    )


def test_report_tells_what_became_of_the_other_actions() -> None:
    assert BODY["actions"] == [
        {
            "rule_id": "ru_1",
            "name": "Thank the caller",
            "channel": "sms",
            "recipients": [
                {
                    "role": "caller",
                    "to": "+*********34",
                    "status": "delivered",
                    "provider": "twilio",
                    "provider_id": "SM1",
                    "segments": 1,
                },
                {
                    "role": "user",
                    "to": "j***@example.com",
                    "status": "deferred",
                    "reason": "outside_window",
                    "deferred_until": "2025-08-22T04:30:00Z",
                },
            ],
        },
        {"rule_id": "ru_2", "channel": "email", "skipped": "over_limit", "recipients": []},
    ]


def test_moments_are_told_in_order() -> None:
    heard = [event("call.ringing"), but(event("call.held"), occurred_at=at(60))]
    told = moments(TALKED, heard)
    assert [moment["event"] for moment in told] == [
        "started",
        "picked_up",
        "ivr",
        "agent_ringing",
        "queue",
        "agent_missed",
        "agent_ringing",
        "connected",
        "agent_answered",
        "held",
        "ended",
        "ringing",
    ]
    assert told[3]["agent"] == {"id": "ag_101", "name": "Kim"}
    assert told[4]["name"] == "Support"
    assert [moment["at"] for moment in told] == sorted(moment["at"] for moment in told)


def test_moments_of_a_captured_transfer() -> None:
    told = moments(project(first_call("blind_transfer")).call)
    assert "transferred" in [moment["event"] for moment in told]
    assert (told[0]["event"], told[-1]["event"]) == ("started", "ended")


def test_report_of_a_call_without_anything_has_its_fields() -> None:
    body = webhook_summary(WEBHOOK, COMPLETED, MISSED)
    assert (body["contact"], body["transcript_turns"], body["actions"]) == (None, [], [])


def test_long_transcript_is_cut_and_says_so() -> None:
    words = Transcript(turns=tuple(Turn("agent", f'{i} "' + "x" * 1000) for i in range(500)))
    body = webhook_summary(WEBHOOK, COMPLETED, but(TALKED, transcript=words))
    assert body["transcript_complete"] is False
    assert 100 < len(body["transcript_turns"]) < 150
    assert body["transcript"]["turns"] == 500
    assert len(encode(WEBHOOK, body).body) < MAX_BODY


def test_own_values_of_the_webhook_never_replace_the_reports() -> None:
    body = webhook_summary(but(WEBHOOK, body={"summary": "x", "team": "blue"}), COMPLETED, TALKED)
    assert body["team"] == "blue"
    assert body["summary"] != "x"


def test_addresses_are_masked() -> None:
    assert [masked(a) for a in ("+14085551234", "a@b.example", "", "101")] == [
        "+*********34", "a***@b.example", "", "***",
    ]  # fmt: skip
