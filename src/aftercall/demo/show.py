"""The demo: a real server, a real receiver, and calls that a script plays; all of it through the public API."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from rich.console import Console

from aftercall.client import Client
from aftercall.config import Config
from aftercall.demo.catcher import Answer, Catcher, Caught
from aftercall.demo.screen import Screen
from aftercall.server import Server

CRM, SCREEN_POP, MESSAGES = "/crm", "/screen-pop", "/messages"
FAST = 0.25  # of the usual time
PATIENCE = 10.0  # seconds for the last webhooks
ACCEPTED, REFUSED = Answer(), Answer(503, {"Retry-After": "1"})
WEBHOOKS = {"channel": "webhook", "limit": 100}


class Script(Protocol):
    """Where the demo's calls come from. A call is known by its key at the source."""

    left: str  # what stands above the left half of the screen
    intro: tuple[str, ...]
    refused_once: str  # the key of the call whose webhook is refused once

    async def prepare(self, show: "Show", api: Client, stack: AsyncExitStack) -> None:
        """Set up what is needed; what must be closed goes on the stack."""
        ...

    async def play(self, show: "Show") -> None: ...

    async def finish(self) -> None:
        """What is to be said when all has arrived."""
        ...


class Show:
    """One run. Raises nothing of its own; `failed` says whether something did not arrive or did not verify."""

    def __init__(self, console: Console, data: Path, script: Script, *, fast: bool = False) -> None:
        self.screen, self.pace = Screen(console), FAST if fast else 1.0
        self._data, self._script = data, script
        self._catcher, self._receiver = Catcher(self._answer), ""
        self._who: dict[str, str] = {}  # key -> name
        self._ended: dict[str, float] = {}  # key -> when its end was told
        self._delays: list[float] = []
        self._caught: list[Caught] = []
        self._arrivals: asyncio.Queue[tuple[Caught, int]] = asyncio.Queue()
        self._refused = False
        self._all_arrived = asyncio.Event()
        self._expected: set[tuple[str, str]] = set()  # (key, event) that the CRM is to get

    @property
    def failed(self) -> bool:
        return bool(self._expected) or not all(caught.verified for caught in self._caught)

    def name(self, key: str, who: str) -> None:
        self._who[key] = who

    def who(self, key: str) -> str:
        return self._who.get(key, "")

    def ended(self, key: str) -> None:
        """The source says now that the call has ended."""
        self._ended[key] = time.perf_counter()

    def expect(self, key: str, event: str) -> None:
        self._expected.add((key, event))
        self._all_arrived.clear()

    async def run(self, *, loop: bool = False) -> None:
        async with AsyncExitStack() as stack:
            self._receiver = await self._catcher.start()
            stack.push_async_callback(self._catcher.close)
            config = Config(data=self._data, port=0, dev=True, log_level="warning")
            server = await stack.enter_async_context(Server(config))
            key = server.app.first_key or config.owner_key_file.read_text(encoding="ascii").strip()
            api = await stack.enter_async_context(Client(server.url, key))
            await self._set_up(api)
            await self._script.prepare(self, api, stack)
            self.screen.heading(
                self._script.left,
                f"[bold]AfterCall[/] at {server.url}, a receiver at {self._receiver}.",
                *self._script.intro,
                "The receiver answers the last call's webhook with 503 once, to show a retry.",
            )
            printing = asyncio.create_task(self._print())
            try:
                await self._play()
                while loop:
                    await self._play()
            finally:
                printing.cancel()
                await asyncio.gather(printing, return_exceptions=True)
            await self._summarise(api)
            await self._script.finish()

    async def _set_up(self, api: Client) -> None:
        await self.listen(api, "CRM", CRM, {
            "type": "after_call", "events": ["answered", "missed", "abandoned", "voicemail"], "format": "json",
        })  # fmt: skip
        await self.listen(api, "Screen pop", SCREEN_POP, {
            "type": "call_event", "trigger": "answered_by_agent", "format": "classic", "call_id_style": "source",
        })  # fmt: skip

    async def listen(self, api: Client, name: str, path: str, what: Mapping[str, Any]) -> None:
        """A webhook to the receiver, which knows its secret from then on."""
        made = await api.post("/v1/webhooks", {"name": name, "url": self._receiver + path, **what})
        self._catcher.secrets[path] = made["signing_secret"]

    async def _play(self) -> None:
        await self._script.play(self)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._all_arrived.wait()
                await self._arrivals.join()
        except TimeoutError:
            pass  # `failed` says so

    def _answer(self, caught: Caught) -> Answer:
        """The receiver: believes what verifies, and is out of order once."""
        said = ACCEPTED
        key, event = key_of(caught), str(caught.said.get("event"))
        completed = event == "call.completed"
        if not caught.verified:
            said = Answer(401)
        elif completed and not self._refused and key == self._script.refused_once:
            self._refused = True
            said = REFUSED
        self._caught.append(caught)
        if said is ACCEPTED:
            self._expected.discard((key, event))
            if not self._expected:
                self._all_arrived.set()
            if completed and caught.attempt == 1 and key in self._ended:
                self._delays.append(caught.at - self._ended[key])
        self._arrivals.put_nowait((caught, said.status))
        return said

    async def _print(self) -> None:
        while True:
            caught, status = await self._arrivals.get()
            key, event = key_of(caught), str(caught.said.get("event") or "screen pop")
            delay = None
            if event == "call.completed" and caught.attempt == 1 and key in self._ended:
                delay = caught.at - self._ended[key]
            name = event.removeprefix("call.").replace("message.", "text ")
            self.screen.caught(self.who(key), name, caught, status, delay)
            self._arrivals.task_done()

    async def _summarise(self, api: Client) -> None:
        calls = [call async for call in api.pages("/v1/calls", {"limit": 100})]
        deliveries = await self._settled(api)
        verified = sum(1 for caught in self._caught if caught.verified)
        retried = sum(1 for delivery in deliveries if delivery.get("attempts", 0) > 1)
        facts = [
            ("delivered", f"{_count(deliveries, 'delivered')} of {len(deliveries)}"),
            ("delivered after a retry", f"{retried}"),
            ("signatures verified", f"{verified} of {len(self._caught)}"),
        ]
        if self._delays:
            facts.append(("call ended to webhook, p50", f"{median(self._delays) * 1000:.1f} ms"))
        self.screen.summary(calls, facts, self._who)

    async def _settled(self, api: Client) -> list[dict[str, Any]]:
        """The delivery log, once the last results are in it: they are written after the receiver's answer."""
        found: list[dict[str, Any]] = []
        for _ in range(40):
            found = [item async for item in api.pages("/v1/deliveries", WEBHOOKS)]
            if not _count(found, "pending"):
                break
            await asyncio.sleep(0.05)
        return found


def key_of(caught: Caught) -> str:
    """The call's key at its source, as the body's form calls it; of a notice, the call's id or the number."""
    said = caught.said.get("details") or caught.said
    return str(said.get("source_call_key") or said.get("call_id") or said.get("from"))


def _count(items: Sequence[dict[str, Any]], status: str) -> int:
    return sum(1 for item in items if item.get("status") == status)
