"""One attempt at a text: its parts one after the other, and what their answers amount to.

Parts wait for each other, so that nothing has gone where the first is refused. Once one is taken, the attempt is
never to be repeated as a whole: a later part that the SMSC throttles is tried again here, any other failure is final.
A first part that is throttled comes back by the connection's schedule, which is more patient than the session's pace.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from aftercall.channels.sms.smpp import statuses
from aftercall.channels.sms.smpp.ids import Ids
from aftercall.channels.sms.smpp.message import ShortMessage, encode
from aftercall.channels.sms.smpp.pace import Busy
from aftercall.channels.sms.smpp.pdu import GENERIC_NACK, OK, Fields, Pdu
from aftercall.channels.sms.smpp.session import NotSent, Session, Unanswered
from aftercall.domain.delivery import Outcome

INSISTENCE = 5  # times that a throttled part is tried after an earlier one was taken


async def hand_over(session: Session, ids: Ids, messages: Sequence[ShortMessage], reference: str) -> Outcome:
    taken: list[str] = []
    for number, message in enumerate(messages, 1):
        failure, id_ = await _part(session, encode(message), reference, ids, insist=number > 1)
        if failure is not None:
            return failure if number == 1 else _broken_off(failure, number, len(messages), taken)
        taken.append(id_)
    known = tuple(id_ for id_ in taken if id_)
    detail = "" if known else "the SMSC gave no message id: receipts cannot be matched"
    return Outcome(ok=True, provider_ids=known, segments=len(messages), detail=detail)


async def _part(
    session: Session, body: bytes, reference: str, ids: Ids, *, insist: bool
) -> tuple[Outcome | None, str]:
    """What went wrong, or the part's id."""
    for left in range(INSISTENCE if insist else 0, -1, -1):
        try:
            answer = await session.submit(body, reference)
        except Busy as busy:
            if left:
                await asyncio.sleep(busy.seconds)
                continue
            detail = "the SMSC has asked for fewer messages: this one has to wait"
            return Outcome(ok=False, error="throttled", detail=detail), ""
        except NotSent as why:
            return Outcome(ok=False, error="unavailable", detail=f"not sent: {why}"), ""
        except Unanswered as why:
            return _in_doubt(str(why)), ""
        if answer.status == OK and answer.command != GENERIC_NACK:
            return None, ids.submitted(Fields(answer.body).text())
        throttled = answer.status in statuses.THROTTLED
        if throttled:
            session.pace.throttled()
        if not (throttled and left):
            return _refused(answer), ""
    raise AssertionError("unreachable")


def _refused(answer: Pdu) -> Outcome:
    known, code = statuses.known(answer.status), statuses.code(answer.status)
    return Outcome(
        ok=False,
        error=known.error,
        detail=f"{known.hint} ({code})",
        retry=known.retry,
        suppress=known.suppress,
        provider_code=code,
    )


def _in_doubt(why: str) -> Outcome:
    detail = f"the SMSC may have taken the message: {why}; it is not sent again by itself"
    return Outcome(ok=False, error="timeout", detail=detail, retry=False, in_doubt=True)


def _broken_off(failure: Outcome, number: int, count: int, taken: Sequence[str]) -> Outcome:
    """Some of it is gone. Receipts of those parts may come: their ids are kept."""
    detail = f"parts 1 to {number - 1} of {count} were taken, part {number} was not: {failure.detail}"
    if failure.in_doubt:
        detail = f"parts 1 to {number - 1} of {count} were taken; of part {number}, {failure.detail}"
    known = tuple(id_ for id_ in taken if id_)
    return msgspec.structs.replace(failure, detail=detail, retry=False, provider_ids=known)
