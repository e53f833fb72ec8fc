"""One GET over a stream that the door has dialled, for sources that ask their upstream something."""

import asyncio
from collections.abc import Mapping

from aftercall.net.answer import Answer
from aftercall.net.errors import AnswerError, HungUpError

PIECE = 65_536  # bytes read at once


async def fetch(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    target: str,
    headers: Mapping[str, str],
    cap: int,
) -> tuple[int, bytes]:
    """Status and body. Raises AnswerError for what is no HTTP or longer than `cap` bytes, HungUpError.

    The caller sets the deadline, and answers for `host`, `target` and `headers`: they are sent as they are.
    """
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    await writer.drain()
    answer = Answer(cap)
    while True:
        data = await reader.read(PIECE)
        if not data:
            if answer.end():
                break
            raise HungUpError
        if answer.feed(data):
            break
    if answer.truncated:
        raise AnswerError(f"the answer is longer than {cap} bytes")
    return answer.status, answer.body
