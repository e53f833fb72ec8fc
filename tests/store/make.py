# Values to put into a store.

from datetime import UTC, datetime, timedelta
from typing import Any

from aftercall.domain.account import Account, ApiKey, Entry, Source
from aftercall.domain.call import Call
from aftercall.domain.delivery import Attempt, Delivery, Outcome
from aftercall.domain.emit import Speech
from aftercall.domain.event import Event, event_id
from aftercall.domain.fact import Data, Fact, Kind
from aftercall.domain.webhook import Webhook
from aftercall.engine.ids import new_id
from aftercall.engine.rows import CallRow, Finished, SpokenEvent

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT, OTHER = "ac_one", "ac_two"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def account(id: str = ACCOUNT, **more: Any) -> Account:
    return Account(id=id, name="Acme", created_at=NOW, **more)


def api_key(id: str = "ak_1", account_id: str = ACCOUNT, **more: Any) -> ApiKey:
    more = {"digest": f"digest of {id}", "scopes": ("calls:read",), **more}
    return ApiKey(id=id, account_id=account_id, name="key", hint="ac_live_", created_at=NOW, **more)


def webhook(id: str = "wb_1", account_id: str = ACCOUNT, **more: Any) -> Webhook:
    more = {"url": "https://example.com/hook", **more}
    return Webhook(id=id, account_id=account_id, created_at=NOW, updated_at=NOW, **more)


def source(id: str = "src_1", account_id: str = ACCOUNT, **more: Any) -> Source:
    return Source(id=id, account_id=account_id, created_at=NOW, updated_at=NOW, **more)


def entry(id: str = "ag_1", account_id: str = ACCOUNT, **more: Any) -> Entry:
    more = {"kind": "agent", "key": "101", "name": "Ada", **more}
    return Entry(id=id, account_id=account_id, created_at=NOW, updated_at=NOW, **more)


def fact(natural_id: str = "f1", call_key: str = "key-1", **more: Any) -> Fact:
    more = {"kind": Kind.ENDED, "occurred_at": NOW, "data": Data(to="+4930123456"), **more}
    return Fact(call_key=call_key, natural_id=natural_id, **more)


def call_row(id: str | None = None, account_id: str = ACCOUNT, **more: Any) -> CallRow:
    known = {
        "source_id": "src_1", "call_key": "key-1", "generation": 0, "version": 1, "facts": 1,
        "speech": Speech(NOW, NOW), "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    more = {**known, **more}
    more.setdefault("call", Call(source_call_key=more["call_key"], started_at=NOW))
    return CallRow(id=id or new_id("cl"), account_id=account_id, **more)


def spoken(call_id: str, name: str = "call.completed", account_id: str = ACCOUNT, **more: Any) -> SpokenEvent:
    skipped = more.pop("skipped", ())
    known = {"occurred_at": NOW, "received_at": NOW, "spoken_at": NOW, "sequence": 1}
    event = Event(event_id=event_id(call_id, name, ""), name=name, call_id=call_id, **{**known, **more})
    return SpokenEvent(account_id=account_id, event=event, skipped=skipped)


def delivery(id: str | None = None, account_id: str = ACCOUNT, **more: Any) -> Delivery:
    known_as = id or new_id("dl")
    call_id = more.pop("call_id", f"cl_{known_as.removeprefix('dl_')}")
    event = event_id(call_id or "", "call.completed", "")
    known = {
        "destination_id": "wb_1", "event_id": event, "event": "call.completed", "trigger": "call.completed",
        "body": b'{"a":1}', "content_type": "application/json", "created_at": NOW, "occurred_at": NOW, "due_at": NOW,
    }  # fmt: skip
    more = {**known, **more}
    more.setdefault("key", f"{more['event_id']}:{more['destination_id']}:{known_as}")
    return Delivery(id=known_as, account_id=account_id, call_id=call_id, **more)


def finished(delivery: Delivery, outcome: Outcome | None = None, number: int = 1) -> Finished:
    """`delivery` as it is after the attempt."""
    outcome = outcome or Outcome(ok=True, status_code=200, latency=0.02)
    attempt = Attempt(delivery_id=delivery.id, number=number, started_at=NOW, outcome=outcome)
    return Finished(delivery=delivery, attempt=attempt)
