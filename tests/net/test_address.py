from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.net.address import AddressRules, networks

PUBLIC = AddressRules()


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.0.1", "2606:4700::1111", "2a00:1450::1"],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert PUBLIC.check(address) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "shared"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "metadata"),
        ("169.254.170.2", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.8", "reserved"),
        ("192.0.0.192", "metadata"),
        ("192.0.2.1", "documentation"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("198.18.0.1", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fc00::1", "private"),
        ("fdff::1", "private"),
        ("fec0::1", "private"),
        ("fe80::1", "link-local"),
        ("ff02::1", "multicast"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("2001::7f00:1", "tunnel"),
        ("2001:10::1", "reserved"),
        ("2002:7f00:1::", "tunnel"),
        ("100::1", "reserved"),
        ("4000::1", "reserved"),
        ("64:ff9b:1::1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:169.254.169.254", "metadata"),
        ("::127.0.0.1", "reserved"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("fe80::1%eth0", "zone id"),
        ("8.8.8.8%eth0", "zone id"),
        ("", "not an address"),
        ("localhost", "not an address"),
        ("127.1", "not an address"),
        ("2130706433", "not an address"),
        ("010.0.0.1", "not an address"),
    ],
)
def test_addresses_that_are_not_public_are_refused_with_a_reason(address: str, why: str) -> None:
    assert PUBLIC.check(address) == why


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_an_ipv6_form_of_a_public_ipv4_address_is_allowed(address: str) -> None:
    assert PUBLIC.check(address) is None


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1"])
def test_an_allowed_range_is_allowed_in_every_form(address: str) -> None:
    assert AddressRules(networks("10.0.0.0/8", "fd12::/16")).check(address) is None


def test_an_allowed_range_opens_nothing_else() -> None:
    assert AddressRules(networks("10.0.0.0/8")).check("192.168.0.1") == "private"


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_like_the_address_it_maps(address: IPv4Address) -> None:
    assert PUBLIC.check(f"::ffff:{address}") == PUBLIC.check(str(address))


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_outside_the_public_space_passes(address: IPv6Address) -> None:
    if PUBLIC.check(str(address)) is None:
        assert int(address) >> 125 == 1 or address.ipv4_mapped or str(address).startswith("64:ff9b:")


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert PUBLIC.check(text) is None or isinstance(PUBLIC.check(text), str)
