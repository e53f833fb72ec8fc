"""Sending a delivery again: a webhook's at once, a text or mail when somebody says that it is meant (W10)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from aftercall.api.operation import Ask
from aftercall.domain.connection import Connection
from aftercall.domain.delivery import Delivery
from aftercall.domain.errors import Conflict, Unconfirmed
from aftercall.domain.message import Override
from aftercall.engine.resend import again, by_another_way
from aftercall.engine.rows import Destination


class OverrideForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(min_length=3, max_length=500, description="Kept with the decision.")]


class ResendForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of webhooks nothing is asked."""

    confirm: Annotated[
        bool,
        Meta(
            description="A text or mail goes to a person, who may get it twice: true says that it is meant."
        ),
    ] = False
    override: (
        Annotated[OverrideForm, Meta(description="The guard's checks that the policies leave to people.")]
        | None
    ) = None


async def send_again(ask: Ask, delivery: Delivery, form: ResendForm) -> Delivery:
    """The new delivery. Raises Conflict where that cannot be, Unconfirmed where nobody said that it is meant."""
    store = ask.app.store
    destination: Destination | None
    if delivery.channel == "webhook":
        destination = await store.get_webhook(ask.account_id, delivery.destination_id)
        if destination is None:
            raise Conflict("The webhook has been deleted.")
    else:
        _check_message(delivery, form)
        destination = await store.get_setup(Connection, ask.account_id, delivery.destination_id)
        if destination is None:
            delivery, destination = await _another_way(ask, delivery)
    new = again(delivery, destination, ask.now, _override(ask, form))
    await store.add_resends([new])
    ask.app.dispatcher.wake()
    return new


async def _another_way(ask: Ask, delivery: Delivery) -> tuple[Delivery, Connection]:
    settings = await ask.app.settings.get(ask.account_id)
    found = by_another_way(delivery, settings.office) if settings is not None else None
    if settings is None or found is None:
        raise Conflict("There is no connection or sender it could go by.")
    return found, settings.connections[found.destination_id]


def _check_message(delivery: Delivery, form: ResendForm) -> None:
    if delivery.is_test:
        raise Conflict("A test is not sent again: send another one.")
    if delivery.status in ("pending", "held"):
        raise Conflict("This message still waits to be sent; cancel it first.")
    if not form.confirm:
        state = (
            "it may have been sent" if delivery.status == "unknown" else f"the first one is {delivery.status}"
        )
        raise Unconfirmed(
            f'This goes to a person, who may get it twice: {state}. Send {{"confirm": true}} if that is meant.'
        )


def _override(ask: Ask, form: ResendForm) -> Override | None:
    if form.override is None:
        return None
    ask.need("messages:override")
    return Override(by=ask.caller.key_id, reason=form.override.reason, at=ask.now)
