# HTML of mails: what Liquid may do here, what is refused, and that neither templates nor calls can do harm (S2, S7).

import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.errors import Invalid, TooLarge
from aftercall.domain.mail_html import MAX_SOURCE, compile_html, inlined
from aftercall.domain.markup import MAX_DEPTH, is_plain
from aftercall.domain.message_context import Context
from aftercall.domain.template_filters import FILTERS
from tests.domain.messages import ANA, TALKED, TOLD
from tests.domain.samples import but


def body(source: str, **told: Any) -> str:
    return compile_html(source).render(Context(but(TOLD, **told)))[0]


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("<b>{{ call.status | upcase }}</b>", "<b>ANSWERED</b>"),
        ("{% if contact.name %}yes{% else %}no{% endif %}", "no"),
        ("{% unless contact.name %}no{% endunless %}", "no"),
        ("{% case call.status %}{% when 'missed' %}m{% when 'answered' %}a{% endcase %}", "a"),
        ("{% for turn in call.transcript.turns %}{{ turn.role }},{% endfor %}", "agent,customer,"),
        ("{% for t in call.transcript.turns %}{{ forloop.index }}{% endfor %}", "12"),
        ("{% assign who = agent.name %}{{ who }}", "Jordan"),
        ("{% comment %}{{ call.status }}{% endcomment %}x", "x"),
        ("{{ call.duration_seconds | duration }}", "4 min 31 s"),
        ("{{ call.started_at | date: '%H:%M' }}", "10:58"),
        ("{{ call.from }} {{ call.agents[1].agent.name }}", "+14085551234 Jordan"),
        ("{{ 'a & b' }} {{ '<i>' | escape }}", "a &amp; b &lt;i&gt;"),
        ("{{ 'a&b' | escape | upcase }}", "A&amp;AMP;B"),
    ],
)
def test_liquid_and_our_filters(source: str, made: str) -> None:
    assert body(source) == made


def test_html_has_every_filter_of_texts() -> None:
    for name, known in FILTERS.items():
        args = ": 'x'" if known.least else ""
        body(f"{{% assign v = vars.any %}}{{{{ v | {name}{args} | default: 0 | json }}}}")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ call.x }}", "`call` has no `x` (at line 1, column 4)"),
        ("a\nb {{ nothing }}", "nothing is called `nothing`; there are account, agent"),
        ("a\nb {{ nothing }}", "(at line 2, column 6)"),
        ("{{ now }}", "nothing is called `now`"),
        ("{{ call[call.status] }}", "write it out"),
        ("{{ call.notes | shout }}", "there is no filter `shout`"),
        ("{{ call.notes | safe }}", "there is no filter `safe`"),
        ("{{ call.notes | truncate: 1, 2, 3 }}", "takes 0 to 2 arguments"),
        ("{{ call.is_test | date }}", "does not go with a value of type boolean"),
        ("{{ call.tags }}", "is an array"),
        ("{{ call.notes" + " | trim" * 11 + " }}", "more than 10 filters"),
        ("{{ call.notes", "at line 1, column 1"),
        ("{% if call.notes %}", "at line 1"),
        ("{% if %}{% endif %}", "missing expression"),
        ("{% include 'x' %}", "unexpected tag 'include'"),
        ("{% render 'x' %}", "unexpected tag 'render'"),
        ("{% capture x %}{% endcapture %}", "unexpected tag 'capture'"),
        ("{% increment x %}", "unexpected tag 'increment'"),
        ("{% if 1 %}" * 20 + "{% endif %}" * 20, "nesting"),
        ("<script>1</script>", "`<script>` cannot stand in a mail"),
        ("<LINK rel=stylesheet href=http://x>", "`<link>`"),
        ("<meta http-equiv=refresh content='0;url=x'>", "`<meta>`"),
        ("<a href={{ call.recording_url }}>", "needs quotes"),
        ("<style>p { color: {{ call.notes }} }</style>", "`{{` cannot stand in a style sheet"),
        ("<style>@import 'http://x'</style>", "`@import`"),
        ("x" * (MAX_SOURCE + 1), "at most"),
    ],
)
def test_mistakes_are_named_with_their_place(source: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        compile_html(source)
    assert caught.value.errors[0].field == "html"
    assert message in caught.value.errors[0].message


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}",
        "{% for a in (1..99999999999999999999999) %}x{% endfor %}",
        "{% for a in (1..15000) %}{{ call.notes }}{% endfor %}",
        "{% assign a = call.notes %}" + "{% assign a = a | append: a %}" * 3,
        "{% assign x = call.notes %}"
        + "".join(f"{{% assign x{i} = call.notes | upcase %}}" for i in range(40)),
    ],
)
@pytest.mark.timeout(30)
def test_templates_that_take_too_much_are_stopped(source: str) -> None:
    with pytest.raises((TooLarge, Invalid)):
        body(source, call=but(TALKED, notes="n" * 10_000))


