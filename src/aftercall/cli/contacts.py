"""`contacts` and `suppressions`: whom calls are with, and to whom nothing is sent."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from aftercall.cli.look import ask, listed
from aftercall.cli.shell import MISUSED, Failure, Remote, client, err, out, run, table
from aftercall.client import written

contacts = App(name="contacts", help="Contacts: import, list.")
suppressions = App(name="suppressions", help="The suppression list: list, add, clear.")

PATIENCE = 600.0  # seconds that an import may take
SHOWN = 20  # rejected rows that are listed

Address = Annotated[str, Parameter(help="A number or a mail address.", allow_leading_hyphen=True)]


@contacts.command(name="import")
def import_contacts(
    file: Annotated[str, Parameter(help="A CSV file, or - for standard input.", allow_leading_hyphen=True)],
    remote: Remote | None = None,
    *,
    dry_run: Annotated[bool, Parameter(help="Only say what would become of each row.")] = False,
) -> None:
    """Import contacts from a table: UTF-8, a header row, `number` among its columns.

    The exit code is 1 when rows were rejected. Importing a table twice is harmless.
    """
    raw = _read(file)
    done = run(_import(remote, raw, dry_run=dry_run))
    names = ("created", "updated", "unchanged", "rejected")
    table(("rows", *names), [(len(done["rows"]), *(done[name] for name in names))])
    bad = [(row["line"], row.get("reason")) for row in done["rows"] if row["result"] == "rejected"]
    if bad:
        table(("line", "why it was rejected"), bad[:SHOWN])
    if len(bad) > SHOWN:
        out.print(f"... and {len(bad) - SHOWN} more.", markup=False)
    if dry_run:
        out.print("Nothing was stored.", markup=False)
    if bad:
        raise Failure(f"{len(bad)} of {len(done['rows'])} rows were rejected.")


async def _import(remote: Remote | None, raw: bytes, *, dry_run: bool) -> Any:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    path = "/v1/contacts/import" + written({"dry_run": "true" if dry_run else None})
    async with client(remote) as api:
        with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
            progress.add_task(f"importing {len(raw.splitlines()) - 1} rows", total=None)
            return await api.call("POST", path, raw, timeout=PATIENCE, content_type="text/csv")


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", MISUSED) from None


@contacts.command(name="list")
def list_contacts(
    remote: Remote | None = None,
    *,
    name: Annotated[str | None, Parameter(help="How the name or a word of it begins.")] = None,
    number: Annotated[
        str | None, Parameter(help="The end of the number; with + its beginning.", allow_leading_hyphen=True)
    ] = None,
    tag: Annotated[str | None, Parameter(help="Only those with this tag.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 50,
) -> None:
    """Show the contacts, by name."""
    rows = [
        (c["id"], c["number"], c["name"], c["email"], c["time_zone"], ";".join(c["tags"]), _consents(c["consents"]))
        for c in run(listed(remote, "/v1/contacts", {"name": name, "number": number, "tag": tag}, limit))
    ]  # fmt: skip
    table(("id", "number", "name", "email", "zone", "tags", "consents"), rows)


def _consents(consents: list[dict[str, Any]]) -> str:
    return " ".join(f"{'+' if c['status'] == 'granted' else '-'}{c['category']}" for c in consents)


@suppressions.command(name="list")
def list_suppressions(
    remote: Remote | None = None,
    *,
    address: Annotated[str | None, Parameter(help="Of this number or mail address.")] = None,
    channel: Annotated[Literal["sms", "email"] | None, Parameter(help="Of this channel.")] = None,
    source: Annotated[
        tuple[str, ...] | None, Parameter(help="keyword, review, provider, manual, unsubscribe, bounce, ...")
    ] = None,
    cleared: Annotated[bool, Parameter(help="Those that count no more.")] = False,
    limit: Annotated[int, Parameter(help="At most so many.")] = 50,
) -> None:
    """Show to whom nothing is sent and why, newest first."""
    query = {"address": address, "channel": channel, "source": source, "cleared": "true" if cleared else None}
    rows = [
        (s["address"], s["source"], s["scope"], s["category"], s["created_at"], s["created_by"], s["reason"],
         s["cleared_at"], s["cleared_reason"])
        for s in run(listed(remote, "/v1/suppressions", query, limit))
    ]  # fmt: skip
    columns = ("address", "source", "scope", "category", "since", "by", "reason", "cleared", "why")
    table(columns if cleared else columns[:-2], rows if cleared else [row[:-2] for row in rows])


@suppressions.command(name="add")
def add_suppression(
    address: Address,
    remote: Remote | None = None,
    *,
    reason: Annotated[str, Parameter(help="Why, for people.")] = "",
    scope: Annotated[str, Parameter(help="all, a sender, or a connection's id.")] = "all",
    category: Annotated[Literal["all", "promotional"], Parameter(help="What is not sent.")] = "all",
) -> None:
    """Send nothing to this address from now on."""
    asked = {"address": address, "reason": reason, "scope": scope, "category": category}
    added = run(ask(remote, "POST", "/v1/suppressions", asked))
    out.print(f"{added['address']} is suppressed since {added['created_at']}.", markup=False)


@suppressions.command(name="clear")
def clear_suppression(
    address: Address,
    remote: Remote | None = None,
    *,
    reason: Annotated[str, Parameter(help="Why; it is kept.")],
    source: Annotated[tuple[str, ...] | None, Parameter(help="Only what came from there.")] = None,
    scope: Annotated[str | None, Parameter(help="Only this scope.")] = None,
) -> None:
    """Lift the suppression of an address."""
    query = written({"address": address, "reason": reason, "source": source, "scope": scope})
    lifted = run(ask(remote, "DELETE", f"/v1/suppressions{query}"))["items"]
    if not lifted:
        raise Failure(f"{address} was not suppressed.")
    for item in lifted:
        out.print(f"Lifted: {item['address']}, {item['source']}, scope {item['scope']}.", markup=False)
