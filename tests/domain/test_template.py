# Templates: what is written between braces, the filters, the bounds, and what is said about mistakes.

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain import template as templates
from aftercall.domain.custom import SCHEMA, check, variables
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Analysis, Transcript, Turn
from aftercall.domain.payload import render
from aftercall.domain.template_filters import FILTERS, LONGEST
from tests.domain.samples import ANSWERED, BARE, COMPLETED, MISSED, WEBHOOK, but, event

Json = dict[str, Any]
OPEN = {"v": None}
CUSTOM = but(WEBHOOK, format="custom", time_zone="Asia/Kolkata")


def filled(template: Any, values: Json | None = None, zone: str = "UTC") -> Any:
    return templates.compile(template, OPEN, zone=zone).render({"v": values or {}})


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{ v.n }}", 5),
        ("{{v.n}}", 5),
        ("{{ v.flag }}", True),
        ("{{ v.list }}", ["a", "b"]),
        ("{{ v.nothing.at.all }}", None),
        ("{{ v.list[1] }}/{{ v.list.0 }}/{{ v.list[9] }}", "b/a/"),
        ("{{ v['odd key'].x }}", "found"),
        ('{{ v["odd key"].x }}', "found"),
        (" {{ v.n }}", " 5"),
        ("{{ v.n }}{{ v.flag }}{{ v.nothing }}{{ v.list }}", '5true["a","b"]'),
        ("{{ 'a }} b' }} }}", "a }} b }}"),
        ("{{ -2.5 }}", -2.5),
        ("{{ true }}", True),
        ("{{ null }}", None),
        ("{% if v %} { {v} }", "{% if v %} { {v} }"),
        (
            {"a": ["{{ v.n }}", {"b": "x{{ v.n }}"}], "n": 1, "z": None},
            {"a": [5, {"b": "x5"}], "n": 1, "z": None},
        ),
    ],
)
def test_render(template: Any, made: Any) -> None:
    values = {"n": 5, "flag": True, "list": ["a", "b"], "odd key": {"x": "found"}}
    assert filled(template, values) == made


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("v.nothing | default: 'x'", "x"),
        ("v.empty | default: v.n", 5),
        ("false | default: 1", 1),
        ("0 | default: 1", 0),
        ("v.text | truncate: 8", "Hello..."),
        ("v.text | truncate: 8, ''", "Hello, W"),
        ("v.text | truncate: 2", "..."),
        ("v.text | truncate", "Hello, World"),
        ("v.text | upcase", "HELLO, WORLD"),
        ("v.text | downcase", "hello, world"),
        ("'hELLO wORLD' | capitalize", "Hello world"),
        ("'  x ' | trim", "x"),
        ("v.text | replace: 'l', 'L'", "HeLLo, WorLd"),
        ("v.text | replace: ', World'", "Hello"),
        ("v.text | replace: '', 'x'", "Hello, World"),
        ("v.at | date", "2025-08-21 10:58:13"),
        ("v.at | date: 'epoch'", "1755773893"),
        ("v.at | date: 'iso8601', 'Asia/Kolkata'", "2025-08-21T16:28:13+05:30"),
        (
            "v.at | date: '%a %-d %b %Y, %H:%M %Z %% %e %s %F'",
            "Thu 21 Aug 2025, 10:58 UTC % 21 1755773893 2025-08-21",
        ),
        ("1755773893 | date: '%T'", "10:58:13"),
        ("v.at | date: '%9999999d %-m %Q'", "%9999999d 8 %Q"),
        ("'no time' | date: '%Y'", "no time"),
        ("999999999999999 | date", 999999999999999),
        ("'+14085551234' | phone_national", "(408) 555-1234"),
        ("'reception' | phone_national", "reception"),
        ("'+14085551234' | phone_mask", "+*********34"),
        ("'(408) 555-1234' | digits", "4085551234"),
        ("v.list | json", '["a","b"]'),
        ("v.text | json", '"Hello, World"'),
        ("v.list | join: ', '", "a, b"),
        ("v.list | join", "a b"),
        ("'x' | join", "x"),
        ("v.list | size", 2),
        ("v.text | size", 12),
        ("v.n | size", 0),
        ("v.list | first", "a"),
        ("v.list | last", "b"),
        ("v.nothing | first", None),
        ("3.14159 | round: 2", 3.14),
        ("'2.6' | round", 3),
        ("v.text | round", 0),
        ("v.n | plus: 2", 7),
        ("0.1 | plus: 0.2", 0.3),
        ("v.n | minus: '1'", 4),
        ("true | plus: 1", 1),
        ("'a b&c/é' | url_encode", "a+b%26c%2F%C3%A9"),
        ("'<a href=\"x\">&' | escape", "&lt;a href=&quot;x&quot;&gt;&amp;"),
        ("v.list | first | upcase | default: 'x'", "A"),
    ],
)
def test_filters(expression: str, made: Any) -> None:
    values = {"n": 5, "text": "Hello, World", "list": ["a", "b"], "empty": "", "at": "2025-08-21T10:58:13Z"}
    result = filled(f"{{{{ {expression} }}}}", values)
    assert result == made
    assert type(result) is type(made)


