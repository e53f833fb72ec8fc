# The summary of a call in words, and the messages of a rule that names no template (S4).

from typing import Any

import pytest

from aftercall.domain.call import Call
from aftercall.domain.fact import Agent, Analysis, Transcript, Turn
from aftercall.domain.message_defaults import email_summary, sms_summary
from aftercall.domain.message_template import check, render_email, render_sms
from aftercall.domain.project import project
from aftercall.domain.summary import label, summary, title
from tests.domain.messages import ANA, TALKED, TOLD
from tests.domain.samples import ANSWERED, BARE, MISSED, but
from tests.sources.asterisk.captures import first_call
from tests.sources.vapi.test_vapi import fixture
from tests.sources.vectors import read, told


def captured(name: str) -> Call:
    return project(first_call(name)).call


AI = told([read("vapi", fixture("inbound_4_report"))]).call


@pytest.mark.parametrize(
    ("name", "head", "words"),
    [
        ("queue_answered", "Answered call from +14085551234", "Answered by Jordan (support), 4 s."),
        (
            "queue_abandon",
            "Abandoned call from +14085551234",
            "Abandoned (support) after 3 s of waiting: the caller hung up in the queue.",
        ),
        ("missed_noanswer", "Missed call from +14085551234", "Missed: nobody answered."),
        ("busy", "Missed call from +14085551234", "Missed: the line was busy."),
        ("voicemail", "Voicemail from +14085551234", "The caller left a voicemail, 6 s."),
        ("blind_transfer", "Answered call from +14085551234", "Answered by agent2, 1 s."),
    ],
)
def test_captured_call_in_words(name: str, head: str, words: str) -> None:
    call = captured(name)
    assert (title(call), summary(call)) == (head, words)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (ANSWERED, "Answered by Jordan (Support), 4 min 11 s. Notes: Callback scheduled."),
        (
            but(MISSED, disposition="Lead", sub_disposition="Hot", notes="Ring back!"),
            "Missed (Support) after 15 s of waiting: no agent answered. Disposition: Lead / Hot. Notes: Ring back!",
        ),
        (BARE, "The call is going on."),
        (but(BARE, ended_at=ANSWERED.ended_at), "The call has ended."),
        (but(BARE, status="missed", reason="unknown"), "Missed."),
        (but(BARE, status="answered", agent=Agent(number="+1408")), "Answered by +1408."),
        (but(ANSWERED, analysis=Analysis(summary=" Wants a refund. ")), "Wants a refund."),
        (but(BARE, status="missed", analysis=Analysis(summary=" \n")), "Missed."),
        (but(BARE, status="missed", analysis=Analysis(status="failed")), "Missed."),
        (but(BARE, status="missed", notes="a\r\nb"), "Missed. Notes: a\nb."),
    ],
)
def test_every_call_has_a_summary(call: Call, words: str) -> None:
    assert summary(call) == words


def test_ai_agents_own_summary_is_the_summary() -> None:
    assert summary(AI) == "Sam moved the appointment."


@pytest.mark.parametrize(
    ("call", "contact", "words"),
    [
        (ANSWERED, None, "+14085551234"),
        (ANSWERED, ANA, "Ana López, +14085551234"),
        (ANSWERED, but(ANA, name=""), "+14085551234"),
        (BARE, None, "withheld number"),
        (ANSWERED, but(ANA, name="A\r\nB\u202e"), "A B, +14085551234"),
    ],
)
def test_label_is_the_contacts_name_and_the_caller_id(call: Call, contact: Any, words: str) -> None:
    assert label(call, contact) == words


def test_title_of_an_outbound_call_says_to() -> None:
    assert title(but(ANSWERED, direction="outbound")) == "Answered call to +14085559876"


def test_sms_has_caller_id_contact_name_and_summary() -> None:
    sms = render_sms(sms_summary("ac_1"), but(TOLD, call=AI, contact=ANA))
    assert sms.text == "Ana López, +14085551234: Sam moved the appointment."
    assert sms.missing == ()


