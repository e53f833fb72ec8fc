# Previews: the message as it would go, its segments and price, and what to know about it (S2).

import pytest

from aftercall.domain.message_preview import cautions, cost, preview
from tests.domain.messages import ANA, DLT, MAIL, SMS, TOLD
from tests.domain.samples import but

FIT = but(SMS, dlt=DLT, text="Dear {{ contact.name }}, your request {{ call.id }} is with us. -ACME")
WITH_ANA = but(TOLD, contact=but(ANA, name="Ana Lopez"))


def codes(template: object, told: object = TOLD) -> list[str]:
    return [warned.code for warned in preview(template, told).warnings]  # type: ignore[arg-type]


def test_preview_of_a_text_counts_and_prices_its_segments() -> None:
    made = preview(but(SMS, text="x" * 161), TOLD, "0.0079")
    assert (made.characters, made.encoding, made.segments, made.per_segment, made.left) == (
        161, "gsm7", 2, 153, 145,
    )  # fmt: skip
    assert made.cost == "0.0158"
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("price", "count", "made"),
    [("0.1", 3, "0.3"), ("1", 0, "0"), (None, 3, None), ("x", 1, None), ("NaN", 1, None), ("1e-7", 2, "0.0000002")],
)  # fmt: skip
def test_cost_is_a_decimal_number(price: str | None, count: int, made: str | None) -> None:
    assert cost(price, count) == made


def test_preview_names_what_makes_a_text_dear() -> None:
    made = preview(but(SMS, text="Don\u2019t worry \u2013 we\u2019ll call \U0001f600\u200d"), TOLD)
    assert (made.encoding, [w.code for w in made.warnings]) == ("ucs2", ["ucs2"])
    assert made.warnings[0].message == (
        "70 instead of 160 characters fit into a segment, because of "
        "\u2019 (U+2019), write ', \u2013 (U+2013), write -, \U0001f600 (U+1F600), U+200D"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ contact.name }}!", ["placeholder_missing"]),
        ("{{ contact.name | default: '' }}", ["empty"]),
        ("x" * 460, ["many_segments"]),
        ("x" * 1601, ["many_segments", "too_long"]),
        ("x", []),
    ],
)
def test_preview_warns(text: str, found: list[str]) -> None:
    assert codes(but(SMS, text=text)) == found


def test_preview_shows_the_variables_of_a_dlt_template() -> None:
    told = but(WITH_ANA, event=but(TOLD.event, call_id="cl1"))
    made = preview(FIT, told)
    assert made.variables == ("Ana Lopez", "cl1")
    assert made.dlt is not None
    assert made.dlt.ok
    assert made.warnings == ()


def test_preview_shows_where_a_text_leaves_its_dlt_template() -> None:
    made = preview(FIT, WITH_ANA)  # the id has an underscore
    assert made.dlt is not None
    assert made.dlt.problem == "dlt_variable_type"
    assert [w.code for w in made.warnings] == ["dlt_variable_type"]
    assert "expected letters, digits and spaces, found `cl_" in made.warnings[0].message


def test_preview_shows_words_that_are_not_registered() -> None:
    made = preview(but(FIT, text="Dear {{ contact.name }}, your order 1 is with us. -ACME"), WITH_ANA)
    assert made.dlt is not None
    assert (made.dlt.problem, made.dlt.expected) == ("dlt_template_mismatch", "`request `")


@pytest.mark.parametrize(("header", "nearest"), [("ACMEIN", "1107160000000000002"), ("OTHERS", None)])
def test_preview_names_the_template_that_was_probably_meant(header: str, nearest: str | None) -> None:
    other = but(
        DLT, content="Your order {#var#} is with us.", template_id="1107160000000000002", headers=(header,)
    )
    template = but(FIT, text="Your order 7 is with us.")
    assert preview(template, WITH_ANA, registered=[DLT, other]).nearest == nearest


def test_summary_in_a_dlt_variable_is_warned_of() -> None:
    template = but(FIT, text="Dear {{ call.summary }}, your request {{ vars.x }} is with us. -ACME")
    assert [(w.code, "`call.summary` is free text" in w.message) for w in cautions(template)] == [
        ("dlt_free_text", True)
    ]
    assert "dlt_free_text" in codes(template)
    assert cautions(FIT) == ()
    assert cautions(SMS) == ()


def test_value_that_some_operators_refuse_is_warned_of() -> None:
    template = but(FIT, dlt=but(DLT, content="Hi {#var#}."), text="Hi {{ contact.name }}.")
    assert codes(template, but(TOLD, contact=but(ANA, name="x" * 31))) == ["dlt_variable_long"]


def test_preview_of_a_mail_has_all_its_parts() -> None:
    made = preview(MAIL, TOLD, "0.0001")
    assert made.subject == "Answered call from +14085551234"
    assert made.html is not None
    assert made.html.startswith("<html>")  # inlined
    assert (made.segments, made.encoding, made.cost, made.missing) == (None, None, "0.0001", ())


def test_preview_of_a_mail_names_what_is_missing() -> None:
    made = preview(but(MAIL, text="{{ vars.x }}", html=""), TOLD)
    assert (made.html, made.missing) == (None, ("vars.x",))
    assert [w.code for w in made.warnings] == ["placeholder_missing"]
