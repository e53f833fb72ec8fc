"""Whom a post-call action writes to: the caller, the agent, or addresses that are always the same (S1). Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from aftercall.domain.call import Call
from aftercall.domain.contact import Contact
from aftercall.domain.fact import Agent
from aftercall.domain.message_context import Recipient
from aftercall.domain.phone import E164, normalise
from aftercall.domain.rule import Rule

Directory = Mapping[tuple[str, str], tuple[str, str, dict[str, Any]]]  # (kind, key) -> id, name, details
MOBILE = (
    "mobile",
    "mobile_number",
    "phone",
    "number",
)  # where an agent's entry may keep a number that takes texts


class Addressed(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient, and the address as it was given: empty in `recipient` where it is none."""

    recipient: Recipient
    given: str | None
    anonymous: bool = False


def recipients(
    rule: Rule, call: Call, contact: Contact | None, directory: Directory, country: str | None
) -> Iterator[Addressed]:
    """Each of them, even those who cannot be reached: why not is said of the message that was meant for them."""
    channel: Literal["sms", "email"] = "email" if rule.channel == "email" else "sms"
    if rule.recipients in ("caller", "both"):
        yield _caller(channel, call, contact)
    if rule.recipients in ("user", "both"):
        yield _user(channel, call, directory, country)
    if rule.recipients == "fixed":
        for address in rule.to:
            yield Addressed(recipient=Recipient(role="fixed", address=address), given=address)


def _caller(channel: Literal["sms", "email"], call: Call, contact: Contact | None) -> Addressed:
    named = (call.contact.name if call.contact else None) or (
        call.to_name if call.direction == "outbound" else call.from_name
    )
    number = call.customer_number
    address = (contact.email if contact else None) if channel == "email" else number
    reached = Recipient(role="caller", address=_address(channel, address), name=named or "")
    anonymous = channel == "sms" and not number and call.from_presentation == "anonymous"
    return Addressed(recipient=reached, given=address, anonymous=anonymous)


def _user(
    channel: Literal["sms", "email"], call: Call, directory: Directory, country: str | None
) -> Addressed:
    agent = agent_of(call)
    if agent is None:
        return Addressed(recipient=Recipient(role="user"), given=None)
    details = _details(agent, directory)
    if channel == "email":
        given = details.get("email")
    else:
        told = [details.get(name) for name in MOBILE] + [agent.follow_me_number, agent.number]
        read = [normalise(str(number), country).best for number in told if number]
        given = next(
            (number for number in read if number and E164.fullmatch(number)), read[0] if read else None
        )
    address = given if isinstance(given, str) else None
    reached = Recipient(role="user", address=_address(channel, address), name=agent.name or "")
    return Addressed(recipient=reached, given=address)


def agent_of(call: Call) -> Agent | None:
    """The agent who answered; of a call nobody answered, the first who was asked to."""
    return call.agent or next((leg.agent for leg in call.agents), None)


def _details(agent: Agent, directory: Directory) -> dict[str, Any]:
    for key in (agent.id, agent.number, agent.name):
        if key is not None and (found := directory.get(("agent", key))) is not None:
            return found[2]
    return {}


def _address(channel: Literal["sms", "email"], given: str | None) -> str:
    """What a message can be sent to; empty for what is no number, or no mail address."""
    if not given:
        return ""
    if channel == "email":
        return given.strip() if "@" in given else ""
    return given if E164.fullmatch(given) else ""
