"""What an account changes in its policies: it may tighten anything; to loosen takes a flag, which is audited."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from aftercall.domain.errors import Invalid
from aftercall.domain.guard.policy import Overridable, Policy, Rule, Zone
from aftercall.domain.guard.policy_file import check_rule, checked

OWN = "account"  # the policy that holds an account's own rules; their ids begin with it
# In which direction a value loosens its rule. Everything else: fewer named things loosen, as do fewer covered.
_LATER, _EARLIER, _MORE, _LESS = "later", "earlier", "more", "less"
_LOOSENS = {
    "start": _EARLIER, "end": _LATER, "valid_from": _LATER, "most": _MORE, "longest": _MORE, "segments": _MORE,
    "hours": _LESS,
}  # fmt: skip
_WEIGHT = {"block": 2, "defer": 1, "warn": 0}
_COVERED = ("countries", "categories", "channels", "roles", "sender_kinds")
_ADDING_LOOSENS = ("days", "checks")
_REMOVING_LOOSENS = ("holidays", "shorteners")
_ANY_CHANGE_LOOSENS = ("zone", "region", "prefix", "check")
_DESCRIBING = ("source_url", "note", "verified", "id", "reason")


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """New values for members of a rule; of a rule of the account's own (`account.…`) all, its `kind` too.

    `enabled: false` switches a rule off. The last change of a rule counts.
    """

    rule: str
    values: dict[str, Any]
    loosens: bool = False  # the person means to allow more than the pack does
    reason: str = ""
    by: str = ""
    at: datetime | None = None


class AccountPolicies(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an account has changed, as it is stored."""

    id: str
    account_id: str
    changes: tuple[PolicyChange, ...] = ()
    version: int = 1


def applied(packs: Sequence[Policy], changes: Iterable[PolicyChange]) -> tuple[Policy, ...]:
    """The policies in force for an account. Raises Invalid, naming the rule and member that cannot be."""
    latest = {change.rule: change for change in changes}
    own = tuple(_own(change) for rule, change in latest.items() if rule.startswith(f"{OWN}."))
    known = {rule.id for policy in packs for rule in policy.rules}
    for name in latest:
        if name not in known and not name.startswith(f"{OWN}."):
            raise Invalid.field(
                "rule", f"there is no such rule; one of your own begins with `{OWN}.`", name[:60]
            )
    policies = [_changed(policy, latest) for policy in packs]
    if own:
        policies.append(
            checked(Policy(id=OWN, version=_digest(own), title="The account's own rules", rules=own))
        )
    return tuple(policies)


def fitting(packs: Sequence[Policy], changes: Iterable[PolicyChange]) -> tuple[PolicyChange, ...]:
    """The changes that still can be. A newer pack may lack a rule, or ask more than a change of its allows."""
    return tuple(change for change in changes if _fits(packs, change))


def loosens(old: Rule, new: Rule) -> list[str]:
    """The members in which the new rule allows what the old one did not."""
    before, after = _members(old), _members(new)
    return [
        name for name in before if before[name] != after[name] and _looser(name, before[name], after[name])
    ]


def _changed(policy: Policy, latest: dict[str, PolicyChange]) -> Policy:
    if not any(rule.id in latest for rule in policy.rules):
        return policy
    rules = tuple(_edited(rule, latest[rule.id]) if rule.id in latest else rule for rule in policy.rules)
    version = f"{policy.version}+{_digest(rules)}"
    return checked(msgspec.structs.replace(policy, rules=rules, version=version))


def _digest(rules: tuple[Rule, ...]) -> str:
    """A few characters that stand for these very rules."""
    return sha256(msgspec.json.encode(rules)).hexdigest()[:8]


def _fits(packs: Sequence[Policy], change: PolicyChange) -> bool:
    try:
        applied(packs, (change,))
    except Invalid:
        return False
    return True


def _edited(rule: Rule, change: PolicyChange) -> Rule:
    fixed = {"id", "kind", "source_url", "verified"} & change.values.keys()
    if fixed:
        raise Invalid.field(f"{rule.id}.{min(fixed)}", "cannot be changed")
    new = _rule(rule.id, {**msgspec.to_builtins(rule), **change.values})
    looser = loosens(rule, new)
    if looser and not change.loosens:
        raise Invalid.field(
            f"{rule.id}.{looser[0]}", "allows more than the policy does; set `loosens` if that is meant"
        )
    return new


def _own(change: PolicyChange) -> Rule:
    rule = _rule(change.rule, {**change.values, "id": change.rule, "verified": False})
    if isinstance(rule, Zone | Overridable) and not change.loosens:
        raise Invalid.field(change.rule, "allows more than the policies do; set `loosens` if that is meant")
    return rule


def _rule(name: str, values: dict[str, Any]) -> Rule:
    try:
        rule: Rule = msgspec.convert(values, Rule)
    except msgspec.ValidationError as wrong:
        raise Invalid.field(name, str(wrong)) from None
    check_rule(rule)
    return rule


def _members(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


def _looser(name: str, old: Any, new: Any) -> bool:
    if name in _DESCRIBING:
        return False
    if name == "enabled":
        return not new
    if name == "action":
        return _WEIGHT[new] < _WEIGHT[old]
    if name in _COVERED:
        return bool(new) and (not old or bool(set(old) - set(new)))
    if name in _ADDING_LOOSENS:
        return bool(set(new) - set(old))
    if name in _REMOVING_LOOSENS:
        return bool(set(old) - set(new))
    if name in _ANY_CHANGE_LOOSENS:
        return True
    return bool(new < old) if _LOOSENS[name] in (_EARLIER, _LESS) else bool(new > old)
