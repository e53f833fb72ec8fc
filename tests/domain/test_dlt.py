# DLT templates: what may be registered, whether a text matches, and where it differs (S2).

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.dlt import DltTemplate, check_dlt, pieces
from aftercall.domain.dlt_match import match, nearest
from aftercall.domain.errors import Invalid
from tests.domain.messages import DLT
from tests.domain.samples import but


def registered(content: str, **more: Any) -> DltTemplate:
    return but(DLT, content=content, **more)


# The examples are those of https://msg91.com/help/dlt-registration-in-india/variable-tagging-on-dlt-sms-templates and
# https://www.fast2sms.com/help/?p=16124, filled in.
@pytest.mark.parametrize(
    ("content", "text", "variables"),
    [
        ("Your OTP is {#var#}. Do not share it.", "Your OTP is 123456. Do not share it.", ["123456"]),
        ("Dear customer, your login OTP is {#numeric#}.", "Dear customer, your login OTP is 4711.", ["4711"]),
        ("OTP: {#number#}", "OTP: 99", ["99"]),
        ("Ref ID: {#alphanumeric#}", "Ref ID: AB 12 Ravi कुमार", ["AB 12 Ravi कुमार"]),
        ("Track order: {#url#}", "Track order: https://acme.in/t/77?x=1", ["https://acme.in/t/77?x=1"]),
        ("Download app: {#urlott#}", "Download app: acme.in/app", ["acme.in/app"]),
        ("Call {#cbn#} for support", "Call +91 1800-123-4567 for support", ["+91 1800-123-4567"]),
        ("Write to {#email#}.", "Write to help@acme.in.", ["help@acme.in"]),
        ("{#var#} {#var#} {#var#}", "a b c", ["a", "b", "c"]),
        ("See {#var#}{#var#}{#var#}", "See " + "x" * 100, ["x" * 40, "x" * 40, "x" * 20]),
        ("Dear {#var#},\n\nbye ", " Dear  A  B,   bye", ["A B"]),
        ("No variables", "No variables", []),
        ("{#VAR#}{# var #}", "", ["", ""]),
        ("costs Rs.{#var#}/- (50% off)? [a|b] ^$", "costs Rs.5/- (50% off)? [a|b] ^$", ["5"]),
    ],
)
def test_match(content: str, text: str, variables: list[str]) -> None:
    template = registered(
        content, urls=("https://acme.in/t/", "acme.in/app"), callback_numbers=("18001234567",)
    )
    found = match(template, text)
    assert found.ok, found.sentence
    assert list(found.variables) == variables


@pytest.mark.parametrize(
    ("content", "text", "problem", "position", "expected", "observed"),
    [
        ("Your OTP is {#var#}.", "Your otp is 12.", "dlt_template_mismatch", 6, "`OTP is `", "otp is 12."),
        ("Your OTP is {#var#}.", "Your OTP is 12", "dlt_template_mismatch", 13, "`.`", "12"),
        ("Your OTP is {#numeric#}", "Your OTP is 12 or 13", "dlt_variable_type", 13, "digits only", "12 or 13"),
        ("Hi {#var#}. Bye", "Hi Bo. Bye!", "dlt_template_mismatch", 11, "the end", "!"),
        ("Hi {#var#}. Bye", "Hi Bo. By", "dlt_template_mismatch", 10, "`e`", ""),
        ("Hi {#var#}. Bye", "", "dlt_template_mismatch", 1, "`Hi `", ""),
        ("Hi {#var#}.", "Hi " + "x" * 41 + ".", "dlt_variable_too_long", 4, "at most 40 characters", "x" * 30),
        ("Hi {#numeric#}.", "Hi " + "1" * 41 + ".", "dlt_variable_too_long", 4, "at most 40 characters", "1" * 30),
        ("Hi {#numeric#}.", "Hi " + "x" * 41 + ".", "dlt_variable_type", 4, "digits only", "x" * 30),
        ("Hi {#numeric#}.", "Hi .", "dlt_variable_type", 4, "digits only", ""),
        ("Hi {#numeric#}.", "Hi ४२.", "dlt_variable_type", 4, "digits only", "४२"),
        ("ID {#alphanumeric#}.", "ID a/b.", "dlt_variable_type", 4, "letters, digits and spaces", "a/b"),
        ("Call {#cbn#}", "Call 1800999", "dlt_variable_type", 6, "a registered call-back number", "1800999"),
        ("Mail {#email#}", "Mail a@b", "dlt_variable_type", 6, "a mail address", "a@b"),
        ("See {#url#}", "See https://evil.in/t/", "dlt_url_not_whitelisted", 5, "a registered link", "https://evil.in/t/"),
        ("See {#url#}", "See acme.in.evil.in", "dlt_url_not_whitelisted", 5, "a registered link", "acme.in.evil.in"),
        ("See {#var#}", "See www.evil.in", "dlt_url_not_whitelisted", 5, "a registered link", "www.evil.in"),
        ("  Hi   {#var#}. Bye", "  Hi  \n Bo.  By", "dlt_template_mismatch", 16, "`e`", ""),
    ],
)  # fmt: skip
def test_mismatch_says_where(
    content: str, text: str, problem: str, position: int, expected: str, observed: str
) -> None:
    found = match(registered(content, urls=("acme.in",), callback_numbers=("18001234567",)), text)
    assert not found.ok
    assert (found.problem, found.position) == (problem, position)
    assert (found.expected, found.observed) == (expected, observed)
    assert f"(at position {position})" in found.sentence


