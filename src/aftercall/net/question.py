"""A question to a source's vendor, through the door."""

from aftercall.engine.upstream import Lost, Question
from aftercall.net.door import Door, NetError, Request

DEADLINE = 5.0  # seconds
LONGEST = 4 << 20  # bytes of an answer: a call of hours with all its words


async def ask(door: Door, question: Question) -> tuple[int, bytes]:
    """Status and body of the answer. Raises Lost."""
    request = Request(
        question.method, question.url, question.headers, question.body, timeout=DEADLINE, body_cap=LONGEST
    )
    try:
        answer = await door.request(request)
    except NetError as error:
        raise Lost(str(error)) from None
    if answer.truncated:
        raise Lost(f"the answer is longer than {LONGEST} bytes")
    return answer.status, answer.body
