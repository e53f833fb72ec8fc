"""/v1/rules: post-call actions: who gets which message after which calls (S1, S4)."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask, Listing, PageQuery, operation
from aftercall.api.setups import add, change, delete, find, settings_of
from aftercall.channels.email.address import mailbox
from aftercall.domain.errors import Conflict, Invalid
from aftercall.domain.rule import Recipients, Rule
from aftercall.domain.webhook import Filters
from aftercall.engine.setup_rule import MAX_RULES, change_rule, check_crowd, chooses_anew, new_rule
from aftercall.engine.setup_rule_form import NewRuleForm, RuleForm

TAG = "Post-call actions"
READ, WRITE = "messages:read", "messages:write"
ITEM = "/v1/rules/{rule_id}"
EXAMPLE = {"name": "Missed call", "channel": "sms", "events": ["missed"], "recipients": "caller",
           "filters": {"directions": ["inbound"]}}  # fmt: skip


class RuleOut(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    channel: Literal["sms", "email", "webhook"]
    status: Literal["enabled", "disabled"]
    position: int
    events: tuple[str, ...]
    triggers: tuple[str, ...]
    filters: Filters
    hold_for: tuple[str, ...]
    hold_seconds: int
    recipients: Recipients
    to: tuple[str, ...]
    template_id: str | None
    sender_id: str | None
    connection_id: str | None
    webhook_id: str | None
    include_results: bool
    max_age_minutes: int
    created_at: datetime
    updated_at: datetime
    notes: tuple[str, ...] = ()


class OrderForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    ids: Annotated[
        list[Annotated[str, Meta(max_length=200)]],
        Meta(max_length=MAX_RULES, description="All actions, in the order they are to run."),
    ]


class RulesOut(msgspec.Struct, frozen=True):
    items: tuple[RuleOut, ...]


@operation("POST", "/v1/rules", WRITE, "Add a post-call action", tag=TAG, status=201, example=EXAMPLE)
async def create_rule(ask: Ask, data: NewRuleForm) -> RuleOut:
    """Without `template_id` it sends the summary of the call. For a call at most ten run, in their order: one that
    could be the eleventh for some call is refused (409), which names the call and the others.
    """
    settings, known = await settings_of(ask), await _all(ask)
    if len(known) >= MAX_RULES:
        raise Conflict(f"An account may have {MAX_RULES} actions.")
    rule, notes = new_rule(ask.account_id, data, data.channel, settings, mailbox, ask.now)
    if data.position is msgspec.UNSET:
        last = max((one.position for one in known), default=-1)
        rule = msgspec.structs.replace(rule, position=last + 1)
    check_crowd([*settings.rules, rule], rule)
    return _shown(await add(ask, rule), notes)


@operation("GET", "/v1/rules", READ, "List post-call actions", tag=TAG)
async def list_rules(ask: Ask, query: PageQuery) -> Listing[RuleOut]:
    """By the time they were made; they run by `position`."""
    page = await ask.app.store.list_setup(Rule, ask.account_id, query.cursor, query.limit)
    return Listing(tuple(_shown(rule) for rule in page.items), page.next_cursor)


@operation("PUT", "/v1/rules/order", WRITE, "Put all post-call actions in order", tag=TAG)
async def order_rules(ask: Ask, data: OrderForm) -> RulesOut:
    known = {rule.id: rule for rule in await _all(ask)}
    if sorted(data.ids) != sorted(known):
        raise Invalid.field("ids", "must name every action of the account once")
    for position, rule_id in enumerate(data.ids):
        if known[rule_id].position != position:
            known[rule_id] = await _move(ask, rule_id, position)
    return RulesOut(tuple(_shown(known[rule_id]) for rule_id in data.ids))


@operation("GET", ITEM, READ, "Read a post-call action", tag=TAG)
async def get_rule(ask: Ask, rule_id: str) -> RuleOut:
    return _shown(await find(ask, Rule, rule_id))


@operation("PATCH", ITEM, WRITE, "Change a post-call action", tag=TAG, example={"status": "disabled"})
async def change_rule_(ask: Ask, rule_id: str, data: RuleForm) -> RuleOut:
    """Messages that are planned already keep their text; of a disabled action they are blocked."""
    notes: list[str] = []

    async def make(before: Rule) -> Rule:
        settings = await settings_of(ask)
        changed, notes[:] = change_rule(before, data, settings, mailbox)
        if chooses_anew(before, changed):
            check_crowd([*(rule for rule in settings.rules if rule.id != rule_id), changed], changed)
        return changed

    return _shown((await change(ask, Rule, rule_id, make))[1], notes)


@operation("DELETE", ITEM, WRITE, "Delete a post-call action", tag=TAG, status=204)
async def delete_rule(ask: Ask, rule_id: str) -> None:
    await delete(ask, Rule, rule_id)


async def _move(ask: Ask, rule_id: str, position: int) -> Rule:
    async def make(before: Rule) -> Rule:
        return msgspec.structs.replace(before, position=position)

    return (await change(ask, Rule, rule_id, make))[1]


async def _all(ask: Ask) -> list[Rule]:
    page = await ask.app.store.list_setup(Rule, ask.account_id, None, 2 * MAX_RULES)
    return list(page.items)


def _shown(rule: Rule, notes: list[str] | None = None) -> RuleOut:
    same = {n: getattr(rule, n) for n in RuleOut.__struct_fields__ if n != "notes"}
    return RuleOut(**same, notes=tuple(notes or ()))


OPERATIONS = (create_rule, list_rules, order_rules, get_rule, change_rule_, delete_rule)
