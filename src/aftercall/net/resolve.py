"""Host names to addresses that may be dialled. The look-up can be replaced; the check cannot."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from aftercall.net.address import AddressRules
from aftercall.net.errors import AddressRefusedError

MAX_LOOKUPS = 128
MAX_ADDRESSES = 8
MAX_KNOWN = 1024  # names whose addresses are kept


class Resolver(Protocol):
    """A look-up: the addresses of a name. Raises socket.gaierror when there are none."""

    async def resolve(self, host: str, port: int, family: int) -> Sequence[str]: ...


class SystemResolver:
    """The operating system's look-up, one short-lived daemon thread for each.

    Not loop.getaddrinfo: its few threads are shared (asyncio's default pool, or four of libuv's under
    uvloop), so a handful of names whose servers hang would stall all other look-ups, and the process's exit.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_LOOKUPS)

    async def resolve(self, host: str, port: int, family: int) -> list[str]:
        await self._slots.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def settle(addresses: list[str], error: OSError | None) -> None:
            self._slots.release()
            if answer.done():
                return
            if error is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(error)

        def look_up() -> None:
            addresses: list[str] = []
            error: OSError | None = None
            try:
                found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
                addresses = [str(info[4][0]) for info in found]
            except OSError as exc:
                error = exc
            except UnicodeError:
                error = socket.gaierror(socket.EAI_NONAME, "not a host name")
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, addresses, error)

        try:
            threading.Thread(target=look_up, name="look-up", daemon=True).start()
        except RuntimeError as exc:
            self._slots.release()
            raise socket.gaierror(socket.EAI_MEMORY, "this machine has no free thread") from exc
        return await answer


class CheckedResolver:
    """Every address is checked and refused ones are removed.

    Answers are kept for `ttl` seconds, and whoever asks for a name while it is looked up waits for that look-up.
    """

    def __init__(self, rules: AddressRules, resolver: Resolver, ttl: float) -> None:
        self._rules = rules
        self._resolver = resolver
        self._ttl = ttl
        self._known: dict[str, tuple[float, list[str]]] = {}  # until when; the oldest first
        self._asking: dict[str, asyncio.Task[list[str]]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to dial, in order. Raises AddressRefusedError, or gaierror when there are none."""
        loop = asyncio.get_running_loop()
        known = self._known.get(host)
        if known is not None and loop.time() < known[0]:
            return known[1]
        asking = self._asking.get(host)
        if asking is None:
            asking = self._asking[host] = loop.create_task(self._look_up(host, port))
            asking.add_done_callback(partial(self._keep, host))
        # Not `await asking`: who gives up must not end the look-up for the others.
        await asyncio.wait((asking,))
        if asking.cancelled():
            raise socket.gaierror(socket.EAI_AGAIN, "the look-up was ended")
        return asking.result()

    def close(self) -> None:
        """End the look-ups in flight; those who wait for them get a gaierror."""
        for asking in self._asking.values():
            asking.cancel()

    async def _look_up(self, host: str, port: int) -> list[str]:
        found = list(dict.fromkeys(await self._resolver.resolve(host, port, socket.AF_UNSPEC)))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        verdicts = [(address, self._rules.check(address)) for address in found]
        allowed = [address for address, why in verdicts if why is None]
        if not allowed:
            # The reason, not the address: what an internal name resolves to is nobody's business outside.
            reasons = ", ".join(sorted({why for _, why in verdicts if why}))
            raise AddressRefusedError(f"{host} has only addresses that may not be dialled ({reasons})")
        return allowed[:MAX_ADDRESSES]

    def _keep(self, host: str, asked: asyncio.Task[list[str]]) -> None:
        self._asking.pop(host, None)
        if asked.cancelled() or asked.exception() is not None:
            return  # a failure is shared by those who wait, and not kept
        self._known.pop(host, None)
        if len(self._known) >= MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[host] = (asyncio.get_running_loop().time() + self._ttl, asked.result())
