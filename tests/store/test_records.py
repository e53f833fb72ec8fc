from datetime import timedelta

import msgspec
import pytest

from aftercall.domain.account import Timing
from aftercall.domain.errors import Conflict, Invalid
from aftercall.domain.webhook import Auth, Filters, OldSecret
from aftercall.engine.ports import Collision
from aftercall.engine.rows import Remembered
from aftercall.store.store import SqlStore
from tests.store import make
from tests.store.make import ACCOUNT, NOW, OTHER, later

replace = msgspec.structs.replace

SECRETIVE = make.webhook(
    auth=Auth(type="basic", username="ada", password="pass-word", secret="se-cret"),
    headers={"X-Api-Key": "header-value"},
    signing_secret="whsec_signing",
    old_secrets=(OldSecret("whsec_old", NOW),),
    old_auth_secrets=(OldSecret("old-auth", NOW),),
    filters=Filters(queues=("Sales",)),
    template={"a": "{{ call_id }}"},
)


@pytest.fixture(autouse=True)
async def accounts(store: SqlStore) -> None:
    await store.add_account(make.account())
    await store.add_account(make.account(OTHER, country="DE", retry_schedule=(1, 2)))


async def version(store: SqlStore) -> int:
    found = await store.settings_version(ACCOUNT)
    assert found is not None
    return found


async def test_accounts_are_listed_page_by_page(store: SqlStore) -> None:
    first = await store.list_accounts(None, 1)
    second = await store.list_accounts(first.next_cursor, 1)
    assert [a.id for a in (*first.items, *second.items)] == [ACCOUNT, OTHER]
    assert second.next_cursor is None


async def test_an_account_comes_back_as_it_was_stored(store: SqlStore) -> None:
    assert await store.get_account(OTHER) == make.account(OTHER, country="DE", retry_schedule=(1, 2))
    assert await store.get_account("ac_none") is None
    assert await store.settings_version("ac_none") is None


async def test_an_account_is_opened_once(store: SqlStore) -> None:
    with pytest.raises(Collision):
        await store.add_account(make.account())


async def test_updating_an_account_raises_its_version(store: SqlStore) -> None:
    await store.update_account(make.account(status="suspended"))
    assert await store.get_account(ACCOUNT) == make.account(status="suspended", version=2)


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "bnVsbA", "WzFd", "\xff", "[]"])
async def test_a_cursor_that_is_none_is_refused(store: SqlStore, cursor: str) -> None:
    with pytest.raises(Invalid):
        await store.list_accounts(cursor, 10)


async def test_a_key_is_found_by_its_digest_whatever_its_state(store: SqlStore) -> None:
    key = make.api_key(expires_at=NOW)
    await store.add_key(key)
    assert await store.find_key(key.digest) == key
    assert await store.find_key("another") is None
    assert await store.revoke_key(OTHER, key.id, NOW) is False
    assert await store.revoke_key(ACCOUNT, key.id, later(1)) is True
    assert await store.revoke_key(ACCOUNT, key.id, later(2)) is False
    assert await store.find_key(key.digest) == replace(key, revoked_at=later(1))


async def test_keys_are_listed_within_the_account(store: SqlStore) -> None:
    for i in range(3):
        await store.add_key(make.api_key(f"ak_{i}"))
    await store.add_key(make.api_key("ak_x", OTHER))
    first = await store.list_keys(ACCOUNT, None, 2)
    second = await store.list_keys(ACCOUNT, first.next_cursor, 2)
    assert [k.id for k in (*first.items, *second.items)] == ["ak_0", "ak_1", "ak_2"]


async def test_the_use_of_keys_is_written_down(store: SqlStore) -> None:
    for key in (make.api_key("ak_0"), make.api_key("ak_1"), make.api_key("ak_x", OTHER)):
        await store.add_key(key)
    await store.use_keys([(ACCOUNT, "ak_0"), (ACCOUNT, "ak_x")], NOW)
    await store.use_keys([(ACCOUNT, "ak_0")], later(1))
    assert [k.last_used_at for k in (await store.list_keys(ACCOUNT, None, 9)).items] == [later(1), None]
    assert [k.last_used_at for k in (await store.list_keys(OTHER, None, 9)).items] == [None]


async def test_a_webhook_comes_back_with_its_secrets(store: SqlStore) -> None:
    await store.add_webhook(SECRETIVE)
    assert await store.get_webhook(ACCOUNT, "wb_1") == SECRETIVE
    assert (await store.list_webhooks(ACCOUNT, None, 10)).items == (SECRETIVE,)
    assert await store.get_webhook(OTHER, "wb_1") is None
    assert (await store.list_webhooks(OTHER, None, 10)).items == ()


async def test_a_webhook_is_updated_only_from_the_version_before(store: SqlStore) -> None:
    await store.add_webhook(SECRETIVE)
    changed = replace(SECRETIVE, url="https://example.org", signing_secret="whsec_new", version=2)
    before = await version(store)
    assert await store.update_webhook(replace(changed, version=3)) is False
    assert await store.update_webhook(replace(changed, account_id=OTHER)) is False
    assert await version(store) == before
    assert await store.update_webhook(changed) is True
    assert await store.get_webhook(ACCOUNT, "wb_1") == changed
    assert await version(store) == before + 1


