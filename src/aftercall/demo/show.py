"""The demo: a real server, a real receiver, scripted calls; all of it through the public API."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from aftercall.client import Client
from aftercall.config import Config
from aftercall.demo.calls import SCENES, Line, Scene
from aftercall.demo.catcher import Answer, Catcher, Caught
from aftercall.demo.screen import Screen
from aftercall.server import Server

CRM, SCREEN_POP = "/crm", "/screen-pop"
FAST = 0.25  # of the usual time
PATIENCE = 10.0  # seconds for the last webhooks
ACCEPTED: Answer = (200, {})
REFUSED: Answer = (503, {"Retry-After": "1"})


class Show:
    """One run. Raises nothing of its own; `failed` says whether something did not arrive or did not verify."""

    def __init__(self, console: Console, data: Path, *, fast: bool = False) -> None:
        self.screen, self._data, self._pace = Screen(console), data, FAST if fast else 1.0
        self._who: dict[str, str] = {}  # our call id -> name
        self._ended: dict[str, float] = {}  # our call id -> when its end was posted
        self._delays: list[float] = []
        self._caught: list[Caught] = []
        self._arrivals: asyncio.Queue[tuple[Caught, int]] = asyncio.Queue()
        self._refused: str | None = None  # our call id
        self._all_arrived = asyncio.Event()
        self._expected: set[tuple[str, str]] = set()  # (our call id, event) that the CRM is to get
        self._run = 0

    @property
    def failed(self) -> bool:
        return bool(self._expected) or not all(caught.verified for caught in self._caught)

    async def run(self, *, loop: bool = False) -> None:
        async with AsyncExitStack() as stack:
            catcher = Catcher(self._answer)
            receiver = await catcher.start()
            stack.push_async_callback(catcher.close)
            config = Config(data=self._data, port=0, dev=True, log_level="warning")
            server = await stack.enter_async_context(Server(config))
            key = server.app.first_key or config.owner_key_file.read_text(encoding="ascii").strip()
            api = await stack.enter_async_context(Client(server.url, key))
            await self._set_up(api, catcher, receiver)
            self.screen.heading(
                f"[bold]AfterCall[/] at {server.url}, a receiver at {receiver}.",
                "Every line below is real: posted over HTTP, stored, sent, verified. The receiver answers the",
                "last call's webhook with 503 once, to show a retry.",
            )
            printing = asyncio.create_task(self._print())
            try:
                await self._play(api)
                while loop:
                    await self._play(api)
            finally:
                printing.cancel()
                await asyncio.gather(printing, return_exceptions=True)
            await self._summarise(api)

    async def _set_up(self, api: Client, catcher: Catcher, receiver: str) -> None:
        after_call = await api.post("/v1/webhooks", {
            "type": "after_call", "name": "CRM", "url": receiver + CRM,
            "events": ["answered", "missed", "abandoned", "voicemail"], "format": "json",
        })  # fmt: skip
        classic = await api.post("/v1/webhooks", {
            "type": "call_event", "name": "Screen pop", "url": receiver + SCREEN_POP,
            "trigger": "answered_by_agent", "format": "classic",
        })  # fmt: skip
        catcher.secrets = {CRM: after_call["signing_secret"], SCREEN_POP: classic["signing_secret"]}

    async def _play(self, api: Client) -> None:
        self._run += 1
        started = time.perf_counter()
        timeline = sorted(
            ((scene.starts + line.at, scene, line) for scene in SCENES for line in scene.lines),
            key=lambda entry: entry[0],
        )
        wall = datetime.now(UTC)
        for at, scene, line in timeline:
            await asyncio.sleep(max(0.0, started + at * self._pace - time.perf_counter()))
            await self._post(api, scene, line, wall)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._all_arrived.wait()
                await self._arrivals.join()
        except TimeoutError:
            pass  # `failed` says so

    async def _post(self, api: Client, scene: Scene, line: Line, wall: datetime) -> None:
        now = datetime.now(UTC)
        if line.second is not None:  # dated so that the call's end, and not its start, is now
            ends = wall + timedelta(seconds=scene.ends * self._pace)
            now = ends - timedelta(seconds=scene.seconds - line.second)
        event = {
            "event": line.event,
            "call_id": f"{scene.key}-{self._run}",
            "occurred_at": now.isoformat(timespec="milliseconds"),
            **line.fields,
        }
        self.screen.posted(scene.who, event)
        at = time.perf_counter()
        call_id = (await api.post("/v1/events", event))["call_id"]
        self._who[call_id] = scene.who
        if line.event == "call.ended":
            self._ended[call_id] = at
            self._expect(call_id, "call.completed")
        elif line.second is None:
            self._expect(call_id, "call.updated")

    def _expect(self, call_id: str, event: str) -> None:
        if not any(c.said.get("call_id") == call_id and c.said.get("event") == event for c in self._caught):
            self._expected.add((call_id, event))
            self._all_arrived.clear()

    def _answer(self, caught: Caught) -> Answer:
        """The receiver: believes what verifies, and is out of order once."""
        status, headers = ACCEPTED
        call_id, event = str(caught.said.get("call_id")), str(caught.said.get("event"))
        completed = event == "call.completed"
        if not caught.verified:
            status = 401
        elif completed and self._refused is None and self._who.get(call_id) == SCENES[-1].who:
            self._refused = call_id
            status, headers = REFUSED
        self._caught.append(caught)
        if status == 200:
            self._expected.discard((call_id, event))
            if not self._expected:
                self._all_arrived.set()
            if completed and caught.attempt == 1 and call_id in self._ended:
                self._delays.append(caught.at - self._ended[call_id])
        self._arrivals.put_nowait((caught, status))
        return status, headers

    async def _print(self) -> None:
        while True:
            caught, status = await self._arrivals.get()
            call_id = str(caught.said.get("call_id"))
            for _ in range(100):  # the answer to the POST that caused it may still be under way
                if call_id in self._who:
                    break
                await asyncio.sleep(0.005)
            event = str(caught.said.get("event") or "screen pop")
            delay = None
            if event == "call.completed" and caught.attempt == 1 and call_id in self._ended:
                delay = caught.at - self._ended[call_id]
            self.screen.caught(self._who.get(call_id, ""), event.removeprefix("call."), caught, status, delay)
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
        self.screen.summary(calls, facts)

    async def _settled(self, api: Client) -> list[dict[str, Any]]:
        """The delivery log, once the last results are in it: they are written after the receiver's answer."""
        found: list[dict[str, Any]] = []
        for _ in range(40):
            found = [item async for item in api.pages("/v1/deliveries", {"limit": 100})]
            if not _count(found, "pending"):
                break
            await asyncio.sleep(0.05)
        return found


def _count(items: Sequence[dict[str, Any]], status: str) -> int:
    return sum(1 for item in items if item.get("status") == status)
