"""One process that answers HTTP: the App with uvicorn in front. Used by `serve` and by the demo."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self, cast

import msgspec
import uvicorn

from aftercall.api.front import Front
from aftercall.api.server import build
from aftercall.app import App
from aftercall.config import Config, local_url, write_private

BACKLOG = 2048
KEEP_ALIVE = 65  # seconds; above the 60 s of common proxies, which then close first
GRACE = 10  # seconds for requests in flight when the server is told to stop


class PortTaken(Exception):
    """Another program listens there."""


class Server:
    """Listens from the moment it is made, so that a taken port is known before anything is opened."""

    def __init__(self, config: Config) -> None:
        self._socket = _listen(config.host, config.port)
        self.config = _as_bound(config, self._socket.getsockname()[1])
        self.app: App
        self._uvicorn: _Uvicorn
        self._task: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Where it is reached from this machine."""
        return local_url(self.config.host, self.config.port)

    async def __aenter__(self) -> Self:
        try:
            self.app = await App.open(self.config)
        except BaseException:
            self._socket.close()
            raise
        try:
            self._keep_owner_key()
            self._uvicorn = _Uvicorn(_settings(self.app))
            self._task = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]), name="http")
            await self._started()
        except BaseException:
            await self.app.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what has been asked, then close the App: nothing accepted is lost."""
        self.stop()
        try:
            await self._task
        finally:
            await self.app.close()

    def stop(self) -> None:
        self._uvicorn.should_exit = True

    async def stopped(self) -> None:
        """Returns when no more requests are taken."""
        await asyncio.wait([self._task])

    async def _started(self) -> None:
        while not self._uvicorn.started:
            if self._task.done():
                await self._task
                raise RuntimeError("the HTTP server did not start; its log says why")
            await asyncio.sleep(0.005)

    def _keep_owner_key(self) -> None:
        """The first key is shown once; the file is how the operator's commands find it again."""
        if self.app.first_key and not self.config.api_key:
            with contextlib.suppress(FileExistsError):
                write_private(self.config.owner_key_file, self.app.first_key + "\n")


class _Uvicorn(uvicorn.Server):
    """Signals are the command's business: uvicorn would raise them again before the App is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _as_bound(config: Config, port: int) -> Config:
    """The configuration with the port that was taken when any would do."""
    if config.port != 0:
        return config
    nowhere, here = local_url(config.host, 0), local_url(config.host, port)
    urls = {name: here for name in ("url", "public_url") if getattr(config, name) == nowhere}
    return msgspec.structs.replace(config, port=port, **urls)


def _settings(app: App) -> uvicorn.Config:
    api, front = build(app)
    return uvicorn.Config(
        api,
        http=cast("type[Front]", front),
        ws="none",
        loop="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
    )


def _listen(host: str, port: int) -> socket.socket:
    """Raises PortTaken, or OSError for an address that is not this machine's."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{host}:{port} is taken by another program.") from None
        raise