def test_date_is_in_the_webhooks_zone() -> None:
    assert filled("{{ v.at | date: '%H:%M' }}", {"at": "2025-08-21T10:58:13Z"}, "Asia/Kolkata") == "16:28"


@pytest.mark.parametrize(
    ("template", "field", "message"),
    [
        ("{{ v.x", "template", "`{{` without `}}` (at position 1)"),
        ("ab {{ }}", "template", "expected a name (at position 7)"),
        ("{{ w.x }}", "template", "nothing is called `w`; there are v (at position 4)"),
        ("{{ v.x | shout }}", "template", "there is no filter `shout`"),
        ("{{ v.x | truncate: 1, 2, 3 }}", "template", "`truncate` takes 0 to 2 arguments, not 3"),
        ("{{ v.x | default }}", "template", "`default` takes 1 to 1 arguments, not 0"),
        ("{{ v.x v.y }}", "template", "expected `|` or `}}` (at position 8)"),
        ("{{ v.x | }}", "template", "expected a filter (at position 10)"),
        ("{{ v.x | default: }}", "template", "expected a name (at position 19)"),
        ("{{ v.x + 1 }}", "template", "cannot be read (at position 8)"),
        ("{{ v.__class__() }}", "template", "cannot be read (at position 15)"),
        ({"a": [{"b": "{{ oops }}"}]}, "template.a[0].b", "nothing is called `oops`"),
        (["x" * templates.MAX_SIZE], "template", "may have at most 65536 bytes"),
        (["{{ v }}"] * 301, "template[300]", "more than 300 placeholders (at position 1)"),
        ("{{ v" + " | trim" * 11 + " }}", "template", "more than 10 filters"),
    ],
)
def test_compile_says_where_the_mistake_is(template: Any, field: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        filled(template)
    assert caught.value.errors[0].field == field
    assert message in caught.value.errors[0].message


def test_compile_refuses_what_is_nested_too_deep() -> None:
    deep: Any = "x"
    for _ in range(templates.MAX_DEPTH + 1):
        deep = {"a": deep}
    with pytest.raises(Invalid, match="nested"):
        filled(deep)


@pytest.mark.parametrize("name", [f for f in FILTERS if FILTERS[f].least == 0])
@pytest.mark.parametrize(
    "value", [None, True, 0, -1.5, 10**15, "", "x", [], [None, {}], {}, {"a": [1]}, "1e5"]
)
def test_no_filter_fails_on_any_value(name: str, value: Any) -> None:
    json.dumps(filled(f"{{{{ v.x | {name} }}}}", {"x": value}))


def test_filters_cannot_make_texts_grow_without_end() -> None:
    bomb = "{{ v.x" + " | replace: 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'" * 10 + " }}"
    escape = "{{ v.x" + " | json" * 10 + " }}"
    started = time.perf_counter()
    assert len(filled(bomb, {"x": "a" * 100})) <= LONGEST
    assert len(filled(escape, {"x": '"' * 1000})) <= LONGEST
    assert len(filled("{{ v.x | join: v.y }}", {"x": ["a"] * 10000, "y": "-" * 1000})) <= LONGEST + 200
    assert time.perf_counter() - started < 5


def test_what_is_substituted_is_not_read_again() -> None:
    assert filled("{{ v.x }}!", {"x": "{{ v.y }}", "y": "secret"}) == "{{ v.y }}!"


@given(st.text(st.characters(codec="utf-8")))
def test_text_without_braces_stays(raw: str) -> None:
    raw = raw.replace("{{", "")
    assert filled(raw) == raw


@given(st.text(st.sampled_from("{}|:,.'\"[] vx1-dtrim")))
def test_any_text_compiles_or_is_refused(raw: str) -> None:
    with contextlib.suppress(Invalid):
        filled(raw)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_json)
