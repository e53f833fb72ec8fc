"""A look that is taken again and again, until it is stopped: what a server does beside its requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aftercall.domain.errors import Unavailable

log = logging.getLogger(__name__)


class Rounds:
    """`look` every so many seconds. A store that is away, or a mistake, is logged and no reason to stop."""

    def __init__(self, name: str, look: Callable[[], Awaitable[None]], every: float) -> None:
        self._name, self._look, self._every = name, look, every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Unavailable:
                log.warning("round_waits_for_the_store", extra={"round": self._name})
            except Exception:
                log.exception("round_failed", extra={"round": self._name})
            await asyncio.sleep(self._every)