async def test_a_deleted_webhook_is_gone_and_its_deliveries_are_cancelled(store: SqlStore) -> None:
    await store.add_webhook(SECRETIVE)
    waiting, in_hand, sent = make.delivery(), make.delivery(), make.delivery(status="delivered", due_at=None)
    held, foreign = make.delivery(status="held", due_at=None), make.delivery(account_id=OTHER)
    await store.add_resends([waiting, held, sent, foreign])
    await store.add_resends([in_hand], owner="n1")
    assert await store.delete_webhook(OTHER, "wb_1", NOW) is False
    assert await store.delete_webhook(ACCOUNT, "wb_1", NOW) is True
    assert await store.delete_webhook(ACCOUNT, "wb_1", NOW) is False
    assert await store.get_webhook(ACCOUNT, "wb_1") is None
    assert (await store.list_webhooks(ACCOUNT, None, 10)).items == ()
    assert await store.update_webhook(replace(SECRETIVE, version=2)) is False
    states = {}
    for one in (waiting, in_hand, held, sent):
        found = await store.get_delivery(ACCOUNT, one.id)
        assert found is not None
        states[one.id] = (found.status, found.reason)
    cancelled = ("cancelled", "deleted")
    assert states == {
        waiting.id: cancelled, in_hand.id: cancelled, held.id: cancelled, sent.id: ("delivered", None),
    }  # fmt: skip
    assert await store.get_delivery(OTHER, foreign.id) == foreign


async def test_a_source_lives_like_a_webhook(store: SqlStore) -> None:
    source = make.source(token="to-ken", timing=Timing(gate=1.0), settings={"a": 1})
    before = await version(store)
    await store.add_source(source)
    assert await store.find_source("src_1") == await store.get_source(ACCOUNT, "src_1") == source
    assert await store.get_source(OTHER, "src_1") is None
    changed = replace(source, token="other", version=2)
    assert await store.update_source(replace(changed, version=1)) is False
    assert await store.update_source(changed) is True
    assert (await store.list_sources(ACCOUNT, None, 10)).items == (changed,)
    assert await store.delete_source(OTHER, "src_1", NOW) is False
    assert await store.delete_source(ACCOUNT, "src_1", NOW) is True
    assert await store.find_source("src_1") is None
    assert (await store.list_sources(ACCOUNT, None, 10)).items == ()
    assert await version(store) == before + 3


async def test_an_entry_is_put_replaced_and_deleted(store: SqlStore) -> None:
    entry = make.entry(aliases=("+49301",), details={"email": "a@example.com"})
    before = await version(store)
    await store.put_entry(entry)
    await store.put_entry(replace(entry, key="102", name="Grace"))
    assert await store.get_entry(ACCOUNT, "agent", "ag_1") == replace(entry, key="102", name="Grace")
    assert await store.get_entry(ACCOUNT, "queue", "ag_1") is None
    assert await store.get_entry(OTHER, "agent", "ag_1") is None
    assert await store.delete_entry(OTHER, "agent", "ag_1") is False
    assert await store.delete_entry(ACCOUNT, "agent", "ag_1") is True
    assert await store.delete_entry(ACCOUNT, "agent", "ag_1") is False
    assert await version(store) == before + 3


async def test_a_key_of_the_directory_belongs_to_one_entry(store: SqlStore) -> None:
    await store.put_entry(make.entry())
    with pytest.raises(Conflict):
        await store.put_entry(make.entry("ag_2"))
    await store.put_entry(make.entry("q_1", kind="queue"))
    await store.put_entry(make.entry("ag_2", OTHER))


async def test_entries_are_listed_by_key_page_by_page(store: SqlStore) -> None:
    for key in ("3", "1", "2"):
        await store.put_entry(make.entry(f"ag_{key}", key=key))
    first = await store.list_entries(ACCOUNT, "agent", None, 2)
    second = await store.list_entries(ACCOUNT, "agent", first.next_cursor, 2)
    assert [e.key for e in (*first.items, *second.items)] == ["1", "2", "3"]


async def test_settings_are_everything_at_one_version(store: SqlStore) -> None:
    source = make.source(token="to-ken")
    await store.add_webhook(SECRETIVE)
    await store.add_webhook(make.webhook("wb_9", OTHER))
    await store.add_source(source)
    await store.put_entry(make.entry(aliases=("ada", "102"), details={"x": 1}))
    await store.put_entry(make.entry("ag_2", key="102", name="Grace"))
    settings = await store.settings(ACCOUNT)
    assert settings is not None
    assert settings.version == settings.account.version == await version(store)
    assert settings.webhooks == (SECRETIVE,)
    assert settings.sources == {"src_1": source}
    assert settings.directory == {
        ("agent", "101"): ("ag_1", "Ada", {"x": 1}),
        ("agent", "ada"): ("ag_1", "Ada", {"x": 1}),
        ("agent", "102"): ("ag_2", "Grace", {}),  # a key goes before another's alias
    }
    assert await store.settings("ac_none") is None


async def test_the_first_answer_under_a_key_is_remembered_for_a_while(store: SqlStore) -> None:
    first, second = Remembered("digest", 201, b"\0one"), Remembered("digest", 200, b"two")
    await store.remember(ACCOUNT, "k", first, NOW)
    await store.remember(ACCOUNT, "k", second, NOW)
    assert await store.recall(ACCOUNT, "k") == first
    assert await store.recall(OTHER, "k") is None
    assert await store.forget(NOW) == 0
    assert await store.forget(NOW + timedelta(seconds=1)) == 1
    assert await store.recall(ACCOUNT, "k") is None
