"""The source, in a process of its own: finished calls posted one event a request over keep-alive connections.

Run: python -m benchmarks.generator PORT KEYS COUNT CONNECTIONS RATE TARGETS
KEYS: API keys, comma separated, used in turn. RATE: events a second, 0 for as fast as they are answered.
TARGETS: in turn, the called number ends in 0 .. TARGETS-1 (webhooks filter by it).
Prints one JSON line: accepted, refused, seconds.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

BODY = (
    '{"event":"call.completed","call_id":"%s","direction":"inbound","from":"+1408555%04d","to":"+1408600%04d",'
    '"status":"answered","started_at":"2026-11-20T10:58:13Z","connected_at":"2026-11-20T10:58:33Z",'
    '"ended_at":"2026-11-20T11:02:44Z","duration_seconds":271,"talk_time_seconds":251,'
    '"queue":{"id":"q_23","name":"Support"},"agent":{"id":"ag_102","name":"Jordan"},'
    '"recording_url":"https://recordings.example/abc123.mp3","notes":"Callback scheduled",'
    '"custom_fields":{"crm_id":"ACME-4451","priority":"high","sent_ns":%d}}'
)
HEAD = (
    "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)


class Load:
    def __init__(self, keys: list[str], count: int, rate: float, targets: int) -> None:
        self.keys, self.count, self.rate, self.targets = keys, count, rate, targets
        self.next = self.accepted = self.refused = 0
        self.run = f"{time.time_ns():x}"
        self.start = time.monotonic()

    def request(self) -> bytes | None:
        if self.next >= self.count:
            return None
        n, self.next = self.next, self.next + 1
        target = n % self.targets
        key = self.keys[target * len(self.keys) // self.targets]
        body = (BODY % (f"{self.run}-{n}", n % 10_000, target, time.monotonic_ns())).encode()
        return (HEAD % (key, len(body))).encode() + body

    def due(self) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self.start + self.next / self.rate - time.monotonic()) if self.rate else 0.0


class Client(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the last one is answered, and it is due."""

    def __init__(self, load: Load, done: asyncio.Future[None]) -> None:
        self.load, self.done = load, done
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.go_on()

    def go_on(self) -> None:
        wait = self.load.due()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.go_on)
            return
        request = self.load.request()
        if request is None:
            self.transport.close()
            self.done.set_result(None)
            return
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head_end = self.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = self.buffer.lower().find(b"content-length:", 0, head_end)
        length = int(self.buffer[at + 15 : self.buffer.index(b"\r\n", at)])
        if len(self.buffer) < head_end + 4 + length:
            return
        if self.buffer[9:10] == b"2":
            self.load.accepted += 1
        else:
            self.load.refused += 1
        self.buffer = b""
        self.go_on()


async def main(port: int, keys: list[str], count: int, connections: int, rate: float, targets: int) -> None:
    load, loop = Load(keys, count, rate, targets), asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(lambda end=end: Client(load, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    seconds = time.monotonic() - load.start
    print(json.dumps({"accepted": load.accepted, "refused": load.refused, "seconds": seconds}))


if __name__ == "__main__":
    p, k, c, n, r, t = sys.argv[1:]
    uvloop.run(main(int(p), k.split(","), int(c), int(n), float(r), int(t)))
