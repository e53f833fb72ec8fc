"""The custom body: the webhook's own template, filled with what is known of the call (T6)."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from aftercall.domain import roots
from aftercall.domain.call import Call
from aftercall.domain.classic import VALUES, View, value
from aftercall.domain.event import Event
from aftercall.domain.paths import ROOTS, Variable
from aftercall.domain.template import Lazy, Schema, Template, compile  # noqa: A004
from aftercall.domain.trigger import HANGUP_VARIABLES, TRIGGERS
from aftercall.domain.trigger import variables as trigger_variables
from aftercall.domain.webhook import Webhook
from aftercall.domain.wire import dumps, tidy

SCHEMA: Schema = {
    **{root: frozenset(members) for root, members in ROOTS.items()},
    "classic": frozenset(VALUES),
    "vars": None,
}


def custom(webhook: Webhook, trigger: str, event: Event, call: Call, source_id: str | None = None) -> Any:
    """The filled template: a JSON value, or a text where the template is one.

    The webhook's extra body values stand beside an object's own members and never replace them.
    """
    body = compiled(webhook).render(Context(webhook, trigger, event, call, source_id))
    if isinstance(body, dict):
        body.update({name: extra for name, extra in webhook.body.items() if name not in body})
    return tidy(body)


def check(template: Any, zone: str = "UTC") -> None:
    """Raise Invalid, with field and position, when the template cannot be used."""
    compile(template, SCHEMA, zone=zone)


def compiled(webhook: Webhook) -> Template:
    """The webhook's template, compiled when first used."""
    return _compiled(dumps(webhook.template), webhook.time_zone)


def variables() -> list[Variable]:
    """Everything a template may name, in the order to show it."""
    listed = [
        Variable(f"{root}.{name}", kind, meaning)
        for root, members in ROOTS.items()
        for name, (kind, meaning) in members.items()
    ]
    listed.append(Variable("vars", "object", "Variables extracted by analysis, each under its name"))
    listed.extend(Variable(f"classic.{name}", _kind(name), "Classic variable") for name in VALUES)
    return listed


class Context(dict[str, Any]):
    """The roots of a template's paths, each made when first asked for."""

    def __init__(
        self, webhook: Webhook, trigger: str, event: Event, call: Call, source_id: str | None
    ) -> None:
        super().__init__(
            account={"id": webhook.account_id},
            source={"id": source_id},
            webhook={"id": webhook.id, "name": webhook.name},
        )
        self._view = View(webhook, trigger, event, call)

    def __missing__(self, root: str) -> Any:
        made = self[root] = MAKERS[root](self._view)
        return made


def _classic(view: View) -> Lazy:
    declared = trigger_variables(view.trigger)
    return Lazy(VALUES, lambda name: value(view, name, declared.get(name) or _kind(name)))


MAKERS: dict[str, Callable[[View], Any]] = {
    "event": roots.event,
    "call": roots.call,
    "customer": roots.customer,
    "agent": roots.agent,
    "vars": roots.variables,
    "classic": _classic,
}


@lru_cache(maxsize=64)
def _kind(name: str) -> str:
    """A classic variable's type: a hangup's where it has the name, else the first trigger's that has."""
    if name in HANGUP_VARIABLES:
        return HANGUP_VARIABLES[name]
    return next(t.variables[name] for t in TRIGGERS.values() if name in t.variables)


@lru_cache(maxsize=1024)
def _compiled(template: bytes, zone: str) -> Template:
    return compile(msgspec.json.decode(template), SCHEMA, zone=zone)
