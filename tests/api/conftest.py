# A real server on a loopback socket with a real store on disk, asked over real HTTP.

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from aftercall.config import Config
from aftercall.server import Server
from tests.support.receiver import Receiver

KEY = "owner-key-for-tests-0123456789"
DOCUMENT = {
    "event": "call.completed",
    "event_id": "evt_5z7h3c",
    "occurred_at": "2025-08-21T11:02:44Z",
    "call_id": "cl_8fKQ92",
    "parent_call_id": None,
    "direction": "inbound",
    "from": "+14085551234",
    "to": "+14085559876",
    "status": "answered",
    "reason": None,
    "queue": {"id": "q_23", "name": "Support"},
    "agent": {"id": "ag_102", "name": "Jordan"},
    "started_at": "2025-08-21T10:58:13Z",
    "connected_at": "2025-08-21T10:58:33Z",
    "ended_at": "2025-08-21T11:02:44Z",
    "duration_seconds": 271,
    "talk_time_seconds": 251,
    "wrap_up_seconds": 20,
    "recording_url": "https://recordings.example/abc123.mp3",
    "notes": "Callback scheduled",
    "custom_fields": {"crm_id": "ACME-4451", "priority": "high"},
}


class Answer:
    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    @property
    def code(self) -> Any:
        return self.body["error"]["code"]

    @property
    def field(self) -> Any:
        return self.body["error"]["errors"][0]["field"]


class Api:
    """One API key's view of the server."""

    def __init__(self, url: str, key: str | None = KEY) -> None:
        self.url, self.key = url, key or ""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._session = aiohttp.ClientSession(url, headers=headers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(
        self, method: str, path: str, body: Any = None, *, raw: Any = None, **headers: str
    ) -> Answer:
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        given: dict[str, Any] = {"data": raw} if raw is not None else {} if body is None else {"json": body}
        async with self._session.request(method, path, headers=extra, **given) as answer:
            said = await (answer.json() if answer.content_type == "application/json" else answer.text())
            return Answer(answer.status, answer.headers, said)

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.ask("POST", path, body, raw=None, **headers)

    async def patch(self, path: str, body: Any) -> Answer:
        return await self.ask("PATCH", path, body)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.ask("PUT", path, body)

    async def delete(self, path: str) -> Answer:
        return await self.ask("DELETE", path)

    async def webhook(self, **more: Any) -> Answer:
        return await self.post("/v1/webhooks", {"url": "http://127.0.0.1:9/hook"} | more)


class Shared:
    """A server for many tests, in a thread with a loop of its own. Each test has its own account there."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url: str

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with Server(config(self._data)) as self._server:
            self.url = self._server.url
            self._ready.set()
            await self._server.stopped()


def config(data: Path, **more: Any) -> Config:
    return Config(port=0, data=data, dev=True, api_key=KEY, max_body_bytes=200_000, **more)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with Shared(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server for this test alone, whose insides it may look at; `api` is its operator."""
    async with Server(config(tmp_path)) as running:
        yield running


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Of the test's own server when it asked for one, else of the shared one."""
    name = "server" if "server" in request.fixturenames else "shared"
    found: str = request.getfixturevalue(name).url
    return found


@pytest.fixture
async def api(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Api]:
    """The owner of an empty account."""
    key = KEY if "server" in request.fixturenames else await new_account(url)
    async with Api(url, key) as asked:
        yield asked


@pytest.fixture
async def stranger(url: str) -> AsyncIterator[Api]:
    """The owner of another account."""
    async with Api(url, await new_account(url)) as asked:
        yield asked


@pytest.fixture
async def nobody(url: str) -> AsyncIterator[Api]:
    async with Api(url, None) as asked:
        yield asked


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as listening:
        yield listening


async def new_account(url: str) -> str:
    """The key of its owner."""
    async with Api(url) as operator:
        account = await operator.post("/v1/accounts", {"name": "Test"})
        key = await operator.post(f"/v1/accounts/{account['id']}/keys")
        return str(key["key"])
