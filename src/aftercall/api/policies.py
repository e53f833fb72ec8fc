"""/v1/policies: what the law, carriers and good manners ask of messages here, and what the account changed (S5)."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from aftercall.api.operation import TRIES, Ask, operation
from aftercall.domain.errors import Conflict, Forbidden, Invalid, NotFound
from aftercall.domain.guard.changes import AccountPolicies, PolicyChange
from aftercall.domain.guard.policy import Policy
from aftercall.engine.policies import check, in_force, packs
from aftercall.engine.setup import check_texts

log = logging.getLogger(__name__)

TAG = "Policies"
READ, WRITE, OVERRIDE = "messages:read", "messages:write", "messages:override"
MAX_CHANGES = 200
Changes = dict[str, PolicyChange]  # by rule
EXAMPLE = {"changes": [{"rule": "us.tcpa.hours", "values": {"start": "09:00"}, "reason": "Our own promise"}]}


class PolicyChangeForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """New values for members of a rule, in the place of an earlier change of it.

    A rule of the account's own begins with `account.` and names all members, its `kind` too. `loosens` says that
    more is to be allowed than the pack allows.
    """

    rule: Annotated[str, Meta(min_length=1, max_length=100, examples=["us.tcpa.hours"])]
    values: Annotated[dict[str, Any], Meta(min_length=1, max_length=30)]
    loosens: bool = False
    reason: Annotated[str, Meta(max_length=1000, description="Why; kept with the change.")] = ""


class PoliciesForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    changes: Annotated[list[PolicyChangeForm], Meta(min_length=1, max_length=MAX_CHANGES)]


class ChangeOut(msgspec.Struct, frozen=True, kw_only=True):
    """`before` are the pack's own values of what was changed."""

    values: dict[str, Any]
    before: dict[str, Any]
    loosens: bool
    reason: str
    by: str
    at: datetime | None


class PolicyRuleOut(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it counts for this account. `values` are its members; `verified`: its page was read for it."""

    id: str
    kind: str
    enabled: bool
    values: dict[str, Any]
    source_url: str
    verified: bool
    note: str
    change: ChangeOut | None


class PolicyOut(msgspec.Struct, frozen=True, kw_only=True):
    """A pack, or the account's own rules. `version` stands in every decision made by it."""

    id: str
    version: str
    title: str
    note: str
    rules: tuple[PolicyRuleOut, ...]


class Policies(msgspec.Struct, frozen=True):
    items: tuple[PolicyOut, ...]


@operation("GET", "/v1/policies", READ, "The policies in force", tag=TAG)
async def list_policies(ask: Ask) -> Policies:
    """Every rule with where it comes from: its pack, the pack's version, its page, and who changed what."""
    return _shown(await _stored(ask))


@operation("PATCH", "/v1/policies", WRITE, "Change policies", tag=TAG, example=EXAMPLE)
async def change_policies(ask: Ask, data: PoliciesForm) -> Policies:
    """To tighten takes no more than this. What allows more than a pack does needs `loosens`, and of the API key the
    scope `messages:override`; it is logged.
    """
    if any(one.loosens for one in data.changes) and OVERRIDE not in ask.caller.scopes:
        raise Forbidden(f"This API key lacks the scope {OVERRIDE}.")
    made = {one.rule: _made(ask, one) for one in data.changes}
    stored = await _store(ask, lambda known: {**known, **made})
    for change in made.values():
        _note(ask, "policy_loosened" if change.loosens else "policy_changed", change.rule)
    return _shown(stored)


@operation("DELETE", "/v1/policies/{policy_rule}", WRITE, "Take a change back", tag=TAG, status=204)
async def restore_policy(ask: Ask, policy_rule: str) -> None:
    """The rule is as its pack has it; one of the account's own is gone."""

    def without(known: Changes) -> Changes:
        if policy_rule not in known:
            raise NotFound("There is no change of such a rule.")
        return {rule: change for rule, change in known.items() if rule != policy_rule}

    await _store(ask, without)
    _note(ask, "policy_restored", policy_rule)


def _made(ask: Ask, form: PolicyChangeForm) -> PolicyChange:
    check_texts(reason=form.reason)
    return PolicyChange(
        rule=form.rule,
        values=form.values,
        loosens=form.loosens,
        reason=form.reason,
        by=ask.caller.name,
        at=ask.now,
    )


async def _stored(ask: Ask) -> AccountPolicies:
    page = await ask.app.store.list_setup(AccountPolicies, ask.account_id, None, 1)
    # One of an account, so its id is the account's: two that make the first change at once cannot make two.
    id_ = "pol_" + ask.account_id.removeprefix("ac_")
    return page.items[0] if page.items else AccountPolicies(id=id_, account_id=ask.account_id, version=0)


async def _store(ask: Ask, make: Callable[[Changes], Changes]) -> AccountPolicies:
    for _ in range(TRIES):
        before = await _stored(ask)
        changes = tuple(make({change.rule: change for change in before.changes}).values())
        if len(changes) > MAX_CHANGES:
            raise Invalid.field("changes", f"an account may change {MAX_CHANGES} rules")
        check(changes)  # raises Invalid for what cannot be, or loosens unasked
        after = msgspec.structs.replace(before, changes=changes, version=before.version + 1)
        if before.version == 0:
            await ask.app.store.add_setup(after)
        elif not await ask.app.store.update_setup(after):
            continue
        ask.changed()
        return after
    raise Conflict("Somebody else is changing the policies.")


def _note(ask: Ask, event: str, rule: str) -> None:
    """For whoever audits: who moved which rule."""
    log.info(event, extra={"account_id": ask.account_id, "key_id": ask.caller.key_id, "policy_rule": rule})


def _shown(stored: AccountPolicies) -> Policies:
    changes = {change.rule: change for change in stored.changes}
    original = {rule.id: _members(rule) for policy in packs() for rule in policy.rules}
    return Policies(tuple(_policy(policy, changes, original) for policy in in_force(stored.changes)))


def _policy(policy: Policy, changes: Changes, original: dict[str, dict[str, Any]]) -> PolicyOut:
    return PolicyOut(
        id=policy.id,
        version=policy.version,
        title=policy.title,
        note=policy.note,
        rules=tuple(_rules(policy.rules, changes, original)),
    )


def _rules(
    rules: Iterable[Any], changes: Changes, original: dict[str, dict[str, Any]]
) -> Iterable[PolicyRuleOut]:
    for rule in rules:
        values = _members(rule)
        change = changes.get(rule.id)
        told = {name: values.pop(name) for name in ("id", "enabled", "source_url", "verified", "note")}
        yield PolicyRuleOut(
            kind=values.pop("kind"),
            values=values,
            change=None if change is None else _change(change, original.get(rule.id, {})),
            **told,
        )


def _change(change: PolicyChange, original: dict[str, Any]) -> ChangeOut:
    return ChangeOut(
        values=change.values,
        before={name: original[name] for name in change.values if name in original},
        loosens=change.loosens,
        reason=change.reason,
        by=change.by,
        at=change.at,
    )


def _members(rule: Any) -> dict[str, Any]:
    """All of them, those with their usual value as well."""
    return {"kind": type(rule).__struct_config__.tag, **msgspec.structs.asdict(rule)}


OPERATIONS = (list_policies, change_policies, restore_policy)
