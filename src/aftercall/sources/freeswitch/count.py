"""How far the PBX has counted its events (`Event-Sequence`), so that lost ones are missed and repeated ones are not
read again. A core counts all of its events, whoever listens to them, and may tell them a little out of order.
"""

ORDINARY = 1_000  # numbers in a row that events nobody asked for may take; more, and some were lost
DISORDER = 64  # how far behind the newest an event may come when all are listened to


class Count:
    def __init__(self, *, every: bool) -> None:
        """`every`: all events are listened to, so that any number that does not come is an event lost."""
        self.lost = 0  # events, since somebody set this to 0
        self._every, self._window = every, DISORDER if every else ORDINARY
        self._core, self._top = "", 0
        self._recent: set[int] = set()  # numbers above top - window

    def take(self, core: str, number: int | None) -> bool:
        """Whether this event is a new one."""
        if number is None:
            return True
        if core != self._core:
            self._core, self._top = core, number
            self._recent = set(range(number - self._window + 1, number + 1))  # nothing before it is missed
            return True
        if number <= self._top - self._window or number in self._recent:
            return False
        self._recent.add(number)
        if number > self._top:
            self._advance(number)
        return True

    def _advance(self, top: int) -> None:
        passed, self._top = top - self._top, top
        if not self._every:
            self.lost += passed - 1 if passed > self._window else 0
            if len(self._recent) > 2 * self._window:
                self._recent = {number for number in self._recent if number > top - self._window}
            return
        left = [number for number in self._recent if number <= top - self._window]
        self._recent.difference_update(left)
        self.lost += passed - len(left)
