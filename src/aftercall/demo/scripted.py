"""The demo's telephone system: scripted calls, each event posted to the public API as it happens."""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from aftercall.client import Client
from aftercall.demo.calls import SCENES, Line, Scene
from aftercall.demo.messages import Messages
from aftercall.demo.show import MESSAGES, Show

NOTICES = {"type": "call_event", "format": "json", "triggers": [
    "message.delivered", "message.blocked", "message.deferred", "message.opted_out",
]}  # fmt: skip


class Scripted:
    """The script of `demo`. A call's key differs from run to run."""

    left = "Call events, as posted"
    intro: tuple[str, ...] = (
        "Every line below is real: posted over HTTP, stored, decided, sent, verified. Who calls in vain gets a text",
        "and the supervisor a mail, both caught here: nothing leaves this machine.",
    )

    def __init__(self) -> None:
        self.refused_once = f"{SCENES[-1].key}-1"
        self._run = 0

    async def prepare(self, show: Show, api: Client, stack: AsyncExitStack) -> None:
        self._api = api
        self._messages = Messages(show)
        await self._messages.open(api, stack)
        await show.listen(api, "Messages", MESSAGES, NOTICES)

    async def finish(self) -> None:
        await self._messages.summarise(self._api)

    async def play(self, show: Show) -> None:
        self._run += 1
        started = time.perf_counter()
        timeline = sorted(
            ((scene.starts + line.at, scene, line) for scene in SCENES for line in scene.lines),
            key=lambda entry: entry[0],
        )
        wall = datetime.now(UTC)
        for at, scene, line in timeline:
            await asyncio.sleep(max(0.0, started + at * show.pace - time.perf_counter()))
            await self._post(show, scene, line, wall)

    async def _post(self, show: Show, scene: Scene, line: Line, wall: datetime) -> None:
        now = datetime.now(UTC)
        if line.second is not None:  # dated so that the call's end, and not its start, is now
            ends = wall + timedelta(seconds=scene.ends * show.pace)
            now = ends - timedelta(seconds=scene.seconds - line.second)
        key = f"{scene.key}-{self._run}"
        event = {
            "event": line.event,
            "call_id": key,
            "occurred_at": now.isoformat(timespec="milliseconds"),
            **line.fields,
        }
        show.name(key, scene.who)
        show.name(line.fields.get("from", ""), scene.who)
        show.screen.posted(scene.who, event)
        if line.event == "call.ended":
            show.ended(key)
            show.expect(key, "call.completed")
        elif line.second is None:
            show.expect(key, "call.updated")
        taken = await self._api.post("/v1/events", event)
        show.name(taken["call_id"], scene.who)
        if line.event == "call.ended" and scene.message and self._run == 1:
            show.expect(taken["call_id"], scene.message)  # in a loop, Tom has opted out for good