def test_one_token_alone_keeps_the_value(value: Any) -> None:
    assert filled(["{{ v.x }}"], {"x": value}) == [value]


# The custom body.


def custom(
    template: Any, call: Any = ANSWERED, told: Any = COMPLETED, trigger: str = "call.completed"
) -> Any:
    return json.loads(render(but(CUSTOM, template=template), trigger, told, call, "src_1").body)


def test_custom_body() -> None:
    template = {
        "id": "{{ call.id }}",
        "to": "{{ customer.phone }}",
        "text": "{{ customer.phone | phone_national }}: {{ agent.name | default: 'nobody' }}, {{ vars.goal }}",
        "seconds": "{{ call.duration_seconds }}",
        "began": "{{ call.started_at | date: '%d.%m. %H:%M' }}",
        "old": {"stamp": "{{ classic.start_stamp }}", "digits": "{{ classic.digits_dialed }}"},
        "crm": "{{ call.custom_fields.crm_id }}",
        "event": "{{ event.name }}",
        "source": "{{ source.id }}",
        "second": "{{ call.agents[1].agent.name }}",
        "missed": "{{ call.missed_agents | size }}",
    }
    call = but(ANSWERED, analysis=Analysis(summary="Fine.", success=True, variables={"goal": "renewed"}))
    assert custom(template, call) == {
        "id": "cl_01K37ABCDEFGHJKMNPQRSTVWXY",
        "to": "+14085551234",
        "text": "(408) 555-1234: Jordan, renewed",
        "seconds": 271,
        "began": "21.08. 16:28",
        "old": {"stamp": "2025-08-21 16:28:13", "digits": ["1"]},
        "crm": "ACME-4451",
        "event": "call.completed",
        "source": "src_1",
        "second": "Jordan",
        "missed": 1,
    }


def test_predefined_variables_are_there_once_analysed() -> None:
    template = ["{{ vars.summary }}", "{{ vars.status }}", "{{ call.summary }}"]
    assert custom(template, but(ANSWERED, analysis=Analysis(summary="Fine.", success=False))) == [
        "Fine.",
        False,
        "Fine.",
    ]
    assert custom(template) == [None, None, None]


def test_the_whole_transcript_can_be_had() -> None:
    words = Transcript(turns=(Turn("agent", "Hello"), Turn("customer", "Hi")))
    assert custom(["{{ call.transcript_text }}"], but(ANSWERED, transcript=words)) == [
        "agent: Hello\ncustomer: Hi"
    ]


def test_a_whole_root_is_an_object() -> None:
    whole = custom({"call": "{{ call }}", "classic": "{{ classic }}"})
    assert whole["call"]["from"] == "+14085551234"
    assert whole["call"]["started_at"] == "2025-08-21T10:58:13Z"
    assert whole["classic"]["call_status"] == "Answered"


