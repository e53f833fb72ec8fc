"""What the scripts share: server, receiver and generator as processes, and what they cost."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from tests.support.server import KEY, Server, free_port

ROOT = Path(__file__).parent.parent


@dataclass
class Rig:
    server: Server
    receiver: int  # its port
    http: aiohttp.ClientSession

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.receiver}/hook"

    async def stats(self) -> dict[str, Any]:
        async with self.http.get(f"http://127.0.0.1:{self.receiver}/stats") as answer:
            return json.loads(await answer.read())  # type: ignore[no-any-return]

    async def reset(self) -> None:
        async with self.http.get(f"http://127.0.0.1:{self.receiver}/reset") as answer:
            await answer.read()

    async def generate(
        self,
        count: int,
        *,
        connections: int = 64,
        rate: float = 0,
        keys: list[str] | None = None,
        targets: int = 1,
    ) -> dict[str, Any]:
        arguments = [str(self.server.port), ",".join(keys or [KEY]), str(count), str(connections), str(rate)]
        process = await python("benchmarks.generator", *arguments, str(targets), stdout=True)
        out, _ = await process.communicate()
        return json.loads(out)  # type: ignore[no-any-return]

    async def recorded(self) -> int:
        """Deliveries whose result is in the store."""
        _, text = await self.server.ask("GET", "/metrics")
        lines = [line for line in text.splitlines() if line.startswith("aftercall_deliveries_total{")]
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines)

    async def all_recorded(self, count: int, seconds: float = 120) -> None:
        async with asyncio.timeout(seconds):
            while await self.recorded() < count:
                await asyncio.sleep(0.05)

    def cpu_seconds(self) -> float:
        """User and system time of the server process so far."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """The largest resident set of the server process so far."""
        lines = Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def python(module: str, *arguments: str, stdout: bool = False) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE if stdout else None
    )


@asynccontextmanager
async def rig(database: str | None = None) -> AsyncIterator[Rig]:
    """A fresh server on a fresh store, and a receiver beside it."""
    port = free_port()
    receiver = await python("benchmarks.receiver", str(port))
    try:
        with tempfile.TemporaryDirectory(prefix="aftercall-bench-") as folder:
            async with Server(Path(folder), database=database) as server, aiohttp.ClientSession() as http:
                await listening(port)
                yield Rig(server, port, http)
    finally:
        receiver.terminate()
        await receiver.wait()


async def listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


@dataclass(frozen=True)
class Figure:
    """One row of the table: the median over the runs of one session, and its spread."""

    name: str
    unit: str
    values: list[float]
    must: float | None
    aim: float | None
    higher_is_better: bool = False

    @property
    def median(self) -> float:
        return median(self.values)

    def row(self) -> str:
        spread = f"{min(self.values):,.4g} - {max(self.values):,.4g}"
        met = "-"
        if self.must is not None:
            ok = self.median >= self.must if self.higher_is_better else self.median <= self.must
            met = "yes" if ok else "NO"
        must = "" if self.must is None else f"{self.must:,g}"
        aim = "" if self.aim is None else f"{self.aim:,g}"
        return f"| {self.name} | {self.unit} | {self.median:,.4g} | {spread} | {must} | {aim} | {met} |"


def note(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)
