# Message templates: what is refused when one is saved, and what a text or mail says (S2).

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.clean import line, lines
from aftercall.domain.errors import Invalid, TooLarge
from aftercall.domain.fact import Agent, Analysis, Transcript, Turn
from aftercall.domain.message import Dlt
from aftercall.domain.message_context import Context, Recipient, completion, variables
from aftercall.domain.message_template import (
    INLINE_TRANSCRIPT,
    INLINE_TURNS,
    LONGEST_TRANSCRIPT,
    check,
    compile_text,
    render_email,
    render_sms,
)
from tests.domain.messages import ANA, DLT, MAIL, SMS, TALKED, TOLD
from tests.domain.samples import ANSWERED, BARE, START, but

HOSTILE = [
    "{{ call.notes }}",
    "{% for x in (1..9) %}",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=y>",
    "Bcc: all@example.com\r\nX: y",
    "\u202egnp.exe",
    "a\u200bb\ufeffc",
    "مرحبا بالعالم",
    "👩\u200d👩\u200d👧 ok",
    "\x00\x1b[2J",
    "half \ud83d",
]


def tags(html: str) -> list[str]:
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append(tag)  # type: ignore[method-assign]
    parser.feed(html)
    return found


def said(text: str, **told: Any) -> str:
    return render_sms(but(SMS, text=text), but(TOLD, **told)).text


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": " "}, "name", "1 to 100"),
        ({"text": " \n"}, "text", "must say something"),
        ({"text": "x" * 2001}, "text", "at most 2000"),
        ({"text": "Hi {{ contact.nam }}"}, "text", "`contact` has no `nam` (at position 7)"),
        ({"text": "Hi {{ person.name }}"}, "text", "nothing is called `person`"),
        ({"text": "{{ call.notes | shout }}"}, "text", "there is no filter `shout`"),
        ({"text": "{{ call.notes | default }}"}, "text", "takes 1 to 1 arguments, not 0"),
        (
            {"text": "{{ call.is_test | date }}"},
            "text",
            "`date` does not go with a value of type boolean; it takes number, time (at position 19)",
        ),
        ({"text": "{{ call.duration_seconds | date }}"}, "text", "does not go with a value of type integer"),
        ({"text": "{{ call.notes | plus: 1 }}"}, "text", "does not go with a value of type string"),
        ({"text": "{{ call.tags | upcase }}"}, "text", "does not go with a value of type array"),
        ({"text": "{{ call.notes | size | date }}"}, "text", "does not go with a value of type integer"),
        ({"text": "{{ call.tags }}"}, "text", "is an array: use join"),
        ({"text": "{{ call.queue }}"}, "text", "is an object: name one"),
        ({"text": "{{ vars }}"}, "text", "is an object"),
        ({"subject": "x"}, "subject", "only mails have one"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "such as Asia/Kolkata"),
        ({"dlt": DLT, "category": "promotional"}, "category", "must be the registered one: service_implicit"),
        ({"html": "x"}, "html", "only mails have one"),
    ],
)
def test_check_says_what_is_wrong_with_a_text(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(but(SMS, **change))
    assert caught.value.errors[0].field == field
    assert message in caught.value.errors[0].message


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"subject": ""}, "subject", "must say something"),
        ({"subject": "a\r\nBcc: b@example.com"}, "subject", "one line"),
        ({"subject": "x" * 501}, "subject", "at most 500"),
        ({"subject": "{{ call.nothing }}"}, "subject", "(at position 4)"),
        ({"html": "\n{{ call.nothing }}"}, "html", "`call` has no `nothing` (at line 2, column 4)"),
        ({"dlt": DLT}, "dlt", "only texts"),
    ],
)
def test_check_says_what_is_wrong_with_a_mail(change: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(but(MAIL, **change))
    assert caught.value.errors[0].field == field
    assert message in caught.value.errors[0].message


@pytest.mark.parametrize("template", [SMS, MAIL, but(MAIL, html="", time_zone="Etc/UTC")])
def test_check_lets_good_templates_pass(template: Any) -> None:
    check(template)


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ agent.name }}, {{ agent.number }}", "Jordan, +14085550102"),
        ("{{ recipient.role }} {{ recipient.name }} {{ recipient.address }}", "user Jordan +14085550102"),
        ("{{ rule.name }} ({{ rule.id }})", "Tell the agent (ru_1)"),
        ("{{ account.id }} {{ source.id }}", "ac_1 src_1"),
        ("{{ contact.name }} {{ contact.tags | join }} {{ contact.details.city }}", "Ana López vip Lyon"),
        ("{{ customer.label }}", "Ana López, +14085551234"),
        ("{{ customer.phone_type }}", "landline_or_mobile"),
        ("{{ call.title }}", "Answered call from Ana López, +14085551234"),
        ("{{ call.duration_seconds | duration }}", "4 min 31 s"),
        ("{{ call.started_at | date: '%H:%M' }}", "16:28"),
        ("{{ call.summary | truncate: 11, '' }}", "Answered by"),
        ("{{ call.agents | size }} {{ call.tags | first }}", "2 vip"),
    ],
)
def test_text_has_what_its_placeholders_name(source: str, made: str) -> None:
    assert said(source, contact=ANA, zone="Asia/Kolkata") == made


