"""`spool`: post the records that FreeSWITCH could not post itself, and put away those that were taken in."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aftercall.cli.shell import MISUSED, Failure, configure, err, out, patiently, run, table
from aftercall.cli.spooled import Left, Spool, Unfinished
from aftercall.client import Client, Refused, Unreachable

SHOWN = 20  # files left behind that are listed
OUR_FAULT = frozenset(
    {401, 403, 404, 405, 409, 415}
)  # says nothing of the file: the next would fare the same
LONGEST_WAIT = 60.0  # seconds between tries while there is no server


def spool(
    directory: Path,
    *,
    source: Annotated[str, Parameter(help="The source's id, src_...")],
    token: Annotated[str | None, Parameter(help="The source's token; better a file.")] = None,
    token_file: Annotated[Path | None, Parameter(help="A file that holds the source's token.")] = None,
    watch: Annotated[bool, Parameter(help="Keep looking for new files.", negative=())] = False,
    every: Annotated[float, Parameter(help="Seconds between looks.")] = 5.0,
    delete: Annotated[
        bool, Parameter(help="Delete what was sent; else it goes into DIRECTORY/sent.", negative=())
    ] = False,
    url: Annotated[str | None, Parameter(help="The server; default: the one of this configuration.")] = None,
    config: Annotated[Path | None, Parameter(help="TOML file with options.")] = None,
    quiet: Annotated[bool, Parameter(help="No progress, no table.", negative=())] = False,
) -> None:
    """Post the call records that FreeSWITCH's mod_json_cdr left in its err-log-dir (*.cdr.json).

    A file is moved or deleted only after the server has taken it in. The exit code is 1 when some were left.
    Sending a record twice is harmless.
    """
    if every <= 0:
        raise Failure("--every must be above 0.", MISUSED)
    set_up = configure({"url": url, "config": config})
    client = Client(set_up.url, _token(token, token_file), str(set_up.ca_file) if set_up.ca_file else None)
    try:
        files = Spool(directory, delete=delete)
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}.", MISUSED) from None
    sending = _Sending(client, f"/in/{source}", files, quiet=quiet)
    if watch:
        out.print(f"Watching {directory}; Ctrl-C stops it.")
        run(sending.watch(every))
        return
    run(sending.once())
    if not quiet:
        table(
            ("files", "sent", "left"),
            [(sending.counts.total(), sending.counts["sent"], sending.counts["left"])],
        )
        if sending.left:
            table(("file", "why it was left"), sending.left)
    if sending.counts["left"]:
        raise Failure(f"{sending.counts['left']} of {sending.counts.total()} files were left in {directory}.")


def _token(token: str | None, file: Path | None) -> str:
    if (token is None) == (file is None):
        raise Failure("Give the source's token with one of --token, --token-file.", MISUSED)
    if file is not None:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise Failure(f"{file} cannot be read, or holds no token.", MISUSED) from None
    if not token:
        raise Failure("The token is empty.", MISUSED)
    return token


class _Sending:
    """`done` holds files that need not be looked at again: sent but not put away, or refused."""

    def __init__(self, client: Client, path: str, files: Spool, *, quiet: bool) -> None:
        self._client, self._path, self._files, self._quiet = client, path, files, quiet
        self._watching = False
        self._done: set[tuple[str, tuple[int, int]]] = set()
        self.counts: Counter[str] = Counter()
        self.left: list[tuple[str, str]] = []

    async def once(self) -> None:
        async with self._client:
            await self._round(last=True)

    async def watch(self, every: float) -> None:
        """Until somebody stops it. A server that is away is waited for."""
        self._watching = True
        wait = every
        async with self._client:
            while True:
                try:
                    await self._round(last=False)
                    wait = every
                except Unreachable as error:
                    if wait == every:
                        err.print(f"{error} Waiting for it.", markup=False)
                    wait = min(wait * 2, LONGEST_WAIT)
                await asyncio.sleep(wait)

    async def _round(self, *, last: bool) -> None:
        """All files that are there now. On the last round nobody waits for the unfinished ones."""
        try:
            found = [one for one in self._files.waiting() if (one[0].name, one[1]) not in self._done]
        except OSError as error:
            raise Failure(f"{self._files.directory} cannot be read: {error.strerror}.") from None
        columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(
            *columns, console=err, disable=self._quiet or not found or not err.is_terminal
        ) as progress:
            task = progress.add_task("", total=len(found))
            for file, mark in found:
                try:
                    await self._send(file)
                except Left as left:
                    if last or not isinstance(left, Unfinished):
                        self._leave(file, mark, str(left))
                else:
                    self._put_away(file, mark)
                progress.update(task, advance=1)

    async def _send(self, file: Path) -> None:
        """Raises Left, Failure and Unreachable."""
        text = self._files.read(file, time.time())
        try:
            answer = await patiently(lambda: self._client.post(self._path, text))
        except Refused as refusal:
            if refusal.status in OUR_FAULT:
                raise Failure(f"The server refuses the source or its token: {refusal}") from None
            if refusal.status == 429 or refusal.status >= 500:
                raise Unreachable(f"The server cannot take it now: {refusal}") from None
            raise Left(f"the server refuses it: {refusal}") from None
        if isinstance(answer, dict) and answer.get("rejected"):
            raise Left(f"the server refuses {answer['rejected']} of its facts")

    def _put_away(self, file: Path, mark: tuple[int, int]) -> None:
        try:
            self._files.put_away(file)
            self.counts["sent"] += 1
        except OSError as error:
            self._leave(file, mark, f"was sent, but cannot be put away: {error.strerror}")

    def _leave(self, file: Path, mark: tuple[int, int], why: str) -> None:
        self._done.add((file.name, mark))
        self.counts["left"] += 1
        if len(self.left) < SHOWN:
            self.left.append((file.name, why))
        if self._watching:
            err.print(f"{file.name}: {why}", markup=False)