def test_tags_may_stand_beside_the_content() -> None:
    template = registered("OTP {#var#} for {#var#}", tags=("numeric",))
    assert match(template, "OTP 12 for a-b").ok
    assert match(template, "OTP x for a-b").problem == "dlt_variable_type"


def test_values_that_some_operators_refuse_are_told() -> None:
    found = match(registered("Hi {#var#}."), "Hi " + "x" * 31 + ".")
    assert found.ok
    assert found.long == ("x" * 31,)


def test_limit_is_a_setting() -> None:
    assert match(registered("Hi {#var#}", max_length=30), "Hi " + "x" * 31).problem == "dlt_variable_too_long"


_CONTENTS = st.lists(st.sampled_from(["a", "b", "ab", " a", "1", "{#var#}", "{#numeric#}"]), max_size=7)


@given(_CONTENTS, st.text("ab1 ", max_size=12))
def test_matcher_agrees_with_a_regular_expression(content: list[str], raw: str) -> None:
    template = registered("".join(content), max_length=3, warn_length=3)
    words = " ".join(raw.split())
    parts = [
        "(?:.{0,3})" if p.tag == "var" else "(?:[0-9]{1,3})" if p.tag else p.words for p in pieces(template)
    ]
    first, last = (content[0] if content else ""), (content[-1] if content else "")
    parts = [part.lstrip() if i == 0 and first[:1] == " " else part for i, part in enumerate(parts)]
    parts = [
        part.rstrip() if i == len(parts) - 1 and last[-1:] == " " else part for i, part in enumerate(parts)
    ]
    assert match(template, raw).ok == (re.fullmatch("".join(parts), words) is not None)


@given(_CONTENTS, st.lists(st.text("ab1", min_size=1, max_size=3), max_size=7))
def test_what_a_template_makes_matches_it(content: list[str], values: list[str]) -> None:
    template = registered("x" + "".join(content) + "x")
    given_ = iter(values)
    made = "".join(
        p.words if p.tag is None else next(given_, "7") if p.tag == "var" else "42" for p in pieces(template)
    )
    found = match(template, made)
    assert found.ok
    assert len(found.variables) == sum(p.tag is not None for p in pieces(template))


@given(_CONTENTS, st.text("ab1 \n", max_size=30))
def test_match_always_has_an_answer(content: list[str], raw: str) -> None:
    found = match(registered("".join(content)), raw)
    assert found.ok == (found.problem is None)
    assert found.ok or 1 <= (found.position or 0) <= len(raw) + 1


@pytest.mark.timeout(30)
def test_hostile_templates_come_to_an_end() -> None:
    """What makes a backtracking matcher try 40 ** 50 ways."""
    assert not match(registered("{#var#}a" * 50 + "b"), "a" * 2000).ok
    assert not match(registered("{#numeric#}{#alphanumeric#}" * 70), "1" * 9999 + "!").ok


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"entity_id": "12345678901234567890"}, "dlt.entity_id"),
        ({"template_id": "x"}, "dlt.template_id"),
        ({"template_id": "४२"}, "dlt.template_id"),
        ({"headers": ("ACMEIN", "ACMEIN-S")}, "dlt.headers[1]"),
        ({"content": " "}, "dlt.content"),
        ({"content": "x" * 2001}, "dlt.content"),
        ({"content": "Hi {#name#}"}, "dlt.content"),
        ({"content": "Hi {#var#}", "tags": ("numeric", "numeric")}, "dlt.tags"),
        ({"content": "See {#url#}"}, "dlt.urls"),
        ({"content": "See {#var#}", "tags": ("urlott",)}, "dlt.urls"),
        ({"content": "Call {#cbn#}"}, "dlt.callback_numbers"),
        ({"max_length": 20}, "dlt.max_length"),
    ],
)
def test_check_refuses_what_cannot_be_registered(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_dlt(but(DLT, **change))
    assert caught.value.errors[0].field == field


def test_check_says_where_an_unknown_tag_stands() -> None:
    with pytest.raises(Invalid, match=r"there is no tag `name`; .* \(at position 4\)"):
        check_dlt(registered("Hi {#name#}"))


def test_nearest_is_the_template_that_was_meant() -> None:
    order = registered("Dear {#var#}, your order {#var#} has been shipped. -ACME", template_id="1")
    missed = registered("We missed your call, {#var#}. We will ring back. -ACME", template_id="2")
    other = but(missed, headers=("OTHERS",), template_id="3")
    text = "We missed your call, Ana. We will call back. -ACME"
    assert nearest([order, missed, other], text, "ACMEIN") == missed
    assert nearest([order], text, "NOBODY") is None


def test_nearest_is_first_of_all_the_one_that_matches() -> None:
    one = registered("{#var#}", template_id="1")
    two = registered("a b c {#numeric#}", template_id="2")
    assert nearest([two, one], "a b c x") == one


def test_random_cuts_never_break_the_tail() -> None:
    draw = random.Random(7)
    for _ in range(300):
        names = ["".join(draw.choices("abc ", k=draw.randrange(1, 20))).strip() or "a" for _ in range(3)]
        text = f"Dear {names[0]}, from {names[1]}: {names[2]}; bye"
        found = match(registered("Dear {#var#}, from {#var#}: {#var#}; bye"), text)
        assert found.variables == tuple(" ".join(name.split()) for name in names)
