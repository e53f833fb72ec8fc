"""Webhooks. Their secrets stand in one sealed column, never in the document."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, literal_column, select, update

from aftercall.domain.webhook import OldSecret, Webhook
from aftercall.engine.rows import Page
from aftercall.store.accounts import raise_version
from aftercall.store.holding import cancel_all, hold
from aftercall.store.link import Link
from aftercall.store.paging import page, read_cursor
from aftercall.store.part import Part
from aftercall.store.schema import webhooks
from aftercall.store.statement import Insert, Query
from aftercall.store.values import document, micros
from aftercall.store.vault import Vault

w = webhooks.c

_of = (w.account_id == bindparam("in_account"), w.id == bindparam("with_id"), w.deleted_at.is_(None))
_ADD = Insert(webhooks)
_COLUMNS = (w.document, w.secrets, w.id)
_GET = Query(select(*_COLUMNS).where(*_of))
_LOCK = Query(select(*_COLUMNS).where(*_of).with_for_update())
_ALL = Query(
    select(*_COLUMNS).where(w.account_id == bindparam("in_account"), w.deleted_at.is_(None)).order_by(w.id)
)
_UPDATE = Query(
    update(webhooks)
    .where(*_of, w.version == bindparam("new_version") - literal_column("1"))
    .values(
        document=bindparam("new_document"),
        secrets=bindparam("new_secrets"),
        status=bindparam("new_status"),
        version=bindparam("new_version"),
    )
)
_DELETE = Query(update(webhooks).where(*_of).values(deleted_at=bindparam("at"), secrets=literal_column("''")))


class _Secrets(msgspec.Struct, frozen=True, omit_defaults=True):
    secret: str | None = None
    password: str | None = None
    headers: dict[str, str] = {}
    signing_secret: str = ""
    old_secrets: tuple[OldSecret, ...] = ()
    old_auth_secrets: tuple[OldSecret, ...] = ()


_decode = msgspec.json.Decoder(Webhook).decode
_decode_secrets = msgspec.json.Decoder(_Secrets).decode


class SqlWebhooks(Part):
    async def add_webhook(self, webhook: Webhook) -> None:
        await self._database.write(_add, webhook, *_parted(webhook, self._vault))

    async def get_webhook(self, account_id: str, webhook_id: str) -> Webhook | None:
        rows = await self._database.read(Link.rows, _GET, in_account=account_id, with_id=webhook_id)
        return _whole(rows[0], self._vault) if rows else None

    async def list_webhooks(self, account_id: str, cursor: str | None, limit: int) -> Page[Webhook]:
        query = select(*_COLUMNS).where(w.account_id == account_id, w.deleted_at.is_(None))
        if cursor is not None:
            query = query.where(w.id > read_cursor(cursor, tuple[str])[0])
        rows = await self._database.read(Link.all, query.order_by(w.id).limit(limit + 1))
        return page(rows, limit, lambda row: _whole(row, self._vault), lambda row: (row[2],))

    async def update_webhook(self, webhook: Webhook) -> bool:
        return await self._database.write(_update, webhook, *_parted(webhook, self._vault))

    async def delete_webhook(self, account_id: str, webhook_id: str, now: datetime) -> bool:
        """What was pending or held is cancelled."""
        return await self._database.write(_delete, account_id, webhook_id, micros(now))

    async def disable_webhook(self, account_id: str, webhook_id: str, reason: str, now: datetime) -> bool:
        return await self._database.write(_disable, self._vault, account_id, webhook_id, reason, now)


def all_webhooks(link: Link, vault: Vault, account_id: str) -> tuple[Webhook, ...]:
    return tuple(_whole(row, vault) for row in link.rows(_ALL, in_account=account_id))


def _add(link: Link, webhook: Webhook, text: str, sealed: str) -> None:
    row = (webhook.account_id, webhook.id, text, sealed, webhook.status, webhook.version, None)
    link.many(_ADD, [row])
    raise_version(link, webhook.account_id)


def _update(link: Link, webhook: Webhook, text: str, sealed: str) -> bool:
    given: dict[str, Any] = {"in_account": webhook.account_id, "with_id": webhook.id}
    given |= {"new_document": text, "new_secrets": sealed}
    if not link.run(_UPDATE, **given, new_status=webhook.status, new_version=webhook.version):
        return False
    raise_version(link, webhook.account_id)
    return True


def _delete(link: Link, account_id: str, webhook_id: str, now: int) -> bool:
    if not link.run(_DELETE, in_account=account_id, with_id=webhook_id, at=now):
        return False
    cancel_all(link, account_id, webhook_id, "deleted")
    raise_version(link, account_id)
    return True


def _disable(link: Link, vault: Vault, account_id: str, webhook_id: str, reason: str, now: datetime) -> bool:
    rows = link.rows(_LOCK, in_account=account_id, with_id=webhook_id)
    webhook = _whole(rows[0], vault) if rows else None
    if webhook is None or webhook.status != "enabled":
        return False
    disabled = msgspec.structs.replace(
        webhook, status="disabled", status_reason=reason, updated_at=now, version=webhook.version + 1
    )
    hold(link, account_id, webhook_id, reason)
    return _update(link, disabled, *_parted(disabled, vault))


def _parted(webhook: Webhook, vault: Vault) -> tuple[str, str]:
    """The document without secrets, and the secrets sealed. All extra headers count as secret."""
    auth = webhook.auth
    secrets = _Secrets(
        secret=auth.secret,
        password=auth.password,
        headers=webhook.headers,
        signing_secret=webhook.signing_secret,
        old_secrets=webhook.old_secrets,
        old_auth_secrets=webhook.old_auth_secrets,
    )
    bare = msgspec.structs.replace(
        webhook,
        auth=msgspec.structs.replace(auth, secret=None, password=None),
        headers={},
        signing_secret="",
        old_secrets=(),
        old_auth_secrets=(),
    )
    return document(bare), vault.seal(document(secrets), "webhooks", "secrets", webhook.id)


def _whole(row: Any, vault: Vault) -> Webhook:
    webhook = _decode(row[0])
    secrets = _decode_secrets(vault.open(row[1], "webhooks", "secrets", row[2]))
    return msgspec.structs.replace(
        webhook,
        auth=msgspec.structs.replace(webhook.auth, secret=secrets.secret, password=secrets.password),
        headers=secrets.headers,
        signing_secret=secrets.signing_secret,
        old_secrets=secrets.old_secrets,
        old_auth_secrets=secrets.old_auth_secrets,
    )
