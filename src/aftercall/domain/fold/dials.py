"""Dials: who is rung for a call, and what becomes of it. A leg's first outcome is its outcome (H2)."""

from aftercall.domain.causes import answered_elsewhere, reason_of
from aftercall.domain.fact import Agent, Data, Hangup, Kind, Line, Reason
from aftercall.domain.fold.board import Board, Leg
from aftercall.domain.fold.tale import Tale

ELSEWHERE = Hangup(cause_code=26)


def dialed(tale: Tale, leg: Leg, line: Line) -> None:
    board, by = tale.board, line.dialed_by
    if leg.dialed_by is not None or by is None:
        return
    leg.dialed_by = by
    if by == "":
        _placed(tale, leg)
    else:
        _rung_for(tale, leg, board.legs.get(by))
    if leg.rang:
        rings(tale, leg, line)
    if leg.up:
        _taken(tale, leg)


def _placed(tale: Tale, leg: Leg) -> None:
    """The switch placed this leg itself: a call of ours, unless the other half of it came in as a caller."""
    board, agent = tale.board, leg.agent
    if board.root is not None:
        return
    board.root, board.originated = leg.key, True
    leg.from_ = tale.fact.data.to  # the number the leg is shown; for an agent, usually whom they will call
    typ = tale.fact.data.call_type or tale.story.call_type or ("click_to_call" if agent else None)
    tale.tell(Kind.INITIATED, Data(direction="outbound", call_type=typ, uuid=leg.key), leg.key)
    if agent is None:
        _customer(tale, leg)
    else:
        _attempt(tale, leg)


def _rung_for(tale: Tale, leg: Leg, caller: Leg | None) -> None:
    board = tale.board
    before = board.other_half(caller) if caller is not None and caller.half == 2 else None
    if before is not None and before.attempt is not None:
        leg.attempt, leg.side = before.attempt, "agent"  # the phone of an agent who is being rung already
        return
    if before is not None and before.side == "customer" and before.key != board.root:
        leg.side, leg.settled = "customer", True  # the way on to a customer who is being rung already
        return
    side = board.side_of(caller) if caller is not None else "customer"
    ours = leg.agent is not None and not (
        board.originated and caller is not None and caller.key == board.root
    )
    if leg.half == 1 and leg.agent is None:
        return  # the switch calls itself: whom it rings then is told
    if side == "agent" and not ours:
        _customer(tale, leg)
    else:
        _attempt(tale, leg)


def _attempt(tale: Tale, leg: Leg) -> None:
    leg.attempt, leg.side, leg.answers_before = leg.key, "agent", tale.board.answers
    data = tale.fact.data
    agent = leg.agent or Agent(number=data.to)
    leg.agent = agent
    tale.tell(Kind.AGENT_DIALED, Data(agent=agent, queue=data.queue), leg.key)


def _customer(tale: Tale, leg: Leg) -> None:
    leg.side = "customer"
    data, shown = tale.fact.data, tale.fact.data.caller_id
    said = Data(to=data.to, from_=shown if tale.board.originated else None, caller_id=shown, did=shown)
    tale.tell(Kind.CUSTOMER_DIALED, said, leg.key)


def rings(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    leg.rang = True
    if leg.dialed_by is not None and leg.side is not None:
        tale.tell(Kind.RINGING, Data(), leg.attempt or leg.key)


def up(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    leg.up = True
    if leg.key == tale.board.root:
        tale.tell(Kind.ANSWERED, Data(), leg.key)
    _taken(tale, leg)


def succeeded(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    """Answered, by whom it was dialled for or by a colleague who picked the call up (the leg is theirs then)."""
    said = tale.fact.data.agent
    leg.up = True
    if said is not None and leg.agent is not None and said.id != leg.agent.id and leg.attempt == leg.key:
        missed(tale, leg, None)
        leg.agent, leg.attempt, leg.settled = said, f"{leg.key}+{said.id}", True
        tale.board.answers += 1
        tale.tell(Kind.AGENT_ANSWERED, Data(agent=said), leg.attempt)
        return
    _taken(tale, leg, tale.fact.data.ring_time_seconds)


def _taken(tale: Tale, leg: Leg, ring: int | None = None) -> None:
    """The leg was answered; of an agent's, only the one that was dialled for the call counts."""
    if leg.settled or leg.dialed_by is None:
        return
    if leg.attempt == leg.key:
        leg.settled = True
        tale.board.answers += 1
        tale.tell(Kind.AGENT_ANSWERED, Data(agent=leg.agent, ring_time_seconds=ring), leg.key)
    elif leg.side == "customer":
        leg.settled = True
        tale.tell(Kind.CUSTOMER_ANSWERED, Data(), leg.key)


def failed(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    """The first outcome counts. A cancelled dial has none yet: the leg's end says if another was quicker."""
    data = tale.fact.data
    if data.reason == "caller_cancelled":
        leg.cancelled_at = leg.cancelled_at or tale.fact.occurred_at
    else:
        missed(tale, leg, reason_of(leg.hangup) or data.reason, data.ring_time_seconds)


def missed(tale: Tale, leg: Leg, reason: Reason | None, ring: int | None = None) -> None:
    if leg.settled or leg.dialed_by is None:
        return
    at = leg.cancelled_at or tale.fact.occurred_at
    if leg.attempt == leg.key:
        leg.settled = True
        elsewhere = None if reason else ELSEWHERE
        data = Data(agent=leg.agent, reason=reason, ring_time_seconds=ring, hangup=elsewhere)
        tale.tell(Kind.AGENT_MISSED, data, leg.key, at)
    elif leg.side == "customer":
        leg.settled = True
        tale.tell(Kind.CUSTOMER_MISSED, Data(reason=reason or "no_answer"), leg.key, at)


def why_missed(board: Board, leg: Leg) -> Reason | None:
    """Why a leg that ends without an outcome was missed; None if another answered in its stead."""
    if answered_elsewhere(leg.hangup):
        return None
    if leg.cancelled_at is None:
        return reason_of(leg.hangup) or ("caller_cancelled" if board.left else "no_answer")
    if board.left:
        return "caller_cancelled"
    return None if board.answers > leg.answers_before else reason_of(leg.hangup) or "no_answer"
