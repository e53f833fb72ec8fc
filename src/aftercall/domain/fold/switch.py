"""What a switch's facts about single legs mean for the call: facts about the call, told in their place.

A switch (a PBX) tells of channels, dials and bridges; nobody says "the call was answered". Which leg is the
customer's, who was rung and who talked to whom follows from all of them: `conversation.py`, and the board.
"""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from aftercall.domain.fact import By, Data, Fact, Hangup, Kind, Line
from aftercall.domain.fold import dials
from aftercall.domain.fold.agents import fuller
from aftercall.domain.fold.board import Board, Leg
from aftercall.domain.fold.conversation import begin_midway, follow
from aftercall.domain.fold.story import Story
from aftercall.domain.fold.tale import Tale

# Two records of one transfer (an event and an entry in a log) are that far apart at most.
ECHO = timedelta(seconds=1)
MERGED = "merged"  # the flag of a leg's end that is its move to another call


def hear(story: Story, fact: Fact) -> list[Fact]:
    """The facts about the call that follow from one about a leg, given those heard before."""
    line = fact.line or Line()
    board = story.board
    if board is None:
        board = story.board = Board()
    tale = Tale(story, board, fact)
    if fact.data.flags:
        tale.tell(Kind.NOTED, Data(flags=fact.data.flags))
    if fact.leg is None:
        if not board.over and (not board.talking or fact.data.hangup is not None):
            for leg in board.legs.values():
                dials.missed(tale, leg, dials.why_missed(board, leg))
            _all_gone(tale, fact.data)
        return tale.told
    leg = board.meet(fact, line)
    said = fact.data.agent
    if said is not None and (leg.agent is None or leg.agent.id == said.id):
        leg.agent = fuller(leg.agent or said, said)
    HEARD.get(fact.kind, _noted)(tale, leg, line)
    return tale.told


