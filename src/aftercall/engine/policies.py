"""The policy packs that come with AfterCall, read and checked once, and what an account has made of them (S5)."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from aftercall.domain.guard.changes import PolicyChange, applied
from aftercall.domain.guard.policy import Policy, read


@cache
def packs() -> tuple[Policy, ...]:
    """All packs, in the order of their ids. Raises Invalid for a pack that is wrong: a mistake in the build."""
    folder = files("aftercall.domain.guard") / "packs"
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name
    )
    return tuple(read(file.read_bytes()) for file in found)


def in_force(changes: Iterable[PolicyChange] = ()) -> tuple[Policy, ...]:
    """The packs with an account's changes. Raises Invalid for a change that cannot be or loosens unasked."""
    wanted = tuple(changes)
    return applied(packs(), wanted) if wanted else packs()
