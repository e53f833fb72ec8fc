"""/v1/account, the caller's own; /v1/accounts, all of them, for the operator (D3)."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aftercall.api.keys import KeyCreated, fields
from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.domain.account import SCOPES, Account
from aftercall.domain.errors import Forbidden, NotFound
from aftercall.engine.founding import add_account
from aftercall.engine.ids import new_id
from aftercall.engine.keys import check_scopes, make_key
from aftercall.engine.setup import check_country, check_schedule, check_texts, check_zone

TAG = "Accounts"
OPERATOR = "accounts:write"
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class AccountForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`country` (two letters) reads numbers written the national way; `retry_schedule` is in seconds."""

    name: Name | UnsetType = UNSET
    country: Annotated[str, Meta(min_length=2, max_length=2)] | UnsetType | None = UNSET
    time_zone: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    retry_schedule: (
        Annotated[list[Annotated[int, Meta(ge=1, le=604_800)]], Meta(max_length=20)] | UnsetType | None
    ) = UNSET


class OperatorForm(AccountForm, kw_only=True, forbid_unknown_fields=True):
    """What only the operator sets."""

    status: Literal["active", "suspended"] | UnsetType = UNSET
    features: Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=100)] | UnsetType = UNSET
    max_events_per_second: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET
    closed_after_days: Annotated[int, Meta(ge=1, le=365)] | UnsetType = UNSET


class NewAccountForm(OperatorForm, kw_only=True, forbid_unknown_fields=True):
    name: Name


class OwnerKeyForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: Name = "owner"
    scopes: Annotated[list[Annotated[str, Meta(max_length=50)]], Meta(max_length=20)] | None = None


class AccountOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    status: Literal["active", "suspended"]
    country: str | None
    time_zone: str
    retry_schedule: tuple[int, ...] | None
    features: tuple[str, ...]
    max_events_per_second: int | None
    closed_after_days: int
    created_at: datetime


@operation("GET", "/v1/account", "calls:read", "Read the key's own account", tag=TAG)
async def get_own_account(ask: Ask) -> AccountOut:
    return _shown(await ask.account())


@operation("PATCH", "/v1/account", "directory:write", "Change the key's own account", tag=TAG,
           example={"country": "US", "time_zone": "America/New_York"})  # fmt: skip
async def change_own_account(ask: Ask, data: AccountForm) -> AccountOut:
    return await _update(ask, await ask.account(), data)


@operation(
    "POST", "/v1/accounts", OPERATOR, "Create an account", tag=TAG, status=201, example={"name": "Acme"}
)
async def create_account(ask: Ask, data: NewAccountForm) -> AccountOut:
    """With it comes a source for POST /v1/events. The operator then makes its owner's key."""
    account = Account(id=new_id("ac"), created_at=ask.now, **{"name": data.name, **_set(data)})
    return _shown(await add_account(ask.app.store, account, ask.now))


@operation("GET", "/v1/accounts", OPERATOR, "List accounts", tag=TAG)
async def list_accounts(ask: Ask, query: PageQuery) -> Listing[AccountOut]:
    page = await ask.app.store.list_accounts(query.cursor, query.limit)
    return Listing(tuple(_shown(account) for account in page.items), page.next_cursor)


@operation("GET", "/v1/accounts/{account_id}", OPERATOR, "Read an account", tag=TAG)
async def get_account(ask: Ask, account_id: str) -> AccountOut:
    return _shown(await _find(ask, account_id))


@operation("PATCH", "/v1/accounts/{account_id}", OPERATOR, "Change or suspend an account", tag=TAG)
async def change_account(ask: Ask, account_id: str, data: OperatorForm) -> AccountOut:
    return await _update(ask, await _find(ask, account_id), data)


@operation("POST", "/v1/accounts/{account_id}/keys", OPERATOR, "Create a key of an account", tag=TAG,
           status=201, shown_once=("key",))  # fmt: skip
async def create_account_key(ask: Ask, account_id: str, data: OwnerKeyForm | None) -> KeyCreated:
    """By default with everything an account's owner may do. The key is shown here once."""
    form = data or OwnerKeyForm()
    await _find(ask, account_id)
    check_texts(name=form.name)
    scopes = check_scopes(form.scopes if form.scopes is not None else SCOPES)
    if OPERATOR in scopes and account_id != ask.account_id:
        raise Forbidden("Only the operator's own account has keys that manage accounts.")
    plaintext, key = make_key(account_id, form.name, scopes, ask.now)
    await ask.app.store.add_key(key)
    return KeyCreated(**fields(key), key=plaintext)


async def _find(ask: Ask, account_id: str) -> Account:
    account = await ask.app.store.get_account(account_id)
    if account is None:
        raise NotFound("There is no such account.")
    return account


async def _update(ask: Ask, account: Account, form: AccountForm) -> AccountOut:
    changed = msgspec.structs.replace(account, **_set(form))
    await ask.app.store.update_account(changed)
    ask.app.dispatcher.forget(account.id)
    return _shown(changed)


def _set(form: AccountForm) -> dict[str, Any]:
    names = ("name", "status", "max_events_per_second", "closed_after_days")
    set_ = {name: value for name in names if (value := getattr(form, name, UNSET)) is not UNSET}
    check_texts(name=set_.get("name"))
    if form.country is not UNSET:
        set_["country"] = check_country(form.country)
    if form.time_zone is not UNSET:
        set_["time_zone"] = check_zone(form.time_zone)
    if form.retry_schedule is not UNSET:
        set_["retry_schedule"] = check_schedule(form.retry_schedule)
    if isinstance(form, OperatorForm) and form.features is not UNSET:
        set_["features"] = tuple(dict.fromkeys(form.features))
    return set_


def _shown(account: Account) -> AccountOut:
    return AccountOut(**{name: getattr(account, name) for name in AccountOut.__struct_fields__})


OPERATIONS = (
    get_own_account, change_own_account, create_account, list_accounts, get_account, change_account,
    create_account_key,
)  # fmt: skip
