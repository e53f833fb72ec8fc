"""Reading a request's body up to a cap, without trusting what it says about its length."""

from litestar.types import Receive

from aftercall.api.access import Headers, header
from aftercall.domain.errors import TooLarge


class Disconnected(Exception):
    """The client went away before it had said everything; nobody waits for an answer."""


async def read_body(receive: Receive, headers: Headers, most: int) -> bytes:
    """The whole body. Raises TooLarge, as early as it can be told, and Disconnected."""
    length = header(headers, b"content-length")
    if length is not None and length.isdigit() and int(length) > most:
        raise TooLarge(f"The body may have at most {most} bytes.")
    body, more = await _part(receive)
    if not more:
        _check(len(body), most)
        return body
    parts, size = [body], len(body)
    while more:
        _check(size, most)
        part, more = await _part(receive)
        parts.append(part)
        size += len(part)
    _check(size, most)
    return b"".join(parts)


async def _part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    return message["body"], message["more_body"]


def _check(size: int, most: int) -> None:
    if size > most:
        raise TooLarge(f"The body may have at most {most} bytes.")
