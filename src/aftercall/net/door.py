"""The door: one request out, its answer back, everything bounded. See docs/reference/egress.md."""

import asyncio
import io
from functools import lru_cache, partial
from time import perf_counter

import aiohttp
import msgspec

from aftercall.net import stream, trip, url
from aftercall.net.address import AddressRules
from aftercall.net.connector import Connector, open_socket
from aftercall.net.errors import NetError, explain, is_deadline
from aftercall.net.message import Request, Response, answer_headers, request_headers
from aftercall.net.resolve import CheckedResolver, Resolver, SystemResolver
from aftercall.net.tls import tls_context

__all__ = ["Door", "DoorRules", "NetError", "Request", "Response"]

# Below the 5 s after which Node, uvicorn and Apache close, so that none is reused at the moment it is closed.
KEEP_ALIVE = 4.0
DNS_TTL = 10
READ_BUFFER = 16_384
BIG_BODY = 1 << 20
CLOSED = "the door is closed: this process is stopping"

_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class DoorRules(msgspec.Struct, frozen=True):
    """What the operator allows. `ca_file`: PEM certificates trusted besides the system's."""

    addresses: AddressRules = AddressRules()
    allow_http: bool = False
    ca_file: str | None = None
    max_connections: int = 2000


class Door:
    """One for a process, shared by all who send. Raises ValueError when the CA file is unusable."""

    def __init__(self, rules: DoorRules, resolver: Resolver | None = None) -> None:
        self.tls = tls_context(rules.ca_file)
        self._rules = rules
        self._resolver = CheckedResolver(rules.addresses, resolver or SystemResolver())
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._busy = 0
        self._target = lru_cache(maxsize=1024)(self._admit)

    async def request(self, request: Request) -> Response:
        """Send and read the answer. Raises NetError and nothing else, but for CancelledError."""
        started = perf_counter()
        self._busy += 1
        full = self._busy > self._rules.max_connections
        journey = trip.Trip("waiting for a free connection" if full else "looking up the host name")
        token = trip.current.set(journey)
        try:
            async with asyncio.timeout(request.timeout):
                return await self._exchange(request, journey, started)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it leaves as a NetError
            failure = self._failure(exc, journey, started, request.timeout)
        finally:
            trip.current.reset(token)
            self._busy -= 1
        raise failure  # outside the handler: a chained traceback could show the URL

    async def connect(
        self, host: str, port: int, *, tls: bool, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A plain or TLS stream for SMTP, SMPP and AMI, under the same checks; `self.tls` is for STARTTLS."""
        started = perf_counter()
        journey = trip.Trip("looking up the host name")
        token = trip.current.set(journey)
        try:
            if self._closed:
                raise NetError("closed", CLOSED)
            async with asyncio.timeout(timeout):
                return await stream.connect(
                    self._resolver, self._rules.addresses, host, port, self.tls if tls else None
                )
        except Exception as exc:  # noqa: BLE001 - as above
            failure = self._failure(exc, journey, started, timeout)
        finally:
            trip.current.reset(token)
        raise failure

    async def close(self) -> None:
        """Close all connections. Requests in flight fail, later ones are refused."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, request: Request, journey: trip.Trip, started: float) -> Response:
        target = self._target(request.url)
        headers = request_headers(request)
        body = request.body
        answer = await self._open_session().request(
            request.method,
            target.url,
            headers=headers,
            # Above this size aiohttp warns about bytes and wants them in pieces.
            data=(io.BytesIO(body) if len(body) > BIG_BODY else body) if body else None,
            allow_redirects=False,
        )
        journey.phase = "reading the body"
        try:
            content, truncated = await _read(answer.content, request.body_cap)
        except BaseException:
            answer.close()
            raise
        if truncated:
            answer.close()  # dropped, not drained: the rest may be endless
        return Response(
            status=answer.status,
            headers=answer_headers(answer),
            body=content,
            truncated=truncated,
            elapsed=perf_counter() - started,
            address=journey.address,
        )

    def _admit(self, text: str) -> url.Target:
        target = url.parse(text)
        if target.scheme == "http" and not self._rules.allow_http:
            raise NetError("invalid_url", "only https:// is allowed")
        why = self._rules.addresses.check(target.host) if target.literal else None
        if why is not None:
            raise NetError("address_refused", f"{target.host} may not be dialled ({why})")
        return target

    def _open_session(self) -> aiohttp.ClientSession:
        # At first use, because aiohttp wants the running loop and the door is made before it runs.
        if self._session is None and not self._closed:
            connector = Connector(
                resolver=self._resolver,
                ttl_dns_cache=DNS_TTL,
                ssl=self.tls,
                limit=self._rules.max_connections,
                keepalive_timeout=KEEP_ALIVE,
                socket_factory=partial(open_socket, self._rules.addresses),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=_NO_TIMEOUT,
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                read_bufsize=READ_BUFFER,
            )
            # aiohttp sends a GET, PUT or DELETE a second time by itself when a connection breaks. Whether to
            # try again is not the door's decision: an SMS gateway's GET must not be sent twice.
            self._session._retry_connection = False  # noqa: SLF001 - no public switch; a test pins it
        if self._session is None or self._closed:
            raise NetError("closed", CLOSED)
        return self._session

    def _failure(self, exc: Exception, journey: trip.Trip, started: float, timeout: float) -> NetError:
        elapsed = perf_counter() - started
        if isinstance(exc, NetError):
            return NetError(exc.code, exc.detail, elapsed=elapsed)
        if self._closed:
            return NetError("closed", CLOSED, elapsed=elapsed, sent=journey.sent)
        if is_deadline(exc):
            detail = f"no complete answer within {timeout:g} s; stopped while {journey.phase}"
            return NetError("timeout", detail, elapsed=elapsed, sent=journey.sent)
        code, detail = explain(exc, journey.phase)
        return NetError(code, detail, elapsed=elapsed, sent=journey.sent)


async def _read(content: aiohttp.StreamReader, cap: int) -> tuple[bytes, bool]:
    """At most `cap` bytes, and whether there were more."""
    read = await content.readany()
    if content.at_eof() and len(read) <= cap:
        return read, False  # nearly every answer
    pieces = bytearray(read)
    while len(pieces) <= cap and not content.at_eof():
        pieces += await content.readany()
    return bytes(pieces[:cap]), len(pieces) > cap
