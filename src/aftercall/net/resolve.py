"""Host names to addresses that may be dialled. The look-up can be replaced; the check cannot."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from aftercall.net.address import AddressRules
from aftercall.net.errors import AddressRefusedError

MAX_LOOKUPS = 128
MAX_ADDRESSES = 8


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


class CheckedResolver(AbstractResolver):
    """What aiohttp asks: every address is checked and refused ones are removed."""

    def __init__(self, rules: AddressRules, resolver: Resolver) -> None:
        self._rules = rules
        self._resolver = resolver

    async def addresses(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[str]:
        """The addresses to dial, in order. Raises AddressRefusedError, or gaierror when there are none."""
        found = list(dict.fromkeys(await self._resolver.resolve(host, port, family)))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        verdicts = [(address, self._rules.check(address)) for address in found]
        allowed = [address for address, why in verdicts if why is None]
        if not allowed:
            # The reason, not the address: what an internal name resolves to is nobody's business outside.
            reasons = ", ".join(sorted({why for _, why in verdicts if why}))
            raise AddressRefusedError(f"{host} has only addresses that may not be dialled ({reasons})")
        return allowed[:MAX_ADDRESSES]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self.addresses(host, port, family)
        ]

    async def close(self) -> None:
        """Nothing is held: look-ups in flight end by themselves."""
