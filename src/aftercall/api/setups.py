"""What the resources of what is set up to write to people have in common: found, changed, deleted (S1-S3)."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from aftercall.api.operation import TRIES, Ask
from aftercall.domain.connection import Connection
from aftercall.domain.errors import Conflict, NotFound
from aftercall.domain.message_template import MessageTemplate
from aftercall.domain.rule import Rule
from aftercall.domain.sender import Sender
from aftercall.engine.rows import Settings

S = TypeVar("S", Connection, Sender, MessageTemplate, Rule)

NAMES: dict[type[Connection | Sender | MessageTemplate | Rule], str] = {
    Connection: "connection", Sender: "sender", MessageTemplate: "template", Rule: "rule",
}  # fmt: skip


async def settings_of(ask: Ask) -> Settings:
    """Everything the account has set up, as it is stored now."""
    found = await ask.app.store.settings(ask.account_id)
    if found is None:
        raise NotFound("There is no such account.")
    return found


async def find(ask: Ask, kind: type[S], item_id: str) -> S:
    found = await ask.app.store.get_setup(kind, ask.account_id, item_id)
    if found is None:
        raise NotFound(f"There is no such {NAMES[kind]}.")
    return found


async def add(ask: Ask, item: S) -> S:
    await ask.app.store.add_setup(item)
    ask.changed()
    return item


async def change(ask: Ask, kind: type[S], item_id: str, make: Callable[[S], Awaitable[S]]) -> tuple[S, S]:
    """The item before and after; `make` may be called more than once, when others change it, too."""
    for _ in range(TRIES):
        before = await find(ask, kind, item_id)
        after = await make(before)
        after = msgspec.structs.replace(after, updated_at=ask.now, version=before.version + 1)
        if await ask.app.store.update_setup(after):
            ask.changed()
            return before, after
    raise Conflict(f"Somebody else is changing this {NAMES[kind]}.")


async def delete(ask: Ask, kind: type[S], item_id: str) -> None:
    if not await ask.app.store.delete_setup(kind, ask.account_id, item_id, ask.now):
        raise NotFound(f"There is no such {NAMES[kind]}.")
    ask.changed()


def named(items: list[tuple[str, str]]) -> str:
    """Up to five of these (id, name), for a message."""
    shown = [f"{id_} ({name})" if name else id_ for id_, name in items[:5]]
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return ", ".join(shown) + more
