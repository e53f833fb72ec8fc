"""Which sender a text comes from, by the country it goes to (S3). Pure.

Only what is certain is ruled out here; whether the chosen one may send this text is the guard's to say.
"""

from collections.abc import Mapping, Sequence

from aftercall.domain.connection import Connection
from aftercall.domain.message import Category
from aftercall.domain.sender import Sender


def choose(
    senders: Sequence[Sender], connections: Mapping[str, Connection], country: str | None, category: Category
) -> Sender | None:
    """The sender that suits best; None where none may be used for this country and kind of message.

    One that names the country goes before one for any, a registered one before one that is not, and an older one
    before a newer.
    """
    fitting = [s for s in senders if _fits(s, connections.get(s.connection_id), country, category)]
    return min(fitting, key=lambda s: _order(s, country), default=None)


def _fits(sender: Sender, connection: Connection | None, country: str | None, category: Category) -> bool:
    if connection is None or connection.channel != "sms" or connection.status == "disabled":
        return False
    if sender.status != "enabled":
        return False
    if sender.countries and country not in sender.countries:
        return False
    return not sender.categories or category in sender.categories


def _order(sender: Sender, country: str | None) -> tuple[bool, bool, str]:
    registered = sender.a2p is not None and sender.a2p.registered
    if country == "IN":
        registered = sender.kind == "dlt_header"
    return not sender.countries, not registered, sender.id
