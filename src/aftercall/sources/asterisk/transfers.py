"""Transfers and pickup. An attended transfer may join two calls (two linkedids) in one."""

import re

import msgspec

from aftercall.domain.fact import THIS_SOURCE, Data, Fact, Kind, Transfer, alias
from aftercall.sources.asterisk.view import View

_ORDER = re.compile(r"(\d{9,11})\.(\d+)\Z", re.ASCII)


def blind(view: View) -> list[Fact]:
    """Success says that the transfer was understood, not that anybody was reached."""
    transferer = view.dialplan.agent_of(view.get("TransfererChannel"), view.get("TransfererCallerIDName"))
    result = (view.get("Result") or "").casefold() or None
    failed = result is not None and result != "success"
    transfer = Transfer(
        kind="blind", from_agent=transferer, to=view.get("Extension"), result="failed" if failed else result
    )
    prefix = "Transferee" if view.get("TransfereeUniqueid") else "Transferer"
    return view.leg_fact(Kind.TRANSFERRED, Data(transfer=transfer), prefix)


def attended(view: View) -> list[Fact]:
    """Told to the call that lives on, with whom it went to; the other call loses that leg and is over.

    Both are told that they are one. The leg's own linkedid changes in the message after this one, and nothing
    says so.
    """
    if (view.get("Result") or "Success") != "Success":
        return []
    target = "TransferTarget" if view.get("TransferTargetUniqueid") else "SecondTransferer"
    transferee = "Transferee" if view.get("TransfereeUniqueid") else "OrigTransferer"
    keys = [view.call_key(prefix) for prefix in (transferee, "OrigTransferer", target, "SecondTransferer")]
    known = list(dict.fromkeys(key for key in keys if key is not None))
    if not known:
        return []
    survivor = elder(known)
    agent = view.dialplan.agent_of(view.get(f"{target}Channel"), view.get(f"{target}CallerIDName"))
    from_agent = view.dialplan.agent_of(
        view.get("OrigTransfererChannel"), view.get("OrigTransfererCallerIDName")
    )
    transfer = Transfer(
        kind="attended", from_agent=from_agent, to=view.get(f"{target}CallerIDNum"), result="success"
    )
    bridge = view.get("DestBridgeUniqueid")
    moved = view.leg_fact(Kind.TRANSFERRED, Data(transfer=transfer, agent=agent), target, bridge=bridge)
    lost = view.leg_fact(Kind.ENDED, Data(flags=("merged",)), target)
    both = tuple(name for key in known for name in alias(THIS_SOURCE, key)) if len(known) > 1 else ()
    return [_under(fact, survivor, both) for fact in moved] + [
        _under(fact, key, both) for fact in lost for key in known if key != survivor
    ]


def pickup(view: View) -> list[Fact]:
    """A colleague takes a call that rings elsewhere: the ringing leg (Target) is theirs from now on."""
    agent = view.dialplan.agent_of(view.get("Channel"), view.get("CallerIDName"))
    if agent is None:
        return []
    return view.leg_fact(Kind.AGENT_ANSWERED, Data(agent=agent), "Target")


def elder(keys: list[str]) -> str:
    """The linkedid that lives on: the older one. Where ids tell no age, that of who is transferred."""
    ages = {key: found for key in keys if (found := _ORDER.search(key)) is not None}
    if len(ages) < len(keys):
        return keys[0]
    return min(keys, key=lambda key: (int(ages[key][1]), int(ages[key][2])))


def _under(fact: Fact, key: str, aliases: tuple[str, ...]) -> Fact:
    return msgspec.structs.replace(fact, call_key=key, aliases=aliases)
