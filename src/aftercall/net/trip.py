"""How far one request has come. The layers below aiohttp write it; the door reads it when something fails."""

from contextvars import ContextVar

from aftercall.net.errors import Phase

UNDIALLED: frozenset[Phase] = frozenset(("waiting for a free connection", "looking up the host name"))
SENT: frozenset[Phase] = frozenset(("waiting for the answer", "reading the body"))


class Trip:
    """Mutable on purpose: it travels with the task, and the tasks it starts, in a context variable."""

    __slots__ = ("address", "phase")

    def __init__(self, phase: Phase) -> None:
        self.phase: Phase = phase
        self.address = ""

    @property
    def sent(self) -> bool:
        """True from the moment the request's bytes may have left."""
        return self.phase in SENT


current: ContextVar[Trip | None] = ContextVar("trip", default=None)


def enter(phase: Phase) -> None:
    """Note the phase of the request on whose behalf this runs."""
    trip = current.get()
    if trip is not None:
        trip.phase = phase