def _came_in(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    """A leg somebody placed. The first is what the call is about; a later one is an agent asking a colleague."""
    board, data = tale.board, tale.fact.data
    if board.root is not None:
        leg.side = "agent" if leg.agent else None
        return
    board.root = leg.key
    leg.side = "agent" if data.direction == "outbound" else "customer"
    tale.tell(tale.fact.kind, data, leg.key)


def _noted(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    """A leg is there, its caller has a name now, or somebody asks to hang up (data.hangup)."""
    data = tale.fact.data
    if data.hangup is not None:
        _asked(tale, leg, data.hangup)
    elif data.from_ is not None and leg.key == tale.board.root and leg.side == "customer":
        tale.tell(Kind.NOTED, Data(from_=data.from_, from_name=data.from_name))


def _asked(tale: Tale, leg: Leg, hangup: Hangup) -> None:
    """Who hangs up: a party of the conversation, or the caller where there is none. Others just leave."""
    board = tale.board
    leg.hangup = leg.hangup or hangup
    if leg.key == board.root:
        board.left = True
        if not (board.talking and board.by):
            board.by = _role(tale, leg)
    elif board.spoke and board.by is None and (leg.attempt in board.spoke or leg.side == "customer"):
        board.by = _role(tale, leg)


def _role(tale: Tale, leg: Leg) -> By:
    board = tale.board
    if leg.key == board.root and not board.originated:
        return "caller"
    return "agent" if leg.attempt else "callee"


def _bridged(tale: Tale, leg: Leg, line: Line) -> None:
    leg.bridge = line.bridge
    follow(tale)


def _unbridged(tale: Tale, leg: Leg, line: Line) -> None:
    if leg.bridge == line.bridge:
        leg.bridge = None
        follow(tale)


def _gone(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    board, data = tale.board, tale.fact.data
    if leg.arrived and MERGED in data.flags:
        return  # it left another call for this one, and both are told as one
    if leg.gone:
        return  # its first end is its end: a later one was not seen, or is that of the call it went to
    leg.gone, leg.bridge = True, None
    leg.hangup = data.hangup if leg.hangup is None or leg.key == board.root else leg.hangup
    follow(tale)
    if not leg.settled:
        dials.missed(tale, leg, dials.why_missed(board, leg))
    elif leg.attempt == leg.key and leg.key not in board.talking:
        tale.tell(Kind.DISCONNECTED, Data(), leg.key)  # also where no bridge of it was seen (a gap)
    if leg.key == board.root:
        board.end = data
    if board.over:
        _all_gone(tale, Data())


def _all_gone(tale: Tale, data: Data) -> None:
    """The call has ended: its phones are gone, or the switch says so (a fact without a leg).

    A call that was joined by another hears the end of that one's key, too: it goes on as long as people talk.
    """
    board, story = tale.board, tale.story
    root = board.legs.get(board.root or "")
    said = data.hangup or (root.hangup if root is not None else None) or Hangup()
    by = said.by or board.by or "system"
    hangup = Hangup(cause=said.cause, cause_code=said.cause_code, by=by)
    ended = msgspec.structs.replace(board.end or Data(), agent=None, hangup=hangup, flags=())
    if board.originated and story.to is None and root is not None:
        ended = msgspec.structs.replace(ended, to=root.from_)  # never dialled: the number the agent was shown
    if data.reason is not None:
        ended = msgspec.structs.replace(ended, reason=data.reason)
    tale.tell(Kind.ENDED, ended)


def _transferred(tale: Tale, leg: Leg, line: Line) -> None:
    """Handed on. Of an attended transfer the leg is the one it went to, as the switch shows it then."""
    board, at, transfer = tale.board, tale.fact.occurred_at, tale.fact.data.transfer
    kind = transfer.kind if transfer is not None else ""
    before = board.transferred_at.get(kind)
    if before is None or at - before > ECHO:
        board.transferred_at[kind], board.by = at, None
        tale.tell(Kind.TRANSFERRED, tale.fact.data, leg.key)
    if line.bridge is not None:
        leg.up, leg.bridge, leg.arrived = True, line.bridge, True
        follow(tale)


def _of_the_customer(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    """Keys, menus and voicemail count when they are the customer's; each digit may pass several legs."""
    board, kind, story = tale.board, tale.fact.kind, tale.story
    if leg.side != "customer" and not (leg.half == 2 and board.side_of(leg) == "customer"):
        return
    if kind is Kind.IVR_ANSWERED and story.where == "menu" and story.ivr == tale.fact.data.ivr:
        return
    if kind is Kind.VOICEMAIL_STARTED:
        if leg.voicemail:
            return
        leg.voicemail = True
    if kind is Kind.VOICEMAIL_LEFT:
        elsewhere = (
            tale.fact.data.voicemail is not None and not leg.voicemail
        )  # somebody looks after their box
        if leg.message or elsewhere:
            return
        leg.message = True
    tale.tell(kind, tale.fact.data, leg.key)


def _waits(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    """Found in a queue after a gap (H15). That the caller came there may be known; a PBX lists them until a moment
    after an agent has answered. Or nothing is known of the call at all (H5).
    """
    story, queue = tale.story, tale.fact.data.queue
    if story.been_in_queue and story.queue == queue:
        return
    if tale.board.root is None:
        begin_midway(tale)
    tale.tell(tale.fact.kind, tale.fact.data, leg.key)


def _held(tale: Tale, leg: Leg, line: Line) -> None:  # noqa: ARG001
    if leg.side is not None:
        tale.tell(tale.fact.kind, Data(), leg.attempt or leg.key)


HEARD: dict[Kind, Callable[[Tale, Leg, Line], None]] = {
    Kind.RECEIVED: _came_in,
    Kind.INITIATED: _came_in,
    Kind.AGENT_DIALED: dials.dialed,
    Kind.RINGING: dials.rings,
    Kind.ANSWERED: dials.up,
    Kind.AGENT_ANSWERED: dials.succeeded,
    Kind.AGENT_MISSED: dials.failed,
    Kind.CONNECTED: _bridged,
    Kind.DISCONNECTED: _unbridged,
    Kind.HELD: _held,
    Kind.RESUMED: _held,
    Kind.TRANSFERRED: _transferred,
    Kind.DTMF: _of_the_customer,
    Kind.IVR_ANSWERED: _of_the_customer,
    Kind.VOICEMAIL_STARTED: _of_the_customer,
    Kind.VOICEMAIL_LEFT: _of_the_customer,
    Kind.DEPARTMENT_ENTERED: _waits,
    Kind.ENDED: _gone,
}
