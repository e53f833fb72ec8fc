# The reference pages say all there is: a trigger, field, filter or path that is not described fails here.

import json
from pathlib import Path

import pytest

from aftercall.domain.classic import VALUES
from aftercall.domain.custom import check, variables
from aftercall.domain.paths import ROOTS
from aftercall.domain.standard import Body
from aftercall.domain.template_filters import FILTERS
from aftercall.domain.trigger import EVENTS, NOTICES, TRIGGERS

DOCS = Path(__file__).parents[2] / "docs" / "reference"
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