def test_zone_of_the_template_goes_before_the_accounts() -> None:
    template = but(SMS, text="{{ call.started_at | date: '%H:%M' }}", time_zone="America/New_York")
    assert render_sms(template, but(TOLD, zone="Asia/Kolkata")).text == "06:58"


def test_agent_of_the_message_goes_before_the_calls() -> None:
    assert said("{{ agent.name }}", agent=Agent(id="a", name="Kim")) == "Kim"


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("{{ contact.name }} {{ contact.name }} {{ vars.x }}", ("contact.name", "vars.x")),
        ("{{ contact.name | upcase | truncate: 5 }}", ("contact.name",)),
        ("{{ contact.name | default: 'you' }}", ()),
        ("{{ contact.name | default: '' }}", ()),
        ("{{ contact.name | default: vars.x }}", ("contact.name",)),
        ("{{ contact.tags | size }}", ()),
        ("{{ contact.tags | join }}", ("contact.tags",)),
        ("{{ vars.x | plus: 1 }}", ("vars.x",)),
        ("{{ call.duration_seconds }} {{ '' }} {{ null }}", ()),
    ],
)
def test_missing_names_placeholders_without_a_value(source: str, missing: tuple[str, ...]) -> None:
    assert render_sms(but(SMS, text=source), TOLD).missing == missing


def test_mail_names_what_is_missing_in_any_part() -> None:
    mail = but(MAIL, subject="{{ vars.a }}", text="{{ vars.b }} {{ vars.a }}", html="<p>{{ vars.c }}</p>")
    assert render_email(mail, TOLD).missing == ("vars.a", "vars.b", "vars.c")


def test_text_is_measured() -> None:
    sms = render_sms(but(SMS, text="नमस्ते"), TOLD)
    assert (sms.encoding, sms.segments, sms.to, sms.category) == (
        "ucs2",
        1,
        "+14085550102",
        "service_implicit",
    )


def test_variables_of_a_dlt_template_are_told() -> None:
    template = but(SMS, dlt=DLT, text="Dear {{ contact.name }}, your request {{ vars.id }} is with us. -ACME")
    check(template)
    call = but(ANSWERED, analysis=Analysis(variables={"id": "R 77"}))
    sms = render_sms(template, but(TOLD, contact=ANA, call=call))
    assert sms.variables == ("Ana López", "R 77")
    assert sms.dlt == Dlt(entity_id="1101234567890123456", template_id="1107160000000000001")


