"""The door: one request out, its answer back, everything bounded. See docs/reference/egress.md."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Coroutine
from functools import cached_property, lru_cache
from time import perf_counter
from typing import Any, TypeVar

import msgspec

from aftercall.net import stream, trip, url
from aftercall.net.address import AddressRules
from aftercall.net.connector import dial
from aftercall.net.errors import NetError, explain, is_deadline
from aftercall.net.http1 import Connection
from aftercall.net.message import Request, Response, request_head
from aftercall.net.pool import Pool
from aftercall.net.resolve import CheckedResolver, Resolver, SystemResolver
from aftercall.net.tls import tls_context

__all__ = ["Door", "DoorRules", "NetError", "Request", "Response"]

# Below the 5 s after which Node, uvicorn and Apache close, so that none is reused at the moment it is closed.
KEEP_ALIVE = 4.0
DNS_TTL = 10.0
CLOSED = "the door is closed: this process is stopping"

Made = TypeVar("Made")


class DoorRules(msgspec.Struct, frozen=True):
    """What the operator allows. `ca_file`: PEM certificates trusted besides the system's."""

    addresses: AddressRules = AddressRules()
    allow_http: bool = False
    ca_file: str | None = None
    max_connections: int = 2000


class Door:
    """One for a process, shared by all who send. Raises ValueError when the CA file is unusable."""

    def __init__(self, rules: DoorRules, resolver: Resolver | None = None) -> None:
        self._rules = rules
        self._web_tls = tls_context(rules.ca_file, "http/1.1")
        self._resolver = CheckedResolver(rules.addresses, resolver or SystemResolver(), DNS_TTL)
        self._pool = Pool(self._dial, rules.max_connections, KEEP_ALIVE)
        self._closed = False
        self._deadlines: set[asyncio.Timeout] = set()  # of those who have no connection yet
        self._target = lru_cache(maxsize=1024)(self._admit)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """For streams, and for STARTTLS on them."""
        return tls_context(self._rules.ca_file)

    async def request(self, request: Request) -> Response:
        """Send and read the answer. Raises NetError and nothing else, but for CancelledError."""
        started = perf_counter()
        journey = trip.Trip("looking up the host name")
        try:
            return await self._exchange(request, journey, started)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it leaves as a NetError
            failure = self._failure(exc, journey, started, request.timeout)
        raise failure  # outside the handler: a chained traceback could show the URL

    async def connect(
        self, host: str, port: int, *, tls: bool, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A plain or TLS stream for SMPP and AMI, under the same checks."""
        context = self.tls if tls else None
        opening = stream.connect(self._resolver, self._rules.addresses, host, port, context)
        return await self._opened(opening, timeout)

    async def dial(self, host: str, port: int, *, timeout: float) -> socket.socket:
        """A connected socket under the same checks, for a library that brings its own transport.

        Whoever gets it closes it. `self.tls` is for its TLS and STARTTLS.
        """
        return await self._opened(
            stream.connected(self._resolver, self._rules.addresses, host, port), timeout
        )

    async def close(self) -> None:
        """Close all connections. Requests in flight fail, later ones are refused."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(now)
        self._resolver.close()
        self._pool.close()
        await asyncio.sleep(0)  # the loop closes a socket at its next turn

    async def _exchange(self, request: Request, journey: trip.Trip, started: float) -> Response:
        if self._closed:
            raise NetError("closed", CLOSED)
        target = self._target(request.url)
        head = request_head(request, target)
        pool = self._pool
        left = request.timeout
        connection = pool.idle(target.origin)
        if connection is None:
            connection = await self._in_time(pool.take(target), journey, left)
            left -= perf_counter() - started
        answer = None
        try:
            if self._closed:  # while it was made
                raise NetError("closed", CLOSED)
            answer = await connection.exchange(head, request.body, request.body_cap, left, journey)
        finally:
            if answer is not None and answer.reusable:
                pool.rest(connection)
            else:
                pool.drop(connection)
        return Response(
            status=answer.status,
            headers=tuple(answer.headers),
            body=answer.body,
            truncated=answer.truncated,
            elapsed=perf_counter() - started,
            address=connection.address,
        )

    async def _opened(self, opening: Coroutine[Any, Any, Made], timeout: float) -> Made:
        started = perf_counter()
        journey = trip.Trip("looking up the host name")
        try:
            if self._closed:
                opening.close()
                raise NetError("closed", CLOSED)
            return await self._in_time(opening, journey, timeout)
        except Exception as exc:  # noqa: BLE001 - as above
            failure = self._failure(exc, journey, started, timeout)
        raise failure

    async def _in_time(self, opening: Awaitable[Made], journey: trip.Trip, timeout: float) -> Made:
        """Await a connection, but no longer than the deadline or the door's closing."""
        token = trip.current.set(journey)
        try:
            async with asyncio.timeout(timeout) as deadline:
                self._deadlines.add(deadline)
                try:
                    return await opening
                finally:
                    self._deadlines.discard(deadline)
        finally:
            trip.current.reset(token)

    async def _dial(self, target: url.Target) -> Connection:
        addresses = [target.host]
        if not target.literal:
            addresses = await self._resolver.addresses(target.host, target.port)
        sock = await dial(self._rules.addresses, addresses, target.port)
        return await Connection.over(sock, target, self._web_tls, self._pool.drop)

    def _admit(self, text: str) -> url.Target:
        target = url.parse(text)
        if target.scheme == "http" and not self._rules.allow_http:
            raise NetError("invalid_url", "only https:// is allowed")
        why = self._rules.addresses.check(target.host) if target.literal else None
        if why is not None:
            raise NetError("address_refused", f"{target.host} may not be dialled ({why})")
        return target

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
