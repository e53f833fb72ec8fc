"""What a server writes to people with, set up through its API, and what became of it."""

from collections.abc import Iterable
from typing import Any

from tests.support.server import Server
from tests.support.wait import until

OURS = "+14085550199"
SORRY = "Sorry we missed you."


def gateway(url: str) -> dict[str, Any]:
    """Settings of a gateway that takes JSON, answers with an id, and tells receipts and texts as JSON."""
    return {
        "url": url,
        "json": {
            "to": "{{ to }}", "from": "{{ sender }}", "text": "{{ text }}", "ref": "{{ reference }}",
            "report_to": "{{ callback_url }}",
        },
        "id_path": "id",
        "receipts": {
            "status": "status", "id": "id", "reference": "ref",
            "statuses": {"delivered": "delivered", "failed": "undelivered"},
        },
        "inbound": {"from": "from", "to": "to", "text": "text", "id": "id"},
    }  # fmt: skip


async def connect(server: Server, type_: str, settings: dict[str, Any], **more: Any) -> Any:
    """A connection without a limit, unless told otherwise."""
    fields = {"type": type_, "settings": settings, "rate_limit": 0} | more
    return await server.made("/v1/connections", fields)


async def text_missed_calls(server: Server, connection: Any, number: str = OURS, **rule: Any) -> Any:
    """Who calls in vain gets a text from this number; the action."""
    sender = {
        "connection_id": connection["id"],
        "value": number,
        "kind": "long_code",
        "a2p": {"registered": True},
    }
    template = {"name": "Sorry", "channel": "sms", "category": "service_implicit", "text": SORRY}
    made = {"channel": "sms", "events": ["missed"], "recipients": "caller"} | rule
    made["sender_id"] = (await server.made("/v1/senders", sender))["id"]
    made["template_id"] = (await server.made("/v1/message-templates", template))["id"]
    return await server.made("/v1/rules", made)


async def texts(server: Server) -> list[dict[str, Any]]:
    """All of them, newest first."""
    found: list[dict[str, Any]] = []
    query = "/v1/deliveries?channel=sms&limit=200"
    cursor: str | None = ""
    while cursor is not None:
        _, page = await server.ask("GET", query + (f"&cursor={cursor}" if cursor else ""))
        found += page["items"]
        cursor = page["next_cursor"]
    return found


async def settled(server: Server, calls: Iterable[str], seconds: float = 30) -> list[dict[str, Any]]:
    """The texts, once every one of these calls has one and none is waiting."""
    wanted = set(calls)

    async def probe() -> list[dict[str, Any]] | None:
        found = await texts(server)
        waiting = any(text["status"] == "pending" for text in found)
        return None if waiting or wanted - {text["call_id"] for text in found} else found

    return await until(probe, seconds)


async def became(server: Server, call_id: str, status: str, seconds: float = 30) -> dict[str, Any]:
    """The text after this call, once it has this status."""

    async def probe() -> dict[str, Any] | None:
        found = [text for text in await texts(server) if text["call_id"] == call_id]
        return next((text for text in found if text["status"] == status), None)

    return await until(probe, seconds)
