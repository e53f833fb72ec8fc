# What the page tells people to paste works: settings are accepted, XML is XML.

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from aftercall.sources.freeswitch.dialplan import Dialplan
from aftercall.sources.freeswitch.socket import Socket, check
from tests.sources.freeswitch.pbx import SOURCE

SOURCES = Path(__file__).parents[3] / "docs" / "sources"
PAGE = (SOURCES / "freeswitch.md").read_text()
XML = [
    block
    for page in ("freeswitch.md", "freeswitch_cdr.md")
    for block in re.findall(r"```xml\n(.*?)```", (SOURCES / page).read_text(), re.DOTALL)
]


def test_source_that_is_shown_is_accepted() -> None:
    [shown] = re.findall(r"--data '\s*(\{.*?\})'", PAGE, re.DOTALL)
    made: dict[str, Any] = json.loads(shown)
    assert made["type"] == "freeswitch"
    check(msgspec.structs.replace(SOURCE, token=made["secret"], settings=made["settings"]))


@pytest.mark.parametrize("kind", [Socket, Dialplan])
def test_every_setting_is_documented(kind: type[msgspec.Struct]) -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert set(kind.__struct_fields__) - documented - {"direction"} == set()


@pytest.mark.parametrize("block", XML)
def test_configuration_is_well_formed(block: str) -> None:
    assert ET.fromstring(block).tag in {"configuration", "list"}  # noqa: S314  # our own page
