"""What the account knows about a fact's people and numbers: names from its directory, numbers as E.164 (D1)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from aftercall.domain.fact import ASSUMED, Agent, Data, Fact, Kind, Named
from aftercall.domain.phone import E164, normalise
from aftercall.engine.rows import Settings

Directory = Mapping[tuple[str, str], tuple[str, str, dict[str, Any]]]

_ANONYMOUS = "+266696687"  # looks like a number, spells ANONYMOUS


def enrich(fact: Fact, settings: Settings) -> Fact:
    """The fact with its numbers in E.164 where they can be read, and with the directory's ids and names.

    The directory speaks last: its id and name replace the source's, so that every source means one agent.
    """
    data, directory = fact.data, settings.directory
    changed = _numbers(data, settings.account.country)
    if directory:
        _people(data, directory, changed)
        _ours(data, directory, changed)
    if not changed:
        return fact
    assumed = fact.kind is Kind.RECEIVED and ASSUMED in data.flags
    kind = Kind.INITIATED if assumed and changed.get("direction") == "outbound" else fact.kind
    return msgspec.structs.replace(fact, kind=kind, data=msgspec.structs.replace(data, **changed))


def _numbers(data: Data, country: str | None) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name in ("from_", "to", "did", "caller_id"):
        raw = getattr(data, name)
        if raw is None or (E164.fullmatch(raw) and raw != _ANONYMOUS):
            continue
        number = normalise(raw, country)
        changed[name] = number.best
        if name == "from_" and number.presentation == "anonymous":
            changed["from_presentation"] = "anonymous"
    if data.agent is not None and data.agent.number:
        number = normalise(data.agent.number, country)
        if number.best != data.agent.number:
            changed["agent"] = msgspec.structs.replace(data.agent, number=number.best)
    return changed


def _people(data: Data, directory: Directory, changed: dict[str, Any]) -> None:
    agent = changed.get("agent", data.agent)
    if agent is not None and (known := _agent(agent, directory)) is not None:
        changed["agent"] = known
    if data.transfer is not None and data.transfer.from_agent is not None:
        known = _agent(data.transfer.from_agent, directory)
        if known is not None:
            changed["transfer"] = msgspec.structs.replace(data.transfer, from_agent=known)
    for field, kind in (("queue", "queue"), ("ivr", "menu"), ("auto_attendant", "menu")):
        named: Named | None = getattr(data, field)
        if named is not None:
            found = _find(directory, kind, named.id, named.name)
            if found is not None:
                changed[field] = Named(found[0], found[1] or named.name)


def _agent(agent: Agent, directory: Directory) -> Agent | None:
    found = _find(directory, "agent", agent.id, agent.number, agent.follow_me_number, agent.name)
    if found is None:
        return None
    known, name, details = found
    return msgspec.structs.replace(
        agent, id=known, name=name or agent.name, number=agent.number or _text(details.get("number"))
    )


def _ours(data: Data, directory: Directory, changed: dict[str, Any]) -> None:
    """Our own numbers tell the direction and the DID where the source does not."""
    from_, to = changed.get("from_", data.from_), changed.get("to", data.to)
    assumed = ASSUMED in data.flags
    direction = None if assumed else data.direction
    if direction is None:
        if to is not None and ("number", to) in directory:
            direction = "inbound"
        elif from_ is not None and ("number", from_) in directory:
            direction = "outbound"
        if direction is not None:
            changed["direction"] = direction
            if assumed:
                changed["flags"] = tuple(flag for flag in data.flags if flag != ASSUMED)
        direction = direction or data.direction
    ours = to if direction == "inbound" else from_ if direction == "outbound" else None
    if changed.get("did", data.did) is None and ours is not None and ("number", ours) in directory:
        changed["did"] = ours


def _find(directory: Directory, kind: str, *keys: str | None) -> tuple[str, str, dict[str, Any]] | None:
    for key in keys:
        if key is not None and (found := directory.get((kind, key))) is not None:
            return found
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
