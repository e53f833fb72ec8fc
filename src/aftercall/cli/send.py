"""`send`: post events from a file, and say what became of each."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aftercall.cli.shell import MISUSED, Failure, Remote, client, err, patiently, run, table
from aftercall.client import Client

MOST = 1000  # events in one request
ROOM = 900_000  # bytes in one request; the server's default is 1 MiB
SHOWN = 20  # rejected events that are listed

Event = tuple[int, bytes | None, str]  # (number in the file, its JSON or None, what is wrong with it)


def send(
    file: Annotated[str, Parameter(help="A file, or - for standard input.", allow_leading_hyphen=True)],
    remote: Remote | None = None,
    *,
    batch: Annotated[int, Parameter(help="Events in one request, at most 1000.")] = MOST,
    quiet: Annotated[bool, Parameter(help="No progress, no table.")] = False,
) -> None:
    """Post call events: one JSON object, a list of them, or one object a line (NDJSON).

    The exit code is 1 when some were rejected. Sending a file twice is harmless: what is known already
    counts as duplicate.
    """
    if not 1 <= batch <= MOST:
        raise Failure(f"--batch must be between 1 and {MOST}.", MISUSED)
    api = client(remote)
    counts, rejected = run(_send(api, file, batch, quiet=quiet))
    if not quiet:
        table(("events", "accepted", "duplicate", "rejected"),
              [(counts.total(), counts["accepted"], counts["duplicate"], counts["rejected"])])  # fmt: skip
        if rejected:
            table(("event no.", "why it was rejected"), rejected)
    if counts["rejected"]:
        raise Failure(f"{counts['rejected']} of {counts.total()} events were rejected.")


async def _send(
    api: Client, file: str, batch: int, *, quiet: bool
) -> tuple[Counter[str], list[tuple[int, str]]]:
    counts: Counter[str] = Counter()
    rejected: list[tuple[int, str]] = []
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with api:
        with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as progress:
            task = progress.add_task("", total=None)
            for chunk in batches(events(file), batch):
                for number, status, why in await _post(api, chunk):
                    counts[status] += 1
                    if status == "rejected" and len(rejected) < SHOWN:
                        rejected.append((number, why))
                progress.update(task, advance=len(chunk))
    return counts, rejected


async def _post(api: Client, chunk: list[Event]) -> Iterator[tuple[int, str, str]]:
    """What became of each event of a batch. Comes back when the server is busy."""
    good = [(number, text) for number, text, _ in chunk if text is not None]
    results = [(number, "rejected", why) for number, text, why in chunk if text is None]
    if good:
        body = b"[" + b",".join(text for _, text in good) + b"]"
        answer = await patiently(lambda: api.post("/v1/events", body))
        for (number, _), result in zip(good, answer["results"], strict=True):
            status = result["status"]
            known = status in {"accepted", "duplicate"}
            results.append((number, status if known else "rejected", "" if known else _why(result)))
    return iter(sorted(results))


def _why(result: dict[str, Any]) -> str:
    error = result.get("error", result)
    return str(error.get("message") if isinstance(error, dict) else error)


def batches(found: Iterable[Event], most: int) -> Iterator[list[Event]]:
    chunk: list[Event] = []
    size = 0
    for event in found:
        length = len(event[1] or b"") + 1
        if chunk and (len(chunk) == most or size + length > ROOM):
            yield chunk
            chunk, size = [], 0
        chunk.append(event)
        size += length
    if chunk:
        yield chunk


def events(file: str) -> Iterator[Event]:
    """The events of a file, numbered from 1. A file of lines is read line by line. Raises Failure."""
    if file == "-":
        yield from _read(sys.stdin.buffer)
        return
    try:
        with Path(file).open("rb") as opened:
            yield from _read(opened)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", MISUSED) from None


def _read(opened: IO[bytes]) -> Iterator[Event]:
    first = next((line for line in opened if line.strip()), b"")
    if not first:
        return
    try:
        whole = msgspec.json.decode(first)
    except msgspec.DecodeError:
        yield from _listed(first + opened.read())  # an object or a list over several lines
        return
    if isinstance(whole, list):
        yield from _listed(first + opened.read())
        return
    yield from _lines(first, opened)


def _lines(first: bytes, rest: Iterable[bytes]) -> Iterator[Event]:
    number = 1
    yield number, first.strip(), ""
    for line in rest:
        if not line.strip():
            continue
        number += 1
        try:
            msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            yield number, None, f"is not valid JSON: {error}"
        else:
            yield number, line.strip(), ""


def _listed(text: bytes) -> Iterator[Event]:
    try:
        many = text.lstrip().startswith(b"[")
        found = msgspec.json.decode(text, type=list[msgspec.Raw]) if many else [msgspec.json.decode(text)]
    except msgspec.DecodeError as error:
        raise Failure(f"This is neither JSON nor one JSON object a line: {error}.", MISUSED) from None
    for number, one in enumerate(found, 1):
        yield number, bytes(one) if isinstance(one, msgspec.Raw) else msgspec.json.encode(one), ""
