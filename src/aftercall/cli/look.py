"""`webhooks`, `calls`, `deliveries`, `replay`: what the API knows, on a terminal."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from aftercall.cli.shell import MISUSED, Failure, Remote, client, out, run, table

webhooks = App(name="webhooks", help="Webhooks: list, create, test, health.")
calls = App(name="calls", help="The call log.")
deliveries = App(name="deliveries", help="The delivery log.")

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Since = Annotated[str, Parameter(help="How long back (30m, 12h, 7d), or a time (2026-01-31T10:00:00Z).")]


@webhooks.command(name="list")
def list_webhooks(remote: Remote | None = None) -> None:
    """Show the webhooks."""
    rows = [
        (w["id"], w["name"], w["status"], w["format"], " ".join(w["events"]), w["url"])
        for w in run(listed(remote, "/v1/webhooks"))
    ]
    table(("id", "name", "status", "format", "outcomes", "url"), rows)


@webhooks.command(name="create")
def create_webhook(
    to: Annotated[str, Parameter(help="The destination URL.")],
    remote: Remote | None = None,
    *,
    name: Annotated[str, Parameter(help="For people.")] = "",
    events: Annotated[
        tuple[str, ...] | None, Parameter(help="answered, missed, abandoned, voicemail.")
    ] = None,
    trigger: Annotated[
        tuple[str, ...] | None, Parameter(help="Moments instead of the finished call.")
    ] = None,
    format: Annotated[Literal["json", "classic"], Parameter(help="The body's style.")] = "json",
    header: Annotated[str | None, Parameter(help="Custom header, as Name:secret.")] = None,
) -> None:
    """Make a webhook and show its signing secret. `PATCH /v1/webhooks/{id}` sets everything else."""
    asked: dict[str, Any] = {"type": "call_event" if trigger else "after_call", "url": to, "name": name,
                             "format": format}  # fmt: skip
    if events:
        asked["events"] = list(events)
    if trigger:
        asked["triggers"] = list(trigger)
    if header:
        header_name, _, secret = header.partition(":")
        if not secret:
            raise Failure("--header must be Name:secret.", MISUSED)
        asked["auth"] = {"header": header_name, "secret": secret.strip()}
    made = run(ask(remote, "POST", "/v1/webhooks", asked))
    out.print(f"Webhook {made['id']}, signing secret {made['signing_secret']}", markup=False)
    for note in made.get("notes") or ():
        out.print(note, markup=False)


@webhooks.command(name="test")
def try_webhook(id: str, remote: Remote | None = None) -> None:
    """Send a signed sample and say Delivered, or exactly what failed."""
    result = run(ask(remote, "POST", f"/v1/webhooks/{id}/test"))
    if result["status"] != "delivered":
        raise Failure(f"Not delivered: {result['message']}")
    out.print(f"Delivered in {result['latency_ms']:g} ms (HTTP {result['status_code']}).")


@webhooks.command(name="health")
def health(id: str, remote: Remote | None = None) -> None:
    """Show how a receiver has been doing."""
    found = run(ask(remote, "GET", f"/v1/webhooks/{id}/health"))
    rows = [(name, msgspec.json.encode(value).decode() if isinstance(value, dict) else value)
            for name, value in found.items()]  # fmt: skip
    table(("", ""), rows)


@calls.command(name="list")
def list_calls(
    remote: Remote | None = None,
    *,
    since: Since = "24h",
    status: Annotated[
        tuple[str, ...] | None, Parameter(help="answered, missed, abandoned, voicemail.")
    ] = None,
    number: Annotated[str | None, Parameter(help="The end of the customer's number.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 50,
) -> None:
    """Show the latest calls."""
    query = {"since": moment(since), "status": status, "number": number}
    rows = [
        (c["call_id"], c["started_at"], c["direction"], c["from"], c["to"], c["status"], c["reason"],
         c["talk_time_seconds"])
        for c in run(listed(remote, "/v1/calls", query, limit))
    ]  # fmt: skip
    table(("id", "started", "direction", "from", "to", "outcome", "reason", "talk s"), rows)


@calls.command(name="show")
def show_call(id: str, remote: Remote | None = None) -> None:
    """Show one call and everything that happened: events, deliveries, and who did not get it and why."""
    call = run(ask(remote, "GET", f"/v1/calls/{id}"))
    moments = call.pop("timeline")
    for name in ("events", "deliveries", "messages"):
        call.pop(name)
    table(("field", "value"), [(n, plain(v)) for n, v in call.items() if v not in (None, [], {}, False)])
    out.print()
    if moments:
        columns = [name for name in moments[0] if name != "details"]
        table(columns, [[plain(m.get(name)) for name in columns] for m in moments], "Timeline")


@deliveries.command(name="list")
def list_deliveries(
    remote: Remote | None = None,
    *,
    since: Since = "24h",
    status: Annotated[
        tuple[str, ...] | None, Parameter(help="pending, held, delivered, failed, cancelled.")
    ] = None,
    webhook: Annotated[str | None, Parameter(help="Webhook id.")] = None,
    call: Annotated[str | None, Parameter(help="Call id.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 50,
) -> None:
    """Show the latest deliveries."""
    query = {"since": moment(since), "status": status, "webhook_id": webhook, "call_id": call}
    rows = [
        (
            d["id"],
            d["created_at"],
            d["event"],
            d["webhook_id"],
            d["call_id"],
            d["status"],
            d["attempts"],
            d["reason"],
        )
        for d in run(listed(remote, "/v1/deliveries", query, limit))
    ]
    table(("id", "created", "event", "webhook", "call", "status", "attempts", "reason"), rows)


def replay(
    remote: Remote | None = None,
    *,
    webhook: Annotated[str, Parameter(help="Webhook id.")],
    since: Since = "1h",
    status: Annotated[tuple[str, ...], Parameter(help="Which deliveries: failed, held.")] = (
        "failed",
        "held",
    ),
) -> None:
    """Send again what has not arrived. What has been delivered meanwhile is left alone."""
    asked = {"since": moment(since), "status": [word for part in status for word in part.split(",")]}
    done = run(ask(remote, "POST", f"/v1/webhooks/{webhook}/replay", asked))
    out.print(f"{done['resent']} sent again, {done['arrived']} had arrived meanwhile.")
    if done["left"]:
        out.print(f"{done['left']} are left; ask again to go on with them.")


def moment(text: str) -> str:
    """A time as the API wants it, from one or from a duration back from now. Raises Failure."""
    if text[:-1].isdecimal() and text[-1] in UNITS:
        return (datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * UNITS[text[-1]])).isoformat()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"{text} is neither a duration such as 12h nor a time.", MISUSED) from None
    return at.astimezone(UTC).isoformat()


def plain(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


async def ask(remote: Remote | None, method: str, path: str, value: object = None) -> Any:
    async with client(remote) as api:
        return await api.call(method, path, value)


async def listed(
    remote: Remote | None, path: str, query: dict[str, Any] | None = None, most: int = 10_000
) -> list[Any]:
    found: list[Any] = []
    async with client(remote) as api:
        async for item in api.pages(path, {**(query or {}), "limit": min(most, 200)}):
            found.append(item)
            if len(found) >= most:
                break
    return found
