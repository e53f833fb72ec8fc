"""A real `aftercall serve` process, to be asked, killed and started again."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Self

import aiohttp

KEY = "owner-key-for-tests-0123456789"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`async with Server(data) as s`; the port stays the same over restarts."""

    def __init__(self, data: Path, *, database: str | None = None, env: dict[str, str] | None = None) -> None:
        self.data, self.database, self.env = data, database, env or {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data / f"server-{self.port}.log"
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        self._session = aiohttp.ClientSession(
            self.url,
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=aiohttp.ClientTimeout(total=20),
            connector=aiohttp.TCPConnector(limit=0),
        )
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        if self._session is not None:
            await self._session.close()

    async def start(self, *, wait: bool = True) -> None:
        arguments = ["serve", "--port", str(self.port), "--data", str(self.data), "--dev"]
        if self.database:
            arguments += ["--database", self.database]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AFTERCALL_")}
        environment = inherited | {"AFTERCALL_API_KEY": KEY} | self.env
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "aftercall", *arguments, env=environment, stdout=log, stderr=log
            )
        if wait:
            await self.ready()

    async def ready(self, seconds: float = 30.0) -> None:
        """Until /readyz answers 200. Raises with the log when the process ends first."""
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    status, _ = await self.ask("GET", "/readyz")
                    if status == 200:
                        return
                if self._process is None or self._process.returncode is not None:
                    raise RuntimeError(self.log.read_text()[-3000:])
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """kill -9: no warning, no clean-up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON (or text) of an answer."""
        assert self._session is not None
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, path, json=body, headers=extra) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def made(self, path: str, body: Any) -> Any:
        """What a POST created."""
        status, answer = await self.ask("POST", path, body)
        assert status in (200, 201, 202), answer
        return answer

    async def webhook(self, url: str, **more: Any) -> Any:
        fields = {"type": "after_call", "url": url, "rate_limit": 0, "triggers": ["call.completed"]} | more
        return await self.made("/v1/webhooks", fields)


def finished_call(call_id: str, **more: Any) -> dict[str, Any]:
    """A finished call as document 003 shows it."""
    return {
        "event": "call.completed",
        "call_id": call_id,
        "direction": "inbound",
        "from": "+14085551234",
        "to": "+14085559876",
        "status": "answered",
        "started_at": "2026-11-20T10:58:13Z",
        "connected_at": "2026-11-20T10:58:33Z",
        "ended_at": "2026-11-20T11:02:44Z",
        "agent": {"id": "ag_102", "name": "Jordan"},
        "queue": {"id": "q_23", "name": "Support"},
    } | more
