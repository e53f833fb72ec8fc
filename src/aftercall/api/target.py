"""Which addresses may be set up, said when they are. What counts is the check of the address when dialling."""

from collections.abc import Iterable

from aftercall.domain.errors import Invalid
from aftercall.net.address import AddressRules, networks
from aftercall.net.errors import NetError
from aftercall.net.url import host as read_host
from aftercall.net.url import parse


def check_target(url: str, dev: bool, allowed: Iterable[str], field: str = "url") -> None:  # noqa: FBT001
    """Raise Invalid with a reason that helps. A host name is looked up only when it is dialled."""
    try:
        target = parse(url)
    except NetError as error:
        raise Invalid.field(field, error.detail) from None
    if target.scheme != "https" and not dev:
        raise Invalid.field(field, "must start with https:// (plain http is for development: --dev)")
    if target.literal:
        _check_address(target.host, allowed, field)


def check_host(host: str, allowed: Iterable[str], field: str) -> str | None:
    """The address it is; None for a name. Raises Invalid likewise."""
    try:
        name, literal = read_host(host)
    except NetError as error:
        raise Invalid.field(field, error.detail) from None
    if not literal:
        return None
    _check_address(name, allowed, field)
    return name


def _check_address(address: str, allowed: Iterable[str], field: str) -> None:
    refused = AddressRules(allow=networks(*allowed)).check(address)
    if refused is not None:
        raise Invalid.field(
            field, f"this address is not reachable from here ({refused}); the operator can allow its network"
        )
