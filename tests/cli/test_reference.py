# What is written about the commands is there, and what is there is written about.

import re
from pathlib import Path

import pytest

from aftercall.cli import app

ROOT = Path(__file__).parent.parent.parent
PAGES = ("README.md", "docs/quickstart.md", "docs/how-to/operate.md", "docs/reference/cli.md",
         "docs/how-to/source-health.md", "docs/how-to/after-call-messages.md", "docs/how-to/contacts.md",
         "docs/reference/sources.md",
         "docs/reference/configuration.md", "docs/how-to/why-was-it-not-sent.md")  # fmt: skip
COMMANDS = {name for name in app if not name.startswith("-")}


def test_every_command_is_documented() -> None:
    table = (ROOT / "docs/reference/cli.md").read_text()
    documented = set(re.findall(r"^\| `([\w-]+)", table, re.MULTILINE))
    assert documented == COMMANDS


@pytest.mark.parametrize("page", PAGES)
def test_only_commands_that_exist_are_written_about(page: str) -> None:
    used = set(
        re.findall(r"(?:^\$ (?:\S*/)?|`)aftercall ([a-z][\w-]*)", (ROOT / page).read_text(), re.MULTILINE)
    )
    assert used - COMMANDS == set()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)[^)]*\)", (ROOT / page).read_text())
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []
