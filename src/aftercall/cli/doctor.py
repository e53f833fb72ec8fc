"""`doctor`: what works, what will not for long, and what to do about it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter

from aftercall.cli import checks
from aftercall.cli.checks import Finding
from aftercall.cli.shell import FAILED, Failure, Remote, client, configure, out
from aftercall.client import Client, Refused, Unreachable
from aftercall.config import Config, ConfigError
from aftercall.net.door import Door
from aftercall.net.errors import NetError

MOST_RECEIVERS = 10  # whose address and certificate are tried
BACKLOG = 10_000  # deliveries that wait
FAILING = 0.9  # of attempts that work
SKEW = 5.0  # seconds between our clock and the server's
PATIENCE = 5.0  # seconds


def doctor(
    remote: Remote | None = None,
    *,
    database: Annotated[str | None, Parameter(help="Database URL.")] = None,
) -> None:
    """Check this machine, the database, the server and the receivers. The exit code is 1 when one is red."""
    where = remote or Remote()
    config = configure({"url": where.url, "api_key": where.key, "config": where.config, "data": where.data,
                        "database": database})  # fmt: skip
    red = asyncio.run(_report(config))
    if red:
        sys.exit(FAILED)


async def _report(config: Config) -> int:
    red = 0
    async for finding in _findings(config):
        red += finding.colour == "red"
        out.print(f"[{finding.colour}]●[/] {finding.what:<16}", end="")
        out.print(finding.found, markup=False)
        if finding.hint:
            out.print(f"  {'':<16}{finding.hint}", markup=False, style="dim")
    return red


async def _findings(config: Config) -> AsyncIterator[Finding]:
    yield checks.python()
    yield checks.clock()
    for finding in checks.data_directory(config):
        yield finding
    async with Client(config.url, "", str(config.ca_file) if config.ca_file else None) as anybody:
        answers = await _server(anybody)
        for finding in answers:
            yield finding
        if answers[0].colour == "red":
            yield await _database(config)
            return
        yield await _backlog(anybody)
    try:
        async with client(config) as api:
            webhooks = [webhook async for webhook in api.pages("/v1/webhooks")]
            for finding in await _failing(api, webhooks):
                yield finding
    except (Failure, Refused, Unreachable) as error:
        yield Finding("yellow", "API", str(error), "Without a key nothing can be said of webhooks.")
        return
    for finding in await _receivers(config, webhooks):
        yield finding


async def _server(api: Client) -> list[Finding]:
    try:
        answer = await api.ask("GET", "/readyz", timeout=PATIENCE)
    except Unreachable as error:
        return [Finding("red", "Server", str(error), "Start it: aftercall serve")]
    if answer.status != 200:
        hint = "It cannot reach its database; its log says why."
        return [Finding("red", "Server", f"{api.url} is not ready (HTTP {answer.status})", hint)]
    found = [Finding("green", "Server", f"{api.url} is ready ({answer.elapsed * 1000:.0f} ms)")]
    date = next((value for name, value in answer.headers if name.lower() == "date"), None)
    if date:
        off = abs((parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
        if off > SKEW:
            found.append(
                Finding("yellow", "Clock", f"is {off:.0f} s away from the server's", "Use NTP on both.")
            )
    return found


async def _database(config: Config) -> Finding:
    """Asked only where no server does: opening it is what a server would do."""
    from aftercall.cli.direct import InUse, opened
    from aftercall.store.migrate import SCHEMA

    try:
        async with opened(config) as store:
            waiting = await store.backlog()
    except InUse:
        return Finding("yellow", "Database", "a server has it open, which does not answer", "Is --url right?")
    except (Failure, ConfigError) as error:
        return Finding("yellow", "Database", str(error))
    pending = ", ".join(f"{count} {state}" for state, count in waiting.items())
    return Finding("green", "Database", f"reachable, schema {SCHEMA}, deliveries: {pending}")


async def _backlog(api: Client) -> Finding:
    """From the metrics, which count all accounts."""
    answer = await api.ask("GET", "/metrics", timeout=PATIENCE)
    lines = [line.split() for line in answer.body.decode("utf-8", "replace").splitlines()]
    waiting = {line[0]: float(line[1]) for line in lines if line and line[0].startswith("aftercall_backlog_")}
    pending = int(waiting.get("aftercall_backlog_pending", 0))
    held = int(waiting.get("aftercall_backlog_held", 0))
    shown = f"{pending} deliveries wait, {held} are held"
    if pending > BACKLOG:
        return Finding(
            "yellow", "Backlog", shown, "`aftercall deliveries list --status pending` says to whom."
        )
    return Finding("green", "Backlog", shown)


async def _failing(api: Client, webhooks: list[dict[str, Any]]) -> list[Finding]:
    found = []
    for webhook in webhooks:
        name = f"{webhook['name'] or webhook['id']}"
        if webhook["status"] != "enabled":
            why = f" ({webhook['status_reason']})" if webhook.get("status_reason") else ""
            found.append(Finding("yellow", "Webhook", f"{name} is {webhook['status']}{why}"))
            continue
        health = await api.get(f"/v1/webhooks/{webhook['id']}/health")
        rate = health["success_rate"]
        if rate is not None and rate < FAILING:
            hint = f"Last error: {health['last_error']}. `aftercall webhooks test {webhook['id']}` tries it."
            found.append(
                Finding("red" if rate == 0 else "yellow", "Webhook", f"{name}: {rate:.0%} succeed", hint)
            )
    return found or [Finding("green", "Webhooks", f"{len(webhooks)} set up, none fails")]


async def _receivers(config: Config, webhooks: list[dict[str, Any]]) -> list[Finding]:
    """Whether the receivers' names, addresses and certificates are good from here."""
    places = {(u.hostname or "", u.port or (443 if u.scheme == "https" else 80), u.scheme == "https")
              for u in (urlsplit(w["url"]) for w in webhooks if w["status"] == "enabled")}  # fmt: skip
    if not places:
        return [
            Finding("yellow", "Receivers", "none to try", "Names and TLS are tried once a webhook is set up.")
        ]
    from aftercall.app import door_rules

    door = Door(door_rules(config))
    found = []
    for host, port, tls in sorted(places)[:MOST_RECEIVERS]:
        try:
            _, writer = await door.connect(host, port, tls=tls, timeout=PATIENCE)
            writer.close()
            found.append(
                Finding("green", "Receivers", f"{host}:{port} can be reached{' by TLS' if tls else ''}")
            )
        except NetError as error:
            found.append(_unreachable(f"{host}:{port}", error))
    await door.close()
    return found


def _unreachable(place: str, error: NetError) -> Finding:
    shown = f"{place} {error.code}: {error.detail}"
    if error.code == "address_refused":
        hint = "Allow it with allow_networks, or run this with the server's own configuration."
        return Finding("yellow", "Receivers", shown, hint)
    return Finding("red", "Receivers", shown)
