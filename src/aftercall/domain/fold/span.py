"""A stretch of time kept open by legs: the conversation, the holds. Legs that overlap count once."""

from datetime import datetime, timedelta

import msgspec

ZERO = timedelta(0)


class Span(msgspec.Struct, omit_defaults=True):
    """Time during which at least one leg was in it. A leg without a name is "", and means any."""

    first: datetime | None = None
    since: datetime | None = None
    total: timedelta = ZERO
    legs: list[str] = []

    def open(self, leg: str, at: datetime) -> bool:
        """False if that says nothing new: the leg is in it, or is the unnamed one under its name."""
        if self.since is None:
            self.since = at
            self.first = self.first or at
        elif not leg or leg in self.legs:
            return False
        elif "" in self.legs:
            self.legs[self.legs.index("")] = leg
            return False
        self.legs.append(leg)
        return True

    def close(self, leg: str, at: datetime) -> bool:
        """Take the leg out (unnamed: all); False if it was not in."""
        if self.since is None:
            return False
        if leg:
            known = leg if leg in self.legs else ""
            if known not in self.legs:
                return False
            self.legs.remove(known)
        else:
            self.legs.clear()
        if not self.legs:
            self.total += max(at - self.since, ZERO)
            self.since = None
        return True

    def until(self, end: datetime) -> timedelta:
        """How long it lasted in all, if it ended then at the latest."""
        return self.total if self.since is None else self.total + max(end - self.since, ZERO)
