# The reference pages say all there is: a trigger, field, filter or path that is not described fails here.

import json
from pathlib import Path
from typing import get_args

import pytest

from aftercall.domain import mail_html, message_context
from aftercall.domain.call_report import OWN
from aftercall.domain.classic import VALUES
from aftercall.domain.custom import check, variables
from aftercall.domain.dlt import Tag, check_dlt
from aftercall.domain.dlt_match import Problem, fit
from aftercall.domain.message_template import compile_text
from aftercall.domain.paths import MESSAGE_ROOTS, ROOTS
from aftercall.domain.standard import Body
from aftercall.domain.template_filters import FILTERS
from aftercall.domain.trigger import EVENTS, NOTICES, TRIGGERS
from tests.domain.messages import DLT
from tests.domain.samples import but

DOCS = Path(__file__).parents[2] / "docs" / "reference"
MESSAGES_PAGE = (DOCS / "message-variables.md").read_text()
TEMPLATES_PAGE = (DOCS.parent / "how-to" / "message-templates.md").read_text()
TRIGGERS_PAGE = (DOCS / "triggers.md").read_text()
PAYLOADS_PAGE = (DOCS / "payloads.md").read_text()


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_stands_in_the_table_with_its_facts(name: str) -> None:
    trigger = TRIGGERS[name]
    types = ", ".join(trigger.call_types)
    row = next(
        line for line in TRIGGERS_PAGE.splitlines() if line.startswith(f"| `{name}` | {trigger.title} ")
    )
    assert f"| {types} | `{trigger.event}` |" in row
    assert row.endswith(f" | {len(trigger.variables)} |")


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_triggers_variables_are_listed_in_order(name: str) -> None:
    sections = TRIGGERS_PAGE.split("\n### ")
    section = next(s for s in sections if f"`{name}`" in s.partition("\n")[0])
    listed = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert listed == [f"| `{variable}` | {kind} |" for variable, kind in TRIGGERS[name].variables.items()]


def test_every_variable_has_its_meaning() -> None:
    meanings = TRIGGERS_PAGE.partition("## What the variables mean")[2].partition("## Events")[0]
    assert [line.split("`")[1] for line in meanings.splitlines() if line.startswith("| `")] == list(VALUES)


@pytest.mark.parametrize("name", [*EVENTS, *NOTICES])
def test_events_and_notices_are_listed(name: str) -> None:
    assert f"| `{name}` | {(EVENTS | NOTICES)[name]} |" in TRIGGERS_PAGE


def test_every_field_of_the_standard_body_is_described_in_order() -> None:
    standard = PAYLOADS_PAGE.partition("## Standard")[2].partition("## Classic")[0]
    described = [line.split("`")[1] for line in standard.splitlines() if line.startswith("| `")]
    assert described == list(Body.__struct_encode_fields__)


def test_every_filter_is_described() -> None:
    filters = PAYLOADS_PAGE.partition("### Filters")[2].partition("### Paths")[0]
    assert [line.split("`")[1] for line in filters.splitlines() if line.startswith("| `")] == list(FILTERS)


@pytest.mark.parametrize("path", [v.path for v in variables() if v.path.partition(".")[0] in ROOTS])
def test_every_path_is_described(path: str) -> None:
    assert f"| `{path}` | " in PAYLOADS_PAGE


def test_the_example_template_is_a_template() -> None:
    example = PAYLOADS_PAGE.partition("```json\n")[2].partition("```")[0]
    check(json.loads(example))


def test_every_field_of_the_summary_is_described_in_order() -> None:
    section = PAYLOADS_PAGE.partition("## Summary of a call")[2]
    assert tuple(line.split("`")[1] for line in section.splitlines() if line.startswith("| `")) == OWN


def test_every_variable_of_messages_is_described_with_its_type() -> None:
    described = [
        line for line in MESSAGES_PAGE.partition("## vars")[0].splitlines() if line.startswith("| `")
    ]
    listed = [v for v in message_context.variables() if v.path.partition(".")[0] in MESSAGE_ROOTS]
    assert described == [f"| `{v.path}` | {v.type} | {v.description} |" for v in listed]


def test_every_filter_of_messages_is_listed_with_what_it_takes() -> None:
    table = MESSAGES_PAGE.partition("## Filters")[2].partition("## Tags")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert {row.split("`")[1]: set(row.split("|")[2].strip().split(", ")) for row in rows} == {
        name: set(known.takes) for name, known in FILTERS.items()
    }


def test_every_tag_of_mails_is_listed() -> None:
    tags = MESSAGES_PAGE.partition("## Tags")[2].partition("## Limits")[0]
    names = {tag.name for tag in mail_html.TAGS} - {"content", "output", "illegal"}
    assert {name for name in names if f"`{name}`" not in tags} == set()


@pytest.mark.parametrize("tag", get_args(Tag))
def test_every_dlt_tag_is_described(tag: str) -> None:
    assert f"`{{#{tag}#}}`" in TEMPLATES_PAGE


@pytest.mark.parametrize("problem", get_args(Problem))
def test_every_dlt_problem_is_described(problem: str) -> None:
    assert f"| `{problem}` |" in TEMPLATES_PAGE


def test_the_example_mail_is_a_mail() -> None:
    mail_html.compile_html(TEMPLATES_PAGE.partition("```html\n")[2].partition("```")[0])


def test_the_examples_of_texts_are_texts() -> None:
    compile_text(TEMPLATES_PAGE.partition("```\n")[2].partition("```")[0])
    example = TEMPLATES_PAGE.partition("registered:  ")[2].partition("```")[0]
    content, _, words = example.partition("your text:   ")
    registered = but(DLT, content=content.strip())
    check_dlt(registered)
    fit(registered, words.strip(), compile_text(words.strip()).spots)
