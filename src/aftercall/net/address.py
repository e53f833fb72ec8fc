"""Which addresses may be dialled. Pure: no look-ups here.

The table follows the IANA special-purpose registries (iana-ipv4/ipv6-special-registry), written out because
`ipaddress.is_private` and friends changed their meaning between Python releases.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The first match counts, so a narrow range stands above the range that holds it.
_REFUSED: tuple[tuple[str, str], ...] = (
    ("169.254.169.254/32", "metadata"),  # AWS, Azure, GCP, OpenStack and most others
    ("169.254.170.2/32", "metadata"),  # AWS task credentials
    ("100.100.100.200/32", "metadata"),  # Alibaba
    ("192.0.0.192/32", "metadata"),  # Oracle
    ("168.63.129.16/32", "metadata"),  # Azure's host agent: a public number that only answers from inside
    ("0.0.0.0/8", "unspecified"),  # 0.0.0.0 reaches this very machine on Linux
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared"),  # carrier-grade NAT, RFC 6598; also the inside of some clouds and VPNs
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "reserved"),  # the former 6to4 relays
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),  # with the broadcast address
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("fd00:ec2::254/128", "metadata"),  # AWS
    ("fd20:ce::254/128", "metadata"),  # GCP
    ("64:ff9b:1::/48", "private"),  # a network's own NAT64 prefix, RFC 8215
    ("2001::/32", "tunnel"),  # Teredo: carries an IPv4 address that nobody checked
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "tunnel"),  # 6to4: likewise
    ("3fff::/20", "documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),  # site-local, withdrawn
    ("ff00::/8", "multicast"),
)
_TABLE4 = tuple((IPv4Network(n), why) for n, why in _REFUSED if ":" not in n)
_TABLE6 = tuple((IPv6Network(n), why) for n, why in _REFUSED if ":" in n)
_GLOBAL6 = IPv6Network("2000::/3")  # the only IPv6 space handed out for public use
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRules(msgspec.Struct, frozen=True):
    """Public addresses are allowed; `allow` names the other ranges that the operator trusts."""

    allow: tuple[Network, ...] = ()

    def check(self, address: str) -> str | None:
        """None when the address may be dialled, else a short reason such as "private"."""
        if "%" in address:
            return "zone id"  # fe80::1%eth0: a link-local address, whatever the range allowed
        try:
            dialled = ip_address(address)
        except ValueError:
            return "not an address"
        reached = _reached(dialled)
        if any(a in network for network in self.allow for a in (dialled, reached)):
            return None
        return _why_refused(reached)


def networks(*ranges: str) -> tuple[Network, ...]:
    """The ranges of a setting as values: "10.0.0.0/8", "fd00::/8", or a single address."""
    return tuple(ip_network(r) for r in ranges)


def _reached(address: Address) -> Address:
    """The address at the far end: IPv6 forms that a host or a NAT64 gateway turns into IPv4."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@lru_cache(maxsize=4096)
def _why_refused(address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((why for network, why in _TABLE4 if address in network), None)
    why = next((why for network, why in _TABLE6 if address in network), None)
    return why or (None if address in _GLOBAL6 else "reserved")
