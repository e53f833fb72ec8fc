"""The policy packs that come with AfterCall, read and checked once, and what an account has made of them (S5)."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from aftercall.domain.guard.changes import PolicyChange, applied, fitting
from aftercall.domain.guard.policy import Policy
from aftercall.domain.guard.policy_file import read


@cache
def packs() -> tuple[Policy, ...]:
    """All packs, in the order of their ids. Raises Invalid for a pack that is wrong: a mistake in the build."""
    folder = files("aftercall.domain.guard") / "packs"
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name
    )
    return tuple(read(file.read_bytes()) for file in found)


def check(changes: Iterable[PolicyChange]) -> tuple[Policy, ...]:
    """What the changes would make of the packs. Raises Invalid for one that cannot be or loosens unasked."""
    return applied(packs(), changes)


def in_force(changes: Iterable[PolicyChange] = ()) -> tuple[Policy, ...]:
    """The packs with an account's stored changes, without those that a newer pack has overtaken."""
    wanted = tuple(changes)
    return applied(packs(), fitting(packs(), wanted)) if wanted else packs()