def test_check_refuses_words_that_are_not_registered() -> None:
    with pytest.raises(Invalid, match=r"expected `request `, found `order \{\{…\}\} is") as caught:
        check(but(SMS, dlt=DLT, text="Dear {{ contact.name }}, your order {{ vars.id }} is with us. -ACME"))
    assert caught.value.errors[0].field == "text"


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_strangers_stay_words(words: str) -> None:
    call = but(TALKED, from_name=words, notes=words, analysis=Analysis(summary=f"Said: {words}"))
    contact = but(ANA, name=words)
    template = but(
        MAIL,
        subject="{{ contact.name }} {{ call.title }}",
        html='<p title="{{ contact.name }}">{{ call.summary | newline_to_br }}</p>',
    )
    mail = render_email(
        template,
        but(TOLD, call=call, contact=contact, recipient=Recipient(address="a@b.example", name=words)),
    )
    for header in (mail.subject, mail.to_name):
        assert header == line(header)
        assert not set(header) & set("\r\n\u202e\x00")
    assert [tag for tag in tags(mail.html) if tag != "br"] == ["p"]
    assert "\u202e" not in mail.html + mail.text
    (mail.subject + mail.text + mail.html).encode()
    assert render_sms(SMS, but(TOLD, contact=contact)).text.encode()


def test_joiners_of_scripts_and_emoji_stay() -> None:
    words = "👩\u200d👧 क\u094d\u200dष"
    assert lines(words) == words


@given(st.text(st.characters(), max_size=200))
def test_cleaned_text_stays_as_it_is(raw: str) -> None:
    once = lines(raw)
    assert lines(once) == once
    assert line(line(raw)) == line(raw)
    assert "\r" not in once
    assert "\n" not in line(raw)
    once.encode()


def test_subject_has_an_end() -> None:
    mail = render_email(
        but(MAIL, subject="{{ call.notes }}"), but(TOLD, call=but(TALKED, notes="word " * 1000))
    )
    assert len(mail.subject) <= 250
    assert mail.subject.endswith("…")


def spoken(turns: int, words: str) -> Any:
    return but(TOLD, call=but(TALKED, transcript=Transcript(turns=(Turn("agent", words),) * turns)))


WITH_TRANSCRIPT = but(MAIL, text="{{ call.transcript_text }}", html="<p>{{ call.transcript_text }}</p>")


@pytest.mark.parametrize(
    ("turns", "words", "attached"),
    [
        (1, "x" * (INLINE_TRANSCRIPT - 7), False),
        (1, "x" * (INLINE_TRANSCRIPT - 6), True),
        (1, "ü" * (INLINE_TRANSCRIPT // 2), True),
        (INLINE_TURNS, "x", False),
        (INLINE_TURNS + 1, "x", True),
    ],
)
def test_long_transcript_is_attached(turns: int, words: str, attached: bool) -> None:
    mail = render_email(WITH_TRANSCRIPT, spoken(turns, words))
    assert [a.name for a in mail.attachments] == ["transcript.txt"] * attached
    assert ("The transcript is attached." in mail.text and "attached" in mail.html) == attached
    assert attached or words in mail.text


def test_transcript_of_ten_megabytes_has_an_end() -> None:
    mail = render_email(WITH_TRANSCRIPT, spoken(100, "x" * 100_000))
    assert len(mail.attachments[0].content) == LONGEST_TRANSCRIPT
    assert len(mail.text) < 100
    assert (
        len(render_sms(but(SMS, text="{{ call.transcript_text }}"), spoken(100, "x" * 100_000)).text) < 40_000
    )


def test_mail_that_does_not_name_the_transcript_has_none() -> None:
    assert render_email(MAIL, spoken(1, "x" * 200_000)).attachments == ()


def test_mail_that_grows_without_end_is_refused() -> None:
    with pytest.raises(TooLarge):
        render_email(
            but(MAIL, text="{{ call.notes }}" * 20), but(TOLD, call=but(TALKED, notes="x" * 100_000))
        )


@pytest.mark.parametrize("call", [TALKED, BARE])
def test_every_variable_can_be_named(call: Any) -> None:
    for variable in variables():
        shape = {"array": " | size", "object": " | json"}.get(variable.type, "")
        compile_text(f"{{{{ {variable.path}{shape} }}}}").render(Context(but(TOLD, call=call)))


def test_message_can_be_made_without_the_calls_event() -> None:
    told = but(TOLD, event=completion("cl_1", TALKED, START))
    assert said("{{ call.id }} {{ event.name }}", event=told.event) == "cl_1 call.completed"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "/etc/passwd"])
def test_recording_link_is_one_for_browsers(url: str) -> None:
    assert said(
        "{{ call.recording_url | default: 'none' }}", call=but(TALKED, recording_url=url)
    ) == "none"  # fmt: skip
