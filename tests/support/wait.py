"""Waiting for something to become true, bounded in time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(probe: Callable[[], Awaitable[T | None]], seconds: float = 15.0) -> T:
    """What `probe` returns once it is neither None nor False. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            found = await probe()
            if found is not None and found is not False:
                return found
            await asyncio.sleep(0.02)
