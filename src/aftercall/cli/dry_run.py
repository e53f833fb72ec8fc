"""`aftercall sources dry-run`: what a request would become, from a file or standard input; nothing is stored."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from aftercall.cli.look import plain
from aftercall.cli.shell import FAILED, MISUSED, Failure, Remote, client, out, run, table


def dry_run(
    id: str,
    file: Annotated[
        str, Parameter(help="The body in a file, or - for standard input.", allow_leading_hyphen=True)
    ] = "-",
    remote: Remote | None = None,
    *,
    content_type: Annotated[
        str | None, Parameter(help="Of the payload; else it is told by its look.")
    ] = None,
    path: Annotated[str, Parameter(help="What follows the source's id in the URL.")] = "",
    query: Annotated[str, Parameter(help="The URL's query; the file may then be left out.")] = "",
    mapping: Annotated[
        Path | None, Parameter(help="JSON file with a mapping to try instead of the saved one.")
    ] = None,
    json: Annotated[bool, Parameter(help="Print the whole answer as JSON.")] = False,
) -> None:
    """Show what a source would make of a request: the facts, the call, its events. Nothing is stored."""
    asked: dict[str, Any] = {"payload": _payload(file, query), "path": path, "query": query}
    if content_type is not None:
        asked["content_type"] = content_type
    if mapping is not None:
        asked["mapping"] = _mapping(mapping)
    done = run(_ask(remote, id, asked))
    if json:
        print(msgspec.json.format(msgspec.json.encode(done)).decode())
    else:
        _show(done)
    if done["errors"]:
        raise Failure(f"{len(done['errors'])} of the records could not be read.", FAILED)


def _payload(file: str, query: str) -> str:
    if file == "-" and query and sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}", MISUSED) from None


def _mapping(file: Path) -> Any:
    try:
        return msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(f"{file} is not a mapping in JSON: {error}", MISUSED) from None


async def _ask(remote: Remote | None, id_: str, asked: dict[str, Any]) -> Any:
    async with client(remote) as api:
        return await api.call("POST", f"/v1/sources/{id_}/dry-run", asked)


def _show(done: Any) -> None:
    for one in done["calls"]:
        facts = [(f["kind"], f["occurred_at"], f.get("leg"), plain(f.get("data"))) for f in one["facts"]]
        table(("fact", "at", "leg", "says"), facts, f"Call {one['call_key']}")
        out.print()
        table(
            ("field", "value"),
            [(n, plain(v)) for n, v in one["call"].items() if v not in (None, [], {}, False)],
        )
        out.print()
        table(
            ("event", "at", "details"),
            [(e["name"], e["occurred_at"], plain(e.get("details"))) for e in one["events"]],
        )
    for error in done["errors"]:
        out.print(f"Record {error['index']}: {error['message']}", markup=False)
    if done["ignored"]:
        out.print(f"{done['ignored']} ignored: they say nothing about a call.")
    if not done["calls"] and not done["errors"] and not done["ignored"]:
        out.print("Nothing was found in it.")
