"""How far the PBX has counted its events (`Event-Sequence`), so that lost ones are missed and repeated ones are not
read again. A core counts all of its events, whoever listens to them, and may tell them a little out of order.
"""

from datetime import datetime

# Numbers in a row that events nobody asked for may take (registrations, presence): so many at any time, and so many
# for each second since the event before. More, and some were lost.
ORDINARY = 1_000
RATE = 500
DISORDER = 64  # how far behind the newest an event may come when all are listened to


class Count:
    def __init__(self, *, every: bool) -> None:
        """`every`: all events are listened to, so that any number that does not come is an event lost."""
        self.lost = 0  # events, since somebody set this to 0
        self._every, self._window = every, DISORDER if every else ORDINARY
        self._core, self._top = "", 0
        self._at: datetime | None = None  # when the newest happened
        self._recent: set[int] = set()  # numbers above top - window

    def take(self, core: str, number: int | None, at: datetime | None = None) -> bool:
        """Whether this event, which happened at this time, is a new one."""
        if number is None:
            return True
        if core != self._core or number <= self._top - self._window:
            self._begin(core, number, at)
            return True
        if number in self._recent:
            return False
        self._recent.add(number)
        if number > self._top:
            self._advance(number, self._since(at))
        return True

    def _begin(self, core: str, number: int, at: datetime | None) -> None:
        """Another core, or a count that makes no sense with what came before: nothing before it is missed."""
        self._core, self._top, self._at = core, number, at
        self._recent = set(range(number - self._window + 1, number + 1))

    def _since(self, at: datetime | None) -> float:
        """Seconds since the newest event until this one, which is the newest from now on."""
        before, self._at = self._at, at or self._at
        return 0.0 if before is None or at is None else max((at - before).total_seconds(), 0.0)

    def _advance(self, top: int, seconds: float) -> None:
        passed, self._top = top - self._top, top
        if not self._every:
            self.lost += passed - 1 if passed > max(ORDINARY, RATE * seconds) else 0
            if len(self._recent) > 2 * self._window:
                self._recent = {number for number in self._recent if number > top - self._window}
            return
        left = [number for number in self._recent if number <= top - self._window]
        self._recent.difference_update(left)
        self.lost += passed - len(left)
