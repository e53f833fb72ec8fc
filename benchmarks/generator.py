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


async def client(load: Load, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        while (wait := load.due()) > 0:
            await asyncio.sleep(wait)
        request = load.request()
        if request is None:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
        if head[9:10] == b"2":
            load.accepted += 1
        else:
            load.refused += 1
    writer.close()


async def main(port: int, keys: list[str], count: int, connections: int, rate: float, targets: int) -> None:
    load = Load(keys, count, rate, targets)
    await asyncio.gather(*(client(load, port) for _ in range(connections)))
    seconds = time.monotonic() - load.start
    print(json.dumps({"accepted": load.accepted, "refused": load.refused, "seconds": seconds}))


if __name__ == "__main__":
    p, k, c, n, r, t = sys.argv[1:]
    uvloop.run(main(int(p), k.split(","), int(c), int(n), float(r), int(t)))
