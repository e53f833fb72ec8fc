"""The operator's dialplan as AfterCall must know it: which contexts callers come in by, who is an agent.

From `Source.settings["dialplan"]`; every setting has a default that fits a small PBX (docs/sources/asterisk.md).
"""

import re
from typing import Literal, get_args

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Agent, CallType, Direction, Line, Named
from aftercall.sources.asterisk.patterns import check_pattern

Entry = Literal["inbound", "outbound", "internal"]

INBOUND = ("from-trunk", "from-pstn", "from-external", "from-did-direct", "inbound", "incoming")
INTERNAL = ("from-internal", "internal", "phones")
AGENTS = ("agents", "queue-agent", "from-queue", "agent-phones")
EXTENSION = r"\d{2,6}"
MAX_EXTENSION = 80  # characters, as in Asterisk (AST_MAX_EXTENSION)
# TECHNOLOGY/name-serial, and ;1 or ;2 for the halves of a Local channel.
_CHANNEL = re.compile(r"([^/]+)/(.+?)(?:-([0-9a-f]{8}))?(?:;([12]))?", re.IGNORECASE | re.DOTALL)


class Dialplan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    inbound_contexts: tuple[str, ...] = INBOUND
    internal_contexts: tuple[str, ...] = INTERNAL
    agent_contexts: tuple[str, ...] = AGENTS
    agents: str = EXTENSION  # a regular expression for the whole of an extension or phone's name
    bots: str | None = None  # likewise, of voice bots: agents that are no people
    menus: dict[str, str] = {}  # context -> the menu's name
    numbers: frozenset[str] = frozenset()  # our own numbers, with or without +
    variables: dict[str, str] = {}  # channel variable -> custom field
    direction: Direction | None = None  # of calls that no rule knows; the source's own

    @classmethod
    def of(cls, source: Source) -> "Dialplan":
        """Raises Invalid where a setting is not understood, naming it."""
        said = source.settings.get("dialplan", {})
        try:
            made = msgspec.convert(
                {"variables": source.fields, **said} if isinstance(said, dict) else said, cls
            )
        except msgspec.ValidationError as error:
            raise Invalid.field("settings.dialplan", str(error)[:200]) from None
        check_pattern(made.agents, "settings.dialplan")
        check_pattern(made.bots or "", "settings.dialplan")
        return msgspec.structs.replace(made, direction=made.direction or source.direction)

    def is_agent(self, name: str | None) -> bool:
        if name is None or len(name) > MAX_EXTENSION:
            return False
        return re.fullmatch(self.agents, name) is not None or self.is_bot(name)

    def is_bot(self, name: str) -> bool:
        return self.bots is not None and re.fullmatch(self.bots, name) is not None

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

    def agent(self, extension: str, name: str | None = None) -> Agent:
        number = extension if extension.isdecimal() else None
        return Agent(id=extension, name=name, number=number, kind="ai" if self.is_bot(extension) else "human")

    def entry(self, context: str | None, channel: str | None, extension: str | None) -> Entry:
        """How a call that somebody placed comes in: by its context, by whose phone it is, by our numbers."""
        if self.is_from_outside(context, extension):
            return "inbound"
        if context in self.internal_contexts or self.agent_of(channel) is not None:
            return "internal" if self.is_agent(extension) else "outbound"
        return self.direction or "inbound"

    def is_from_outside(self, context: str | None, extension: str | None) -> bool:
        """By an inbound context, or because one of our numbers was dialled (carriers write the + or leave it out)."""
        if context in self.inbound_contexts:
            return True
        digits = (extension or "").removeprefix("+")
        return digits in self.numbers or f"+{digits}" in self.numbers

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


CALL_TYPES: dict[str, CallType] = {name: name for name in get_args(CallType)}
