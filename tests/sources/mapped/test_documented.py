# What the pages say of the mapper and its presets is so: the worked example works, and nothing is left out.

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftercall.domain.errors import Invalid
from aftercall.domain.trigger import TRIGGERS
from aftercall.sources import SOURCES
from aftercall.sources.mapped.form import GuessForm, MappingForm, TellingForm, ValueForm
from aftercall.sources.mapped.mapping import TIME_WORDS
from aftercall.sources.mapped.path import ROOTS
from aftercall.sources.mapped.type import Mapped
from aftercall.sources.mapped.values import AMOUNTS, SECONDS, SHAPES
from tests.sources.mapped.asked import ask, call, kind, of

PAGES = Path(__file__).parents[3] / "docs" / "sources"
PRESETS = sorted(name for name, kind in SOURCES.items() if isinstance(kind, Mapped))
PAGE = (PAGES / "mapped.md").read_text()
EXAMPLES: list[Any] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def section(title: str, page: str = PAGE) -> str:
    return page.partition(f"# {title}\n")[2].partition("\n#")[0]


def rows(title: str) -> set[str]:
    first = re.findall(r"^\| (.*?) \|", section(title), re.MULTILINE)
    return {name for cell in first for name in re.findall(r"`([^`]+)`", cell)}


def test_worked_example_gives_the_call_it_promises() -> None:
    body, mapping = EXAMPLES[:2]
    made = call(ask(of("mapped", mapping), body)).call
    assert (made.source_call_key, made.status, made.direction) == ("D-1001", "answered", "inbound")
    assert (made.from_, made.did, made.agent and made.agent.name) == ("4085551234", "4085559876", "Jordan")
    assert str(made.started_at) == "2025-08-21 10:58:13+00:00"
    assert str(made.ended_at) == "2025-08-21 11:02:44+00:00"
    assert (made.duration_seconds, made.talk_time_seconds) == (271, 251)
    assert made.custom_fields == {"ticket": "A-17"}


def test_complaint_that_is_quoted_is_made() -> None:
    fields = {"duration_seconds": {"path": "length", "unit": "days"}}
    with pytest.raises(Invalid) as refused:
        kind("mapped").check_settings(of("mapped", EXAMPLES[1] | {"fields": fields}))
    assert f"`{refused.value.message}`" in PAGE


def test_every_member_is_documented() -> None:
    def members(form: type[msgspec.Struct]) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(form)}

    assert rows("The mapping") == members(MappingForm)
    assert rows("Where a value comes from") >= members(ValueForm)
    assert rows("What an event tells") == members(TellingForm)
    assert all(f'"{name}"' in section("The mapping") for name in members(GuessForm))


def test_every_field_form_unit_and_root_is_documented() -> None:
    assert set(re.findall(r"`([a-z_.]+)`", section("Fields").partition("Their meaning")[0])) == set(SHAPES)
    assert set(re.findall(r"`([a-z_]+)`", section("Times"))) >= set(TIME_WORDS)
    units = re.findall(r"`([a-z]+)`", section("Where a value comes from"))
    assert set(units) >= {*SECONDS, *AMOUNTS, "clock"}
    assert {found.partition(".")[0] for found in rows("Paths") if found.startswith("$")} == ROOTS


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_page_whose_links_lead_somewhere(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    assert "From nothing to the first call" in page
    assert name == "mapped" or f"({name}.md)" in section("Presets")
    links = re.findall(r"\]\(([^)#:]+)[^)]*\)", page)
    assert [link for link in links if not (PAGES / link).exists()] == []
    for example in re.findall(r"-d '(\{[^']*\})'", page):
        if "type" in (asked := json.loads(re.sub(r"\bID\b", "1", example))):
            assert asked["type"] == name


def test_every_trigger_is_on_the_familys_page() -> None:
    page = (PAGES / "acefone.md").read_text()
    assert {name for name in TRIGGERS if f"`{name}`" not in page} == set()
