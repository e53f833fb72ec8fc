"""`connections` and `senders`: what messages are sent with, on a terminal."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from aftercall.cli.given import File, Name, asked_of, say_made
from aftercall.cli.given import setting as read_setting
from aftercall.cli.look import ask, listed, plain
from aftercall.cli.shell import MISUSED, Failure, Remote, out, run, table

connections = App(
    name="connections", help="SMS providers and mail servers: list, types, create, test, pause, resume."
)
senders = App(name="senders", help="Numbers and headers that texts come from: list, create.")


@connections.command(name="list")
def list_connections(remote: Remote | None = None) -> None:
    """Show the connections."""
    rows = [
        (c["id"], c["type"], c["name"], c["status"], (c["session"] or {}).get("state"), c["callback_url"])
        for c in run(listed(remote, "/v1/connections"))
    ]
    table(("id", "type", "name", "status", "session", "callback url"), rows)


@connections.command(name="types")
def list_types(
    type: Annotated[str | None, Parameter(help="One type: its settings.")] = None,
    remote: Remote | None = None,
) -> None:
    """Show what can be connected, or what one type wants to know."""
    kinds = run(ask(remote, "GET", "/v1/connection-types"))["items"]
    if type is None:
        table(("type", "channel", "title"), [(k["type"], k["channel"], k["title"]) for k in kinds])
        return
    rows = [
        (f["name"], f["type"], _need(f), plain(f["default"]), f["description"] or f["title"])
        for f in _type(kinds, type)["fields"]
    ]
    table(("setting", "type", "", "default", "what it is"), rows)


@connections.command(name="create")
def add_connection(
    type: Annotated[str, Parameter(help="twilio, smpp, smtp, ...: see `connections types`.")],
    remote: Remote | None = None,
    *,
    name: Name = None,
    setting: Annotated[
        tuple[str, ...], Parameter(help="name=value; name=@FILE takes a secret from a file.")
    ] = (),
    file: File = None,
) -> None:
    """Make a connection; show where the provider is to send receipts and incoming texts."""
    kind = _type(run(ask(remote, "GET", "/v1/connection-types"))["items"], type)
    asked = asked_of(file, type=type, name=name)
    asked["settings"] = {**asked.get("settings", {}), **dict(_setting(one, kind) for one in setting)}
    made = run(ask(remote, "POST", "/v1/connections", asked))
    say_made("Connection", made)
    if made["callback_url"]:
        out.print(f"Receipts and incoming texts: {made['callback_url']}", markup=False)


@connections.command(name="test")
def try_connection(id: str, remote: Remote | None = None) -> None:
    """Log in without sending anything, and say exactly what is wrong."""
    result = run(ask(remote, "POST", f"/v1/connections/{id}/test"))
    if not result["ok"]:
        raise Failure(result["message"])
    out.print(result["message"], markup=False)


@connections.command(name="pause")
def pause_connection(id: str, remote: Remote | None = None) -> None:
    """Hold its messages back."""
    run(ask(remote, "PATCH", f"/v1/connections/{id}", {"status": "paused"}))
    out.print(f"Paused {id}.", markup=False)


@connections.command(name="resume")
def resume_connection(id: str, remote: Remote | None = None) -> None:
    """Send again, and first what was held."""
    run(ask(remote, "PATCH", f"/v1/connections/{id}", {"status": "enabled"}))
    out.print(f"Resumed {id}.", markup=False)


@senders.command(name="list")
def list_senders(remote: Remote | None = None) -> None:
    """Show the senders."""
    rows = [
        (s["id"], s["value"], s["kind"], s["status"], " ".join(s["countries"]), s["connection_id"])
        for s in run(listed(remote, "/v1/senders"))
    ]
    table(("id", "sender", "kind", "status", "countries", "connection"), rows)


@senders.command(name="create")
def create_sender(
    remote: Remote | None = None,
    *,
    connection: Annotated[str | None, Parameter(help="Connection id.")] = None,
    value: Annotated[
        str | None, Parameter(help="The number, name or header.", allow_leading_hyphen=True)
    ] = None,
    kind: Annotated[
        str | None, Parameter(help="long_code, short_code, toll_free, alphanumeric, dlt_header, pool.")
    ] = None,
    country: Annotated[tuple[str, ...], Parameter(help="It may write there only, such as US.")] = (),
    file: File = None,
) -> None:
    """Add a sender."""
    more = {"connection_id": connection, "value": value, "kind": kind, "countries": list(country) or None}
    say_made("Sender", run(ask(remote, "POST", "/v1/senders", asked_of(file, **more))))


def _type(kinds: list[dict[str, Any]], type: str) -> dict[str, Any]:
    found = next((kind for kind in kinds if kind["type"] == type), None)
    if found is None:
        raise Failure(f"There is no type {type}; there are {', '.join(k['type'] for k in kinds)}.", MISUSED)
    return found


def _need(field: dict[str, Any]) -> str:
    words = [word for word in ("required", "secret") if field[word]]
    return ", ".join(words)


def _setting(text: str, kind: dict[str, Any]) -> tuple[str, Any]:
    """As its type is: a password of digits is a text all the same."""
    name, _, value = text.partition("=")
    if value.startswith("@"):
        try:
            return name, Path(value[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"{value[1:]} cannot be read: {error}", MISUSED) from None
    types = {field["name"]: field["type"] for field in kind["fields"]}
    return (name, value) if types.get(name) in ("string", "choice") and "=" in text else read_setting(text)