def test_a_text_is_sent_as_it_is_written() -> None:
    webhook = but(CUSTOM, template='<call id="{{ call.id }}">{{ call.notes | escape }}</call>')
    rendered = render(webhook, "x", COMPLETED, ANSWERED)
    assert rendered.body == b'<call id="cl_01K37ABCDEFGHJKMNPQRSTVWXY">Callback scheduled</call>'
    get = render(
        but(webhook, method="GET", template="n={{ call.notes | url_encode }}&x=a b\r\nc"),
        "x",
        COMPLETED,
        ANSWERED,
    )
    assert get.query == "n=Callback+scheduled&x=a%20b%0D%0Ac"


def test_custom_as_form_has_the_members_of_the_object() -> None:
    webhook = but(
        CUSTOM,
        content_type="application/x-www-form-urlencoded",
        template={"a": "{{ call.queue }}", "b": None},
    )
    assert (
        render(webhook, "x", COMPLETED, ANSWERED).body
        == b"a=%7B%22id%22%3A%22q_23%22%2C%22name%22%3A%22Support%22%7D&b="
    )
    assert render(but(webhook, template=["x"]), "x", COMPLETED, ANSWERED).body == b"payload=%5B%22x%22%5D"


def test_extra_values_never_replace_the_templates() -> None:
    webhook = but(CUSTOM, template={"a": 1}, body={"a": 2, "b": 3.0})
    assert render(webhook, "x", COMPLETED, ANSWERED).body == b'{"a":1,"b":3}'


@pytest.mark.parametrize("call", [ANSWERED, MISSED, BARE])
def test_every_variable_on_the_list_can_be_named(call: Any) -> None:
    listed = variables()
    template = {variable.path: f"{{{{ {variable.path} }}}}" for variable in listed}
    check(template)
    assert set(custom(template, call, event("call.dtmf"), "dtmf_option")) == {v.path for v in listed}
    assert {path.partition(".")[0] for path in template} == set(SCHEMA)


def test_every_variable_that_a_call_has_is_told() -> None:
    made = custom({v.path: f"{{{{ {v.path} }}}}" for v in variables()})
    for path in (
        "call.from",
        "call.customer_number",
        "customer.country",
        "agent.number",
        "event.trigger",
        "webhook.id",
    ):
        assert made[path] not in (None, ""), path


@pytest.mark.parametrize("path", ["call.form", "customer.phon", "classic.start", "event.nam", "webhook.url"])
def test_check_refuses_members_that_are_not_there(path: str) -> None:
    with pytest.raises(Invalid, match="has no"):
        check(f"{{{{ {path} }}}}")


# What messages to people ask beyond that: what was missing, and whether a filter goes with a type.


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        ("{{ v.x }} {{ v.n }} {{ v.x | upcase }}", ("v.x",)),
        ({"a": ["{{ v.x | default: 'y' }}"], "b": "{{ v.y.z }}"}, ("v.y.z",)),
        ("{{ 'x' }} {{ null }} {{ v.flag }} {{ v.zero }}", ()),
    ],
)
def test_missing_names_paths_without_a_value(template: Any, missing: tuple[str, ...]) -> None:
    compiled = templates.compile(template, OPEN)
    assert compiled.missing({"v": {"n": 5, "flag": False, "zero": 0}}) == missing


def test_types_are_looked_at_only_where_they_are_given() -> None:
    compiled = templates.compile("{{ v.flag | date }}", OPEN)
    assert compiled.render({"v": {"flag": True}}) is True
    with pytest.raises(Invalid, match="does not go with a value of type boolean"):
        templates.compile("{{ v.flag | date }}", OPEN, kinds={"v.flag": "boolean"})


def test_long_value_passes_default_whole() -> None:
    assert len(filled("{{ v.x | default: '' }}", {"x": "x" * (LONGEST + 1)})) == LONGEST + 1


@pytest.mark.parametrize(
    ("seconds", "made"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (271, "4 min 31 s"), (3600, "1 h"), (3900, "1 h 5 min"), ("x", "x")],
)  # fmt: skip
def test_duration_is_said_as_people_do(seconds: Any, made: str) -> None:
    assert filled("{{ v.x | duration }}", {"x": seconds}) == made
