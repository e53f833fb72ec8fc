"""What the account calls its rules, templates and connections, by id: to be shown beside ids."""

from typing import TypeVar

from aftercall.api.operation import Ask
from aftercall.domain.connection import Connection
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule

N = TypeVar("N", Connection, MessageTemplate, Rule)


async def names_of(ask: Ask, kind: type[N]) -> dict[str, str]:
    """What was deleted has no name any more."""
    found: dict[str, str] = {}
    cursor: str | None = None
    while True:
        page = await ask.app.store.list_setup(kind, ask.account_id, cursor, 200)
        found |= {item.id: item.name for item in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return found
