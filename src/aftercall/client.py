"""The HTTP API as the commands and the demo use it. Speaks through the one door."""

from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_network
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import msgspec

from aftercall import __version__
from aftercall.net.address import AddressRules
from aftercall.net.door import Door, DoorRules
from aftercall.net.errors import NetError
from aftercall.net.message import Request, Response

ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))  # the operator named the server's address
BODY_CAP = 64 << 20
TIMEOUT = 30.0  # seconds


class Refused(Exception):
    """The server did not do it; the message is its own."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class Unreachable(Exception):
    """No answer from the server."""


class Client:
    def __init__(self, url: str, key: str, ca_file: str | None = None) -> None:
        self.url, self._key = url.rstrip("/"), key
        self._door = Door(DoorRules(addresses=AddressRules(allow=ANYWHERE), allow_http=True, ca_file=ca_file))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._door.close()

    async def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        return await self.call("GET", path + written(query))

    async def post(self, path: str, value: object = None) -> Any:
        return await self.call("POST", path, value)

    async def pages(self, path: str, query: Mapping[str, object] | None = None) -> AsyncIterator[Any]:
        """The items of a list, page after page."""
        cursor: str | None = None
        while True:
            page = await self.get(path, {**(query or {}), "cursor": cursor})
            for item in page["items"]:
                yield item
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def call(self, method: str, path: str, value: object = None, **more: Any) -> Any:
        """The answer's JSON (None when it has no body). Raises Refused and Unreachable. `more` is as in `ask`."""
        answer = await self.ask(method, path, value, **more)
        if answer.status >= 300:
            waits = [v for n, v in answer.headers if n.lower() == "retry-after" and v.isdecimal()]
            raise Refused(
                answer.status, _message(answer.status, answer.body), int(waits[0]) if waits else None
            )
        return msgspec.json.decode(answer.body) if answer.body else None

    async def ask(
        self,
        method: str,
        path: str,
        value: object = None,
        timeout: float = TIMEOUT,
        content_type: str = "application/json",
    ) -> Response:
        """The answer, whatever it is. Bytes are sent as they are. Raises Unreachable."""
        headers = [("User-Agent", f"AfterCall/{__version__}"), ("Accept", "application/json")]
        if self._key:
            headers.append(("Authorization", f"Bearer {self._key}"))
        body = b""
        if value is not None:
            headers.append(("Content-Type", content_type))
            body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        request = Request(method, self.url + path, tuple(headers), body, timeout, BODY_CAP)
        try:
            return await self._door.request(request)
        except NetError as error:
            raise Unreachable(f"No answer from {self.url}: {error.detail}.") from None


def written(query: Mapping[str, object] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value not in (None, "", [], ())}
    return "?" + urlencode(given, doseq=True) if given else ""


def _message(status: int, body: bytes) -> str:
    """What the server says is wrong, from the API's one error shape."""
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return f"The server answered {status}."
    problem = answer.get("error", answer) if isinstance(answer, dict) else {}
    message = problem.get("message") or problem.get("detail") if isinstance(problem, dict) else None
    return str(message or f"The server answered {status}.")
