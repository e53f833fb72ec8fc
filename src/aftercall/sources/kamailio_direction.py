"""Which way a call through a proxy goes. A proxy does not know; its records or its source's settings may tell.

In this order: what the record says (`dir`); a field of the record, such as a header (`direction_field`); the
address the INVITE came from (`trunks`); the source's `direction`; the account's numbers; and if nothing tells,
inbound is assumed.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Literal

import msgspec

from aftercall.domain.account import Source
from aftercall.domain.errors import Invalid
from aftercall.engine.reading import shape
from aftercall.engine.taking import word

Way = Literal["inbound", "outbound", "internal"]

SAID = ("dir", "direction")
CAME_FROM = "src_ip"
WAYS: Mapping[str, Way] = {
    "inbound": "inbound", "in": "inbound", "outbound": "outbound", "out": "outbound", "internal": "internal"
}  # fmt: skip
SETTINGS = frozenset({"trunks", "direction_field", "directions"})
MAX_RULES = 200


class Rules(msgspec.Struct, frozen=True):
    """A source's own."""

    trunks: tuple[IPv4Network | IPv6Network, ...] = ()
    field: str | None = None
    values: dict[str, Way] = {}

    def way(self, record: Mapping[str, Any]) -> Way | None:
        """Which way the call of this record goes, None if it does not tell."""
        for name in SAID:
            said = WAYS.get((word(record.get(name)) or "").casefold())
            if said is not None:
                return said
        if self.field is not None:
            told = self.values.get((word(record.get(self.field)) or "").casefold())
            if told is not None:
                return told
        return self._by_network(word(record.get(CAME_FROM))) if self.trunks else None

    def _by_network(self, came_from: str | None) -> Way | None:
        """What a trunk sends is inbound, all else outbound."""
        try:
            address = ip_address((came_from or "").strip("[]"))
        except ValueError:
            return None
        return "inbound" if any(address in network for network in self.trunks) else "outbound"


def rules(source: Source) -> Rules:
    """Raises Invalid, naming the setting."""
    unknown = source.settings.keys() - SETTINGS
    if unknown:
        raise Invalid.field(f"settings.{min(unknown)[:50]}", f"must be one of {', '.join(sorted(SETTINGS))}")
    field, ways = source.settings.get("direction_field"), source.settings.get("directions")
    if (field is None) != (ways is None):
        raise Invalid.field("settings.directions", "goes with direction_field: one needs the other")
    if field is not None and word(field) != field:
        raise Invalid.field("settings.direction_field", "must be the name of a field", shape(field))
    return Rules(_trunks(source.settings.get("trunks")), field, _ways(ways))


def _trunks(value: Any) -> tuple[IPv4Network | IPv6Network, ...]:
    listed = [] if value is None else value
    if type(listed) is not list or len(listed) > MAX_RULES:
        raise Invalid.field(
            "settings.trunks", f"must be a list of at most {MAX_RULES} addresses", shape(value)
        )
    found = []
    for n, text in enumerate(listed):
        try:
            found.append(ip_network(text if type(text) is str else "", strict=False))
        except ValueError:
            rule = "must be an address or a network, such as 192.0.2.0/24"
            raise Invalid.field(f"settings.trunks[{n}]", rule, shape(text)) from None
    return tuple(found)


def _ways(value: Any) -> dict[str, Way]:
    named = {} if value is None else value
    if type(named) is not dict or len(named) > MAX_RULES:
        raise Invalid.field("settings.directions", f"must name at most {MAX_RULES} values", shape(value))
    for text, way in named.items():
        if type(way) is not str or way not in WAYS:
            rule = "must be inbound, outbound or internal"
            raise Invalid.field(f"settings.directions.{text[:50]}", rule, shape(way))
    return {text.casefold(): WAYS[way] for text, way in named.items()}