@pytest.mark.parametrize(
    "source",
    [
        "{{ call.from.__class__ }}",
        "{{ call.notes.upper }}",
        "{{ contact.details.__init__ }}",
        "{{ vars.keys }}",
    ],
)
def test_objects_behind_values_are_not_seen(source: str) -> None:
    assert body(source, contact=ANA) == ""


def test_what_is_substituted_is_escaped_and_not_read_again() -> None:
    call = but(TALKED, notes="{{ call.from }}{% x %}<b onclick='y'>&\"")
    assert body("<p title='{{ call.notes }}'>{{ call.notes }}</p>", call=call) == (
        "<p title='{{ call.from }}{% x %}&lt;b onclick=&#39;y&#39;&gt;&amp;&#34;'>"
        "{{ call.from }}{% x %}&lt;b onclick=&#39;y&#39;&gt;&amp;&#34;</p>"
    )


def test_lines_become_lines() -> None:
    assert body("{{ call.notes | newline_to_br }}", call=but(TALKED, notes="<a>\nb")) == "&lt;a&gt;<br>\nb"


def test_missing_is_what_was_to_be_printed() -> None:
    source = (
        "{% if vars.a %}{{ vars.b }}{% endif %}{{ vars.c | default: '' }}{{ vars.d | upcase }}{{ vars.d }}"
    )
    assert compile_html(source).render(Context(TOLD))[1] == ("vars.d",)


def test_css_is_inlined_and_media_rules_are_kept() -> None:
    dark = "@media (prefers-color-scheme: dark) { p { color: #eee !important } }"
    source = f"<style>p {{ color: #111 }} {dark}</style><p>x</p>"
    html, _ = compile_html(source).render(Context(TOLD))
    assert '<p style="color: #111;">' in html
    assert "@media (prefers-color-scheme: dark)" in html


@pytest.mark.parametrize(
    "html",
    [
        "<!DOCTYPE html><html><body><br><img src='a'/><p>a<p>b</body></html>",
        "<ul><li>a<li>b</ul><table><tr><td>1<td>2</table>",
        "<div>" * MAX_DEPTH + "</div>" * MAX_DEPTH,
        "<!-- a --><style>a { b: c }</style>",
    ],
)
def test_plain_markup_is_inlined(html: str) -> None:
    assert is_plain(html)


@pytest.mark.parametrize(
    "unit",
    [
        "<div>", "<b>", "<div></x>", "<div><!-- </div> -->", "<div title='</div>'>", "<b><i></b>", "<b><p></b>",
        "<div><title></div></title>", "<div><style></div></style>", "<div <", "<p><b>", "<li><b>", "<font a='1'>",
        "<div><textarea></div></textarea>", "<div><svg></div></svg>", "<table><div>", "<div/>",
    ],
)  # fmt: skip
def test_markup_that_may_be_deep_is_left_alone(unit: str) -> None:
    """A document some thousand levels deep overruns the stack inside css-inline, and with it the whole process."""
    html = f"<style>p {{ color: red }}</style>{unit * 20_000}"
    assert inlined(html) == html


def test_style_sheet_is_not_multiplied_without_end() -> None:
    html = f"<style>{'p { color: red }' * 1000}</style>{'<p>x</p>' * 10_000}"
    assert inlined(html) == html


def test_loop_of_open_tags_harms_nobody() -> None:
    assert body("{% for i in (1..19000) %}<div>{% endfor %}").startswith("<div><div>")


@given(st.text(st.sampled_from("{}%|:.'\"[]() <>/=1-acefilnort\n")))
def test_any_text_compiles_or_is_refused(raw: str) -> None:
    with contextlib.suppress(Invalid, TooLarge):
        body(raw)


@given(st.text(st.characters()))
def test_any_words_can_be_shown(words: str) -> None:
    source = '<style>p { color: red }</style><p title="{{ call.notes }}">{{ call.notes | newline_to_br }}</p>'
    made = body(source, call=but(TALKED, notes=words or "x"))
    assert made.count("<p ") == 1
    made.encode()


def test_endless_conditions_are_refused() -> None:
    with contextlib.suppress(Invalid, TooLarge):
        body("{% if call.notes" + " and call.notes" * 5000 + " %}x{% endif %}")
    with contextlib.suppress(Invalid, TooLarge):
        body("{{ " + "call[" * 5000 + "]" * 5000 + " }}")


def test_no_style_sheet_is_fetched(tmp_path: Path) -> None:
    """A pin test: what the inliner does with addresses that a check before it would have refused."""
    from aftercall.domain.mail_html import _INLINER

    sheet = tmp_path / "a.css"
    sheet.write_text("p { color: red }")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        remote = f"http://127.0.0.1:{server.getsockname()[1]}/a.css"
        for href in (str(sheet), sheet.as_uri(), remote):
            page = f'<link rel="stylesheet" href="{href}"><style>@import "{href}";</style><p>x</p>'
            assert "red" not in _INLINER.inline(page)
        with pytest.raises(TimeoutError):
            server.accept()
