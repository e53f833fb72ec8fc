"""The operator's dialplan as AfterCall must know it. Defaults are FreeSWITCH's own (vanilla) configuration."""

import re

from aftercall.domain.account import Source
from aftercall.domain.fact import Agent
from aftercall.sources.freeswitch.event import Event
from aftercall.sources.numbering import Entry, Numbering

# sofia/internal/101@pbx, sofia/internal/sip:101@192.0.2.9:5060, verto.rtc/101, loopback/101-a
_CHANNEL = re.compile(r"[^/]+/(?:.*/)?(?:sips?:)?([^/@:;]+?)(?:[@:;].*)?", re.DOTALL)
_LOOPBACK = "loopback/"


class Dialplan(Numbering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    inbound_contexts: tuple[str, ...] = ("public",)
    internal_contexts: tuple[str, ...] = ("default",)

    @classmethod
    def of(cls, source: Source) -> "Dialplan":
        """Raises Invalid where a setting is not understood, naming it."""
        return cls.read(source)

    def agent_of(self, event: Event) -> Agent | None:
        """Whose phone the leg is. mod_callcenter knows its agents by name, as `jordan@default`."""
        number = event.variable("dialed_user") or phone(event.get("Channel-Name", "Caller-Channel-Name"))
        named = event.variable("cc_agent") if event.variable("cc_side") == "agent" else None
        if named is not None:
            name = named.partition("@")[0]
            return Agent(id=name, number=number if self.is_agent(number) else None)
        return self.agent(number) if number is not None and self.is_agent(number) else None

    def entry(self, event: Event) -> Entry:
        """How a call comes in on this leg; somebody who had to log in is one of ours."""
        user = event.variable("sip_auth_username", "user_name")
        ours = self.is_agent(user) or self.agent_of(event) is not None
        return self.way_in(event.get("Caller-Context"), event.get("Caller-Destination-Number"), ours=ours)


def phone(channel: str | None) -> str | None:
    """The user's part of a channel's name."""
    found = _CHANNEL.fullmatch(channel or "")
    if found is None:
        return None
    return found[1].removesuffix("-a").removesuffix("-b") if is_loopback(channel) else found[1]


def is_loopback(channel: str | None) -> bool:
    return channel is not None and channel.startswith(_LOOPBACK)
