"""The operator's numbering as AfterCall must know it: which contexts callers come in by, who is an agent."""

import re
from typing import Any, Literal, Self, get_args

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Agent, CallType, Direction
from aftercall.engine.patterns import check_pattern

Entry = Literal["inbound", "outbound", "internal"]

EXTENSION = r"\d{2,6}"
MAX_EXTENSION = 80  # characters, as in Asterisk (AST_MAX_EXTENSION)

CALL_TYPES: dict[str, CallType] = {name: name for name in get_args(CallType)}


class Numbering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `Source.settings["dialplan"]`; every setting has a default that fits a small PBX (docs/sources)."""

    inbound_contexts: tuple[str, ...] = ()
    internal_contexts: tuple[str, ...] = ()
    agents: str = EXTENSION  # a regular expression for the whole of an extension or phone's name
    bots: str | None = None  # likewise, of voice bots: agents that are no people
    numbers: frozenset[str] = frozenset()  # our own numbers, with or without +
    direction: Direction | None = None  # of calls that no rule knows; the source's own

    @classmethod
    def read(cls, source: Source, defaults: dict[str, Any] | None = None) -> Self:
        """Raises Invalid where a setting is not understood, naming it."""
        said = source.settings.get("dialplan", {})
        try:
            made = msgspec.convert({**(defaults or {}), **said} if isinstance(said, dict) else said, cls)
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

    def agent(self, extension: str, name: str | None = None) -> Agent:
        number = extension if extension.isdecimal() else None
        return Agent(id=extension, name=name, number=number, kind="ai" if self.is_bot(extension) else "human")

    def way_in(self, context: str | None, extension: str | None, *, ours: bool) -> Entry:
        """How a call that somebody placed comes in: by its context, by whose phone it is, by our numbers."""
        if self.is_from_outside(context, extension):
            return "inbound"
        if context in self.internal_contexts or ours:
            return "internal" if self.is_agent(extension) else "outbound"
        return self.direction or "inbound"

    def is_from_outside(self, context: str | None, extension: str | None) -> bool:
        """By an inbound context, or because one of our numbers was dialled (carriers write the + or leave it out)."""
        if context in self.inbound_contexts:
            return True
        digits = (extension or "").removeprefix("+")
        return digits in self.numbers or f"+{digits}" in self.numbers