def test_sms_of_an_unknown_number_has_caller_id_and_summary() -> None:
    sms = render_sms(sms_summary("ac_1"), but(TOLD, call=captured("queue_answered")))
    assert (sms.text, sms.segments) == ("+14085551234: Answered by Jordan (support), 4 s.", 1)


def test_long_summary_stays_within_what_providers_take() -> None:
    call = but(ANSWERED, analysis=Analysis(summary="word " * 1000))
    assert len(render_sms(sms_summary("ac_1"), but(TOLD, call=call, contact=ANA)).text) < 1200


def test_mail_has_everything_of_the_text_and_more() -> None:
    call = but(AI, duration_seconds=60)
    mail = render_email(email_summary("ac_1"), but(TOLD, call=call, contact=ANA))
    assert mail.subject == "Answered call from Ana López, +14085551234"
    assert mail.text == (
        "Answered call from Ana López, +14085551234\n\n"
        "Sam moved the appointment.\n\n"
        "Caller: Ana López, +14085551234\n"
        "Phone type: landline or mobile\n"
        "Duration: 1 min\n"
        "Recording: https://storage.vapi.ai/c0ffee00-mono.wav\n\n"
        "Transcript\n"
        "agent: Hello.\n"
        "customer: Thursday, please.\n"
    )
    for words in (
        "Ana López, +14085551234",
        "Sam moved the appointment.",
        "landline or mobile",
        "1 min",
        'href="https://storage.vapi.ai/c0ffee00-mono.wav"',
        "agent:</span> Hello.",
        "customer:</span> Thursday, please.",
    ):
        assert words in mail.html
    assert mail.missing == ()
    assert mail.call_id == TOLD.event.call_id


@pytest.mark.parametrize("name", ["queue_answered", "queue_abandon", "missed_noanswer", "busy", "voicemail"])
def test_mail_of_a_captured_call_lacks_nothing(name: str) -> None:
    mail = render_email(email_summary("ac_1"), but(TOLD, call=captured(name)))
    assert mail.missing == ()
    assert "Recording: none" in mail.text
    assert "Transcript\nnone" in mail.text
    assert "Listen to the recording" not in mail.html
    assert "{{" not in mail.html
    assert "{%" not in mail.html


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+447911123456", "mobile"),
        ("+442079460101", "landline"),
        ("+445612345678", "VoIP"),
        (None, "unknown"),
    ],
)
def test_mail_says_the_type_of_phone(number: str | None, kind: str) -> None:
    mail = render_email(email_summary("ac_1"), but(TOLD, call=but(TALKED, from_=number)))
    assert f"Phone type: {kind}\n" in mail.text


def test_mail_is_safe_in_dark_mode_and_has_its_css_inlined() -> None:
    html = render_email(email_summary("ac_1"), TOLD).html
    assert html.startswith("<!DOCTYPE html>")
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert '<p class="summary" style="' in html
    assert "http" not in html.replace("https://recordings.example/abc123.mp3", "")


def test_long_transcript_is_attached_to_the_summary() -> None:
    words = Transcript(turns=tuple(Turn("agent", f"line {i}") for i in range(1500)))
    mail = render_email(email_summary("ac_1"), but(TOLD, call=but(TALKED, transcript=words)))
    assert mail.attachments[0].content.endswith("agent: line 1499")
    assert "Transcript\nThe transcript is attached." in mail.text
    assert "The transcript is attached." in mail.html
    assert "line 7" not in mail.html


def test_transcript_of_a_thousand_turns_is_in_the_mail() -> None:
    words = Transcript(turns=tuple(Turn("agent", f"line {i}") for i in range(1000)))
    mail = render_email(email_summary("ac_1"), but(TOLD, call=but(TALKED, transcript=words)))
    assert mail.attachments == ()
    assert '<p class="turn" style="' in mail.html
    assert "line 999" in mail.html


def test_built_in_templates_would_be_accepted() -> None:
    check(sms_summary("ac_1"))
    check(email_summary("ac_1"))
