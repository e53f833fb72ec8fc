"""The operator's dialplan as AfterCall must know it: which contexts callers come in by, who is an agent.

From `Source.settings["dialplan"]`; every setting has a default that fits a small PBX (docs/sources/asterisk.md).
"""

import re
from typing import Literal

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.fact import Agent, Line, Named
from aftercall.sources.numbering import Entry, Numbering

INBOUND = ("from-trunk", "from-pstn", "from-external", "from-did-direct", "inbound", "incoming")
INTERNAL = ("from-internal", "internal", "phones")
AGENTS = ("agents", "queue-agent", "from-queue", "agent-phones")
# TECHNOLOGY/name-serial, and ;1 or ;2 for the halves of a Local channel.
_CHANNEL = re.compile(r"([^/]+)/(.+?)(?:-([0-9a-f]{8}))?(?:;([12]))?", re.IGNORECASE | re.DOTALL)


class Dialplan(Numbering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    inbound_contexts: tuple[str, ...] = INBOUND
    internal_contexts: tuple[str, ...] = INTERNAL
    agent_contexts: tuple[str, ...] = AGENTS
    menus: dict[str, str] = msgspec.field(default_factory=dict)  # context -> the menu's name
    variables: dict[str, str] = msgspec.field(default_factory=dict)  # channel variable -> custom field

    @classmethod
    def of(cls, source: Source) -> "Dialplan":
        """Raises Invalid where a setting is not understood, naming it."""
        return cls.read(source, {"variables": source.fields})

    def agent_of(self, channel: str | None, name: str | None = None) -> Agent | None:
        """Whose phone a channel or interface is: PJSIP/101-..., Local/101@ a context of agents or phones."""
        technology, body, _ = split(channel)
        if technology is None:
            return None
        if technology == "Local":
            extension, _, context = body.partition("@")
            context = context.partition("/")[0]
            phone = context in self.internal_contexts and self.is_agent(extension)
            if context not in self.agent_contexts and not phone:
                return None
        else:
            extension = body.rpartition("/")[2].partition("@")[0]
            if not self.is_agent(extension):
                return None
        return self.agent(extension, name)

    def entry(self, context: str | None, channel: str | None, extension: str | None) -> Entry:
        """How a call comes in on a channel."""
        return self.way_in(context, extension, ours=self.agent_of(channel) is not None)

    def menu(self, context: str | None) -> Named | None:
        return Named(id=context, name=self.menus[context]) if context in self.menus and context else None


def split(channel: str | None) -> tuple[str | None, str, Literal[1, 2] | None]:
    """A channel's technology, its name without serial, and which half of a Local channel it is."""
    found = _CHANNEL.fullmatch(channel or "")
    if found is None:
        return None, "", None
    halves: dict[str | None, Literal[1, 2]] = {"1": 1, "2": 2}
    return found[1], found[2], halves.get(found[4])


def line_of(channel: str | None, *, first: bool) -> Line:
    """Local channels double everything: both halves have their name in common, up to the semicolon."""
    technology, _, half = split(channel)
    if technology != "Local" or half is None or channel is None:
        return Line(first=first)
    return Line(pair=channel.rpartition(";")[0], half=half, first=first)
