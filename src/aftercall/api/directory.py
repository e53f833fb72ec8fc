"""/v1/numbers, agents, queues, menus and dispositions: the names behind what sources say (D1, D2).

The five are alike, so their operations are made by one function.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.api.operation import Ask, Listing, Operation, PageQuery, operation
from aftercall.domain.account import DirectoryKind, Entry
from aftercall.domain.errors import Conflict, NotFound
from aftercall.engine.setup import PREFIXES, check_texts, entry_key, lookups, new_entry

Key = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(max_length=200)]
Aliases = Annotated[list[Key], Meta(max_length=100, description="Other names sources use for it.")]
Details = Annotated[
    dict[str, Any],
    Meta(
        max_length=50,
        description="Agents: number, email, extension. Numbers: capabilities. Dispositions: sub_dispositions.",
    ),
]


class EntryForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    key: Key | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    aliases: Aliases | UnsetType = UNSET
    details: Details | UnsetType = UNSET


class NewEntryForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`key` is what sources call it: an E.164 number, an extension, a queue's name. `id` is made when left out."""

    key: Key
    id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] | None = None
    name: Name = ""
    aliases: Aliases = []
    details: Details = {}


class EntryOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    key: str
    name: str
    aliases: tuple[str, ...]
    details: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def crud(
    kind: DirectoryKind, path: str, one: str, many: str, example: dict[str, Any]
) -> tuple[Operation, ...]:
    """The five operations of one kind of entry."""
    tag = "Directory"
    item = f"/v1/{path}/{{{kind}_id}}"

    async def create(ask: Ask, data: NewEntryForm) -> EntryOut:
        await _id_is_free(ask, data.id)
        account = await ask.account()
        check_texts(key=data.key, name=data.name)
        entry = new_entry(
            ask.account_id, kind, data.key, account.country, ask.now,
            id=data.id, name=data.name, aliases=tuple(data.aliases), details=data.details,
        )  # fmt: skip
        return await _put(ask, entry)

    async def list_(ask: Ask, query: PageQuery) -> Listing[EntryOut]:
        page = await ask.app.store.list_entries(ask.account_id, kind, query.cursor, query.limit)
        return Listing(tuple(_shown(entry) for entry in page.items), page.next_cursor)

    async def get(ask: Ask, **path: str) -> EntryOut:
        return _shown(await _find(ask, kind, path[f"{kind}_id"]))

    async def change(ask: Ask, data: EntryForm, **path: str) -> EntryOut:
        entry = await _find(ask, kind, path[f"{kind}_id"])
        return await _put(ask, _changed(entry, data, (await ask.account()).country, ask.now))

    async def delete(ask: Ask, **path: str) -> None:
        if not await ask.app.store.delete_entry(ask.account_id, kind, path[f"{kind}_id"]):
            raise NotFound(f"There is no such {one}.")
        ask.changed()

    for handler, name in ((create, f"create_{kind}"), (list_, f"list_{path}"), (get, f"get_{kind}"),
                          (change, f"change_{kind}"), (delete, f"delete_{kind}")):  # fmt: skip
        handler.__name__ = name
    read, write = "directory:read", "directory:write"
    return (
        operation("POST", f"/v1/{path}", write, f"Add {one}", tag=tag, status=201, example=example)(create),
        operation("GET", f"/v1/{path}", read, f"List {many}", tag=tag)(list_),
        operation("GET", item, read, f"Read {one}", tag=tag)(get),
        operation("PATCH", item, write, f"Change {one}", tag=tag)(change),
        operation("DELETE", item, write, f"Delete {one}", tag=tag, status=204)(delete),
    )


async def _id_is_free(ask: Ask, chosen: str | None) -> None:
    for kind in PREFIXES if chosen is not None else ():
        if await ask.app.store.get_entry(ask.account_id, kind, chosen or "") is not None:
            raise Conflict("Another entry of the directory has this id.")


async def _find(ask: Ask, kind: DirectoryKind, entry_id: str) -> Entry:
    entry = await ask.app.store.get_entry(ask.account_id, kind, entry_id)
    if entry is None:
        raise NotFound(f"There is no such {kind}.")
    return entry


async def _put(ask: Ask, entry: Entry) -> EntryOut:
    await ask.app.store.put_entry(entry)
    ask.changed()
    return _shown(entry)


def _changed(entry: Entry, form: EntryForm, country: str | None, now: datetime) -> Entry:
    given: tuple[str, ...] = tuple(a for a in entry.aliases if a not in lookups(entry, country))
    if form.aliases is not UNSET:
        given = tuple(form.aliases)
    changed = msgspec.structs.replace(
        entry,
        key=entry.key if form.key is UNSET else entry_key(entry.kind, form.key, country),
        name=entry.name if form.name is UNSET else form.name,
        details=entry.details if form.details is UNSET else form.details,
        updated_at=now,
    )
    check_texts(key=changed.key, name=changed.name)
    return msgspec.structs.replace(
        changed, aliases=tuple(dict.fromkeys((*given, *lookups(changed, country))))
    )


def _shown(entry: Entry) -> EntryOut:
    """Without the aliases that go without saying."""
    aliases = tuple(alias for alias in entry.aliases if alias not in (entry.id, entry.name))
    fields = {name: getattr(entry, name) for name in EntryOut.__struct_fields__}
    return EntryOut(**fields | {"aliases": aliases})


AGENT = {"id": "ag_102", "key": "102", "name": "Jordan",
         "details": {"number": "+14085550102", "email": "jordan@example.com"}}  # fmt: skip
OPERATIONS: tuple[Operation, ...] = (
    *crud("number", "numbers", "a number of ours", "our numbers", {"key": "+14085559876", "name": "Main line"}),
    *crud("agent", "agents", "an agent", "agents", AGENT),
    *crud("queue", "queues", "a queue or department", "queues", {"id": "q_23", "key": "support", "name": "Support"}),
    *crud("menu", "menus", "a menu", "menus", {"key": "7", "name": "Main menu"}),
    *crud("disposition", "dispositions", "a disposition", "dispositions",
          {"key": "sold", "name": "Sold", "details": {"sub_dispositions": ["Upgrade"]}}),
)  # fmt: skip
