"""One fact about a leg while it is being heard, and what it gives rise to."""

from datetime import datetime

from aftercall.domain.fact import Data, Fact, Kind
from aftercall.domain.fold.board import Board
from aftercall.domain.fold.story import Story


class Tale:
    def __init__(self, story: Story, board: Board, fact: Fact) -> None:
        self.story, self.board, self.fact = story, board, fact
        self.told: list[Fact] = []

    def tell(self, kind: Kind, data: Data, leg: str | None = None, at: datetime | None = None) -> None:
        fact = self.fact
        self.told.append(
            Fact(
                kind=kind,
                call_key=fact.call_key,
                occurred_at=at or fact.occurred_at,
                natural_id=fact.natural_id,
                received_at=fact.received_at,
                leg=leg,
                data=data,
            )
        )
