"""The receiver, in a process of its own: answers every POST at once and remembers when it came.

`GET /stats` returns what arrived since the last `GET /reset`; `/hang` is never answered.
Run: python -m benchmarks.receiver PORT
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SENT = b'"sent_ns":'  # a custom field: CLOCK_MONOTONIC of the generator, on this same machine


class State:
    def __init__(self) -> None:
        self.delays: list[int] = []  # nanoseconds from posting the event to its arrival here
        self.count = 0
        self.first = self.last = 0
        self.seen: set[bytes] = set()
        self.repeats = 0


class Hook(asyncio.Protocol):
    """Just enough HTTP/1.1 for our own sender: a head, Content-Length, a body."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (head_end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:head_end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            end = head_end + 4 + length
            if len(self.buffer) < end:
                return
            body, self.buffer = self.buffer[head_end + 4 : end], self.buffer[end:]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST /hang"):
            return
        if head.startswith(b"GET /stats"):
            self.send_json(stats(self.state))
            return
        if head.startswith(b"GET /reset"):
            self.state.__init__()  # type: ignore[misc]
            self.send_json({})
            return
        self.note(head, body)
        self.transport.write(OK)

    def note(self, head: bytes, body: bytes) -> None:
        state, now = self.state, time.monotonic_ns()
        state.first = state.first or now
        state.last = now
        state.count += 1
        at = body.find(SENT)
        if at >= 0:
            digits = body[at + len(SENT) : at + len(SENT) + 22]
            digits = digits.split(b"}", 1)[0].split(b",", 1)[0]
            state.delays.append(now - int(digits.strip(b'"')))  # a text's is in quotes
        at = head.find(b"webhook-id: ")
        identity = head[at + 12 : head.find(b"\r", at)]
        state.repeats += identity in state.seen
        state.seen.add(identity)

    def send_json(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def stats(state: State) -> dict[str, float | int]:
    delays = sorted(state.delays)

    def at(share: float) -> float:
        return delays[min(len(delays) - 1, int(len(delays) * share))] / 1e6 if delays else 0.0

    return {
        "count": state.count,
        "distinct": len(state.seen),
        "repeats": state.repeats,
        "seconds": (state.last - state.first) / 1e9,
        "first_ns": state.first,
        "last_ns": state.last,
        "p50_ms": at(0.5),
        "p95_ms": at(0.95),
        "p99_ms": at(0.99),
        "max_ms": at(1.0),
    }


async def main(port: int) -> None:
    state = State()
    server = await asyncio.get_running_loop().create_server(
        lambda: Hook(state), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
