"""Who talks to whom: a customer and an agent hear each other as long as bridges join their legs."""

from aftercall.domain.fact import Data, Kind
from aftercall.domain.fold.board import Leg
from aftercall.domain.fold.tale import Tale


def follow(tale: Tale) -> None:
    """Tell who has joined the conversation and who has left it, now that a leg has moved."""
    board = tale.board
    if board.root is None:
        begin_midway(tale)
    parties: dict[str, Leg] = {}
    for customer in [leg for leg in board.legs.values() if leg.side == "customer" and leg.bridge]:
        for leg in board.company(customer):
            if leg.side is None and leg is not customer:
                _adopt(tale, leg)
            if leg.side == "agent":
                parties.setdefault(leg.attempt or leg.key, leg)
    for key in [key for key in board.talking if key not in parties]:
        del board.talking[key]
        tale.tell(Kind.DISCONNECTED, Data(), key)
    for key, leg in parties.items():
        if key not in board.talking:
            if not board.talking:
                board.spoke = {}
            board.talking[key] = board.spoke[key] = True
            board.by = None
            agent = board.legs[key].agent if key in board.legs else leg.agent
            tale.tell(Kind.CONNECTED, Data(agent=agent or leg.agent), key)


def _adopt(tale: Tale, leg: Leg) -> None:
    """A phone nobody was seen dialling, in a bridge with the customer: one of ours (pickup, a gap, a conference)."""
    if leg.pair is None:
        leg.side, leg.attempt, leg.settled = "agent", leg.key, True
        root = tale.board.legs.get(tale.board.root or "")
        if root is not None and root.side == "agent" and leg.agent is None:
            leg.side, leg.attempt = "customer", None


def begin_midway(tale: Tale) -> None:
    """The call's beginning was not seen (H5): it is about the leg the switch named it after."""
    board = tale.board
    root = next((leg for leg in board.legs.values() if leg.first), None)
    if root is None:
        return
    board.root, root.side = root.key, "agent" if root.agent else "customer"
    tale.tell(Kind.NOTED, Data(direction="outbound" if root.agent else "inbound"))
