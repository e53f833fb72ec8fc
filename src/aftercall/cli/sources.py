"""`sources`: where calls come from, on a terminal."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from aftercall.cli.given import setting as read_setting
from aftercall.cli.look import Since, ask, listed, moment, plain
from aftercall.cli.shell import Failure, Remote, out, run, table

sources = App(
    name="sources", help="Sources of calls: list, show, create, pause, resume, rotate, test, inputs."
)


@sources.command(name="list")
def list_sources(remote: Remote | None = None) -> None:
    """Show the sources."""
    rows = [
        (s["id"], s["type"], s["name"], s["status"], (s["connection"] or {}).get("state"), s["ingest_url"])
        for s in run(listed(remote, "/v1/sources"))
    ]
    table(("id", "type", "name", "status", "connection", "url"), rows)


@sources.command(name="show")
def show_source(id: str, remote: Remote | None = None) -> None:
    """Show how a source is set up and how it is doing."""
    source = run(ask(remote, "GET", f"/v1/sources/{id}"))
    status = run(ask(remote, "GET", f"/v1/sources/{id}/status"))
    out.print(f"{status['health']}: {source['type']} {source['name']}".rstrip(), markup=False)
    for note in status["notes"]:
        out.print(f"  {note}", markup=False)
    table(("setting", "value"), [(n, plain(v)) for n, v in source.items() if v not in (None, {}, "")])
    out.print()
    rate, clock = status["events_per_minute"], status["clock"]
    doing = [
        ("last event", status["last_event_at"]),
        ("events a minute", " / ".join(f"{rate[n]:g}" for n in ("last_minute", "last_5_minutes", "last_hour"))),
        ("clock", f"{clock['mode']}, skew {_or(clock['skew_seconds'])} s, corrected by {clock['corrected_by']:g} s"),
        *((f"gap {gap['since']}", f"until {_or(gap['until'])}: {_or(gap['error'])}") for gap in status["gaps"]),
    ]  # fmt: skip
    table(("doing", "(1 min / 5 min / 1 h)"), doing)
    out.print()
    counts = status["last_day"]
    rows = [(name, counts[name], status["since_start"][name]) for name in counts]
    table(("what became of it", "last day", "this node since it started"), rows)


@sources.command(name="create")
def create_source(
    type: Annotated[str, Parameter(help="http, kamailio, asterisk, twilio, ...: see GET /v1/system.")],
    remote: Remote | None = None,
    *,
    name: Annotated[str, Parameter(help="For people.")] = "",
    secret: Annotated[
        str | None, Parameter(help="What the vendor signs with, or the password of a connection.")
    ] = None,
    direction: Annotated[
        Literal["inbound", "outbound"] | None, Parameter(help="Where events say none.")
    ] = None,
    time_zone: Annotated[str | None, Parameter(help="Of times without a zone.")] = None,
    setting: Annotated[
        tuple[str, ...], Parameter(help="A setting of the type, as name=value (JSON or text).")
    ] = (),
) -> None:
    """Make a source; show where it posts to and, this once, its token."""
    asked: dict[str, Any] = {"type": type, "name": name}
    more = {"secret": secret, "direction": direction, "time_zone": time_zone}
    asked |= {key: value for key, value in more.items() if value is not None}
    if setting:
        asked["settings"] = dict(map(read_setting, setting))
    made = run(ask(remote, "POST", "/v1/sources", asked))
    out.print(f"Source {made['id']} posts to {made['ingest_url']}", markup=False)
    if made["token"]:
        out.print(f"Token: {made['token']}", markup=False)


@sources.command(name="pause")
def pause_source(id: str, remote: Remote | None = None) -> None:
    """Take nothing from it any more: requests are refused (403), connections closed."""
    run(ask(remote, "PATCH", f"/v1/sources/{id}", {"status": "paused"}))
    out.print(f"Paused {id}.", markup=False)


@sources.command(name="resume")
def resume_source(id: str, remote: Remote | None = None) -> None:
    """Take from it again."""
    run(ask(remote, "PATCH", f"/v1/sources/{id}", {"status": "enabled"}))
    out.print(f"Resumed {id}.", markup=False)


@sources.command(name="rotate")
def rotate_source(
    id: str,
    remote: Remote | None = None,
    *,
    overlap: Annotated[float, Parameter(help="Hours for which the old one stays good.")] = 24,
    secret: Annotated[str | None, Parameter(help="The new secret; default: one is made.")] = None,
) -> None:
    """Replace its token or secret and show the new one, this once."""
    asked: dict[str, Any] = {"overlap_hours": overlap}
    if secret is not None:
        asked["secret"] = secret
    made = run(ask(remote, "POST", f"/v1/sources/{id}/rotate-token", asked))
    if made["token"]:
        out.print(f"Token: {made['token']}", markup=False)
    until = made["old_token_until"]
    out.print(
        f"The old one is good until {until}." if until else "The old one is good no more.", markup=False
    )


@sources.command(name="test")
def try_source(id: str, remote: Remote | None = None) -> None:
    """Make a sample call, or try the connection, and say what happened."""
    result = run(ask(remote, "POST", f"/v1/sources/{id}/test"))
    if not result["ok"]:
        raise Failure(result["message"])
    out.print(result["message"], markup=False)
    if result["call_id"]:
        out.print(f"aftercall calls show {result['call_id']}", markup=False)


@sources.command(name="inputs")
def list_inputs(
    id: str,
    remote: Remote | None = None,
    *,
    input: Annotated[
        str | None, Parameter(help="One input, by id: everything about it, with its body.")
    ] = None,
    result: Annotated[tuple[str, ...] | None, Parameter(help="taken, ignored, unparsable, refused.")] = None,
    since: Since = "24h",
    limit: Annotated[int, Parameter(help="At most so many.")] = 50,
) -> None:
    """Show what a source sent, as it was sent."""
    if input is not None:
        _show_input(run(ask(remote, "GET", f"/v1/sources/{id}/inputs/{input}")))
        return
    query = {"since": moment(since), "result": result}
    rows = [
        (i["id"], i["received_at"], i["result"], i["body_bytes"], " ".join(i["call_ids"]), i["error"])
        for i in run(listed(remote, f"/v1/sources/{id}/inputs", query, limit))
    ]
    table(("id", "received", "result", "bytes", "calls", "why"), rows)


def _show_input(found: dict[str, Any]) -> None:
    body = found.pop("body")
    table(("field", "value"), [(n, plain(v)) for n, v in found.items() if v not in (None, [], {}, "")])
    out.print()
    out.print(body, markup=False)


def _or(value: object) -> object:
    return "unknown" if value is None else value
