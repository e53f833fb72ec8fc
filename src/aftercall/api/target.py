"""Which URLs a webhook may have, said when it is set up. What counts is the check of the address when dialling."""

from collections.abc import Iterable

from aftercall.domain.errors import Invalid
from aftercall.net.address import AddressRules, networks
from aftercall.net.errors import NetError
from aftercall.net.url import parse


def check_target(url: str, dev: bool, allowed: Iterable[str]) -> None:  # noqa: FBT001
    """Raise Invalid with a reason that helps. A host name is looked up only when it is dialled."""
    try:
        target = parse(url)
    except NetError as error:
        raise Invalid.field("url", error.detail) from None
    if target.scheme != "https" and not dev:
        raise Invalid.field("url", "must start with https:// (plain http is for development: --dev)")
    if not target.literal:
        return
    refused = AddressRules(allow=networks(*allowed)).check(target.host)
    if refused is not None:
        raise Invalid.field(
            "url", f"this address is not reachable from here ({refused}); the operator can allow its network"
        )
