"""`demo` and `catch`."""

import asyncio
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from aftercall.cli.shell import FAILED, MISUSED, PORT_TAKEN, Failure, out
from aftercall.demo.catcher import Answer, Catcher, Caught


def demo(
    *,
    fast: Annotated[bool, Parameter(help="Four times as fast.", negative=())] = False,
    loop: Annotated[bool, Parameter(help="Go on until Ctrl-C.", negative=())] = False,
    asterisk: Annotated[
        bool, Parameter(help="Calls captured from an Asterisk, in place of scripted ones.", negative=())
    ] = False,
    data: Annotated[
        Path | None, Parameter(help="Keep the data here; default: a directory that is removed.")
    ] = None,
) -> None:
    """Calls end, webhooks arrive: the whole path on one screen, in less than half a minute."""
    import uvloop

    from aftercall.cli.logs import log_to_stderr
    from aftercall.demo.captured import Captured
    from aftercall.demo.scripted import Scripted
    from aftercall.demo.show import Show

    log_to_stderr("error", json=False)
    with tempfile.TemporaryDirectory(prefix="aftercall-demo-") as made:
        show = Show(out, data or Path(made), Captured() if asterisk else Scripted(), fast=fast)
        try:
            uvloop.run(show.run(loop=loop))
        except KeyboardInterrupt:
            return
    if show.failed:
        raise Failure("Some webhooks did not arrive, or did not verify.", FAILED)


def catch(
    *,
    port: Annotated[int, Parameter(help="Port to listen on.")] = 9000,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    secret: Annotated[str | None, Parameter(help="The webhook's signing secret, to verify with.")] = None,
    status: Annotated[int, Parameter(help="What to answer.")] = 200,
    count: Annotated[int | None, Parameter(help="Stop after so many.")] = None,
) -> None:
    """Receive webhooks, verify and print them: a receiver to try things with."""
    if not 200 <= status <= 599:
        raise Failure("--status must be between 200 and 599.", MISUSED)
    try:
        asyncio.run(_catch(host, port, secret, status, count))
    except OSError as error:
        raise Failure(f"{host}:{port}: {error.strerror}.", PORT_TAKEN) from None


async def _catch(host: str, port: int, secret: str | None, status: int, count: int | None) -> None:
    stop = asyncio.Event()
    left = count

    def answer(caught: Caught) -> Answer:
        nonlocal left
        _show(caught, secret is not None)
        if left is not None:
            left -= 1
            if left <= 0:
                stop.set()
        return Answer(status if caught.verified or secret is None else 401)

    catcher = Catcher(answer, {"": secret} if secret else {}, host, port)
    url = await catcher.start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    out.print(f"Waiting for webhooks at {url}. Ctrl-C stops it.", markup=False)
    await stop.wait()
    await asyncio.sleep(0.05)  # the last answer is on its way
    await catcher.close()


def _show(caught: Caught, checked: bool) -> None:
    headers = caught.headers
    verdict = "[green]signature verified[/]" if caught.verified else f"[bold red]{caught.problem}[/]"
    if not checked:
        verdict = "[yellow]not verified: give its signing secret with --secret[/]"
    out.print(f"[bold]{time.strftime('%H:%M:%S')} {caught.path}[/] {verdict}")
    for name in ("webhook-id", "webhook-timestamp", "x-aftercall-delivery", "x-aftercall-attempt"):
        if name in headers:
            out.print(f"  {name}: {headers[name]}", markup=False)
    if caught.said:
        out.print_json(data=caught.said)
    else:
        out.print(f"  {len(caught.body)} bytes", markup=False)
