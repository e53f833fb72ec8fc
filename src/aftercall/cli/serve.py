"""`serve` and `migrate`."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from aftercall.cli.shell import DATA_IN_USE, PORT_TAKEN, UNREACHABLE, Failure, Where, configure, out
from aftercall.config import Config

log = logging.getLogger(__name__)


def serve(
    where: Where | None = None,
    *,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 takes any free one.")] = None,
    dev: Annotated[bool | None, Parameter(help="Allow http:// and receivers in private networks.")] = None,
    public_url: Annotated[str | None, Parameter(help="How others reach this server.")] = None,
    allow_networks: Annotated[
        tuple[str, ...] | None, Parameter(help="Ranges that may be dialled besides public addresses.")
    ] = None,
    ca_file: Annotated[Path | None, Parameter(help="PEM certificates trusted besides the system's.")] = None,
    node_name: Annotated[str | None, Parameter(help="This node's name; the same after a restart.")] = None,
    log_level: Annotated[str | None, Parameter(help="debug, info, warning or error.")] = None,
    log_json: Annotated[bool | None, Parameter(help="One JSON object a line.")] = None,
) -> None:
    """Run the server until it is told to stop (Ctrl-C, SIGTERM)."""
    flags: dict[str, Any] = {
        "host": host, "port": port, "dev": dev, "public_url": public_url, "ca_file": ca_file,
        "allow_networks": allow_networks, "node_name": node_name, "log_level": log_level, "log_json": log_json,
    }  # fmt: skip
    config = configure({**_place(where), **flags})
    from aftercall.cli.logs import log_to_stderr

    log_to_stderr(config.log_level, json=config.log_json)
    import uvloop

    with opening():
        uvloop.run(_serve(config))


def migrate(where: Where | None = None) -> None:
    """Create the database's schema or bring it up to date. `serve` does it by itself."""
    config = configure(_place(where))
    from aftercall.store.database import migrate as bring_up_to_date

    with opening():
        _ = config.secret_keys  # the database must not be there before its key
        version = asyncio.run(bring_up_to_date(config.database))
    out.print(f"The schema is at version {version}.")


def _place(where: Where | None) -> dict[str, Any]:
    where = where or Where()
    return {"config": where.config, "data": where.data, "database": where.database}


@contextlib.contextmanager
def opening() -> Iterator[None]:
    """What may go wrong when a server or a store is opened, in words and exit codes."""
    from aftercall.cli.direct import in_use
    from aftercall.domain.errors import Unavailable
    from aftercall.server import PortTaken

    try:
        yield
    except PortTaken as error:
        raise Failure(str(error), PORT_TAKEN, "Choose another with --port, or stop that program.") from None
    except Unavailable as error:
        raise Failure(error.message, UNREACHABLE) from None
    except OSError as error:
        raise Failure(str(error), UNREACHABLE) from None
    except RuntimeError as error:
        if in_use(error):
            raise Failure(str(error), DATA_IN_USE) from None
        raise


async def _serve(config: Config) -> None:
    from aftercall.server import Server

    async with Server(config) as server:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        _tune_the_interpreter()
        _greet(server.url, config, new=server.app.first_key is not None)
        if config.log_json:
            log.info("server_started", extra={"version": config.version, "node": config.node_name})
        await server.stopped()
        out.print("Stopping: finishing what is in flight.")
    out.print("Stopped.")
    if config.log_json:
        log.info("server_stopped", extra={"node": config.node_name})


def _tune_the_interpreter() -> None:
    """For one busy thread, the event loop's, beside some that mostly wait for the disk. Measured: 10 % of the CPU."""
    gc.collect()
    gc.freeze()  # what was made by now lives as long as the process: it need not be looked through again and again
    gc.set_threshold(50_000, 20, 50)
    # Seconds until a thread that wants the interpreter takes it from the loop, unless that waits sooner: a commit
    # that is done may wait until the next batch is ready. Reading threads get their turn between callbacks anyway.
    sys.setswitchinterval(0.02)


def _greet(url: str, config: Config, *, new: bool) -> None:
    out.print(f"[bold]AfterCall {config.version}[/] at [bold]{url}[/]")
    out.print(f"  API description {url}/openapi.json")
    out.print(f"  Data            {config.data.absolute()}", markup=False)
    if config.api_key:
        out.print(
            "  API key         the one in AFTERCALL_API_KEY" if new else "  API key         as set up before"
        )
    elif config.owner_key_file.is_file():
        out.print(f"  API key         in {config.owner_key_file}", markup=False)
    if config.dev:
        out.print(
            "  [yellow]Development mode: http:// and private networks are allowed. Not for production.[/]"
        )
    out.print("Ctrl-C stops it.")
