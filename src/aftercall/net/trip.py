"""How far one request has come. Written on the way, read by the door when something fails."""

from contextvars import ContextVar

from aftercall.net.errors import Phase

SENT: frozenset[Phase] = frozenset(("sending the request", "waiting for the answer", "reading the body"))


class Trip:
    """Mutable on purpose: it travels with the task, and the tasks it starts, in a context variable."""

    __slots__ = ("phase",)

    def __init__(self, phase: Phase) -> None:
        self.phase: Phase = phase

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
