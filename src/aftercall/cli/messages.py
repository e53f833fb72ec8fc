"""`messages`, `explain-sms`: texts and mails, why each went or did not, and whether one would (S5, S6, S8)."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from aftercall.cli.look import Since, ask, listed, moment, plain
from aftercall.cli.shell import FAILED, MISUSED, Failure, Remote, out, run, table

messages = App(name="messages", help="Texts and mails: list, show, resend, test.")
SHOWN_APART = ("attempt_log", "decision", "explanation", "receipts", "parts", "html", "text")

To = Annotated[str, Parameter(help="A number or mail address.")]
Text = Annotated[str | None, Parameter(help="What to say; may have placeholders.")]
Template = Annotated[str | None, Parameter(help="Template id.")]
Rule = Annotated[str | None, Parameter(help="Id of a post-call action.")]
Call = Annotated[str | None, Parameter(help="Call id, for the placeholders; else a sample call.")]
Category = Annotated[
    str | None, Parameter(help="Beside --text: transactional, service_implicit, promotional, ...")
]


@messages.command(name="list")
def list_messages(
    remote: Remote | None = None,
    *,
    since: Since = "24h",
    status: Annotated[
        tuple[str, ...] | None,
        Parameter(help="pending, sent, delivered, undelivered, failed, blocked, unknown."),
    ] = None,
    channel: Annotated[str | None, Parameter(help="sms or email.")] = None,
    address: Annotated[str | None, Parameter(help="Number or mail address.")] = None,
    rule: Rule = None,
    call: Annotated[str | None, Parameter(help="Call id.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 50,
) -> None:
    """Show the latest texts and mails, and why each is where it is."""
    query = {"since": moment(since), "status": status, "channel": channel, "address": address, "rule_id": rule,
             "call_id": call}  # fmt: skip
    rows = [
        (m["id"], m["created_at"], m["channel"], m["to"], m["status"], m["why"], m["call_id"])
        for m in run(listed(remote, "/v1/messages", query, limit))
    ]
    table(("id", "created", "channel", "to", "status", "why", "call"), rows)


@messages.command(name="show")
def show_message(id: str, remote: Remote | None = None) -> None:
    """Show one message: what it says, what the guard decided and why, attempts and receipts."""
    found = run(ask(remote, "GET", f"/v1/messages/{id}"))
    fields = [
        (name, plain(value))
        for name, value in found.items()
        if name not in SHOWN_APART and value not in (None, [], {}, False, "")
    ]
    table(("field", "value"), fields)
    out.print()
    out.print(found["text"], markup=False)
    out.print()
    out.print(found["explanation"] or "The guard has not been asked yet.", markup=False)
    attempts = [
        (a["number"], a["started_at"], a["ok"], a["status_code"], a["detail"]) for a in found["attempt_log"]
    ]
    if attempts:
        out.print()
        table(("attempt", "at", "ok", "HTTP", "detail"), attempts)
    receipts = [(r["received_at"], r["status"], r["provider_code"], r["detail"]) for r in found["receipts"]]
    if receipts:
        out.print()
        table(("receipt", "status", "code", "detail"), receipts)


@messages.command(name="resend")
def resend_message(
    id: str,
    remote: Remote | None = None,
    *,
    confirm: Annotated[bool, Parameter(help="Say that it is meant: it may arrive twice.")] = False,
    override: Annotated[str | None, Parameter(help="Override the guard, for this reason.")] = None,
) -> None:
    """Send a message again, as a message of its own."""
    if not confirm:
        raise Failure("It may arrive twice. Say --confirm if that is meant.", MISUSED)
    asked: dict[str, Any] = {"confirm": True}
    if override is not None:
        asked["override"] = {"reason": override}
    made = run(ask(remote, "POST", f"/v1/messages/{id}/resend", asked))
    out.print(f"Message {made['id']} is on its way.", markup=False)


@messages.command(name="test")
def try_message(
    to: To,
    remote: Remote | None = None,
    *,
    connection: Annotated[str | None, Parameter(help="Connection id.")] = None,
    rule: Rule = None,
    template: Template = None,
    text: Text = None,
    category: Category = None,
    call: Call = None,
) -> None:
    """Send one message, marked as a test, at once, and say Sent or exactly why not."""
    asked = _given(to=to, connection_id=connection, rule_id=rule, template_id=template, text=text, category=category,
                   call_id=call)  # fmt: skip
    done = run(ask(remote, "POST", "/v1/messages/test", asked))
    if done["status"] != "sent":
        raise Failure(done["message"], FAILED, f"More: aftercall messages show {done['message_id']}")
    out.print(f"Sent: {done['text']}", markup=False)


def explain_sms(
    remote: Remote | None = None,
    *,
    call: Call = None,
    rule: Rule = None,
    to: Annotated[str | None, Parameter(help="A number.")] = None,
    template: Template = None,
    text: Text = None,
    category: Category = None,
    at: Annotated[str | None, Parameter(help="Another time than now, such as 2026-01-31T22:00:00Z.")] = None,
) -> None:
    """Show whether a text would go, and why not. With --call alone: what every action would send. Nothing is sent."""
    when = None if at is None else moment(at)
    if to is not None:
        asked = _given(to=to, call_id=call, template_id=template, text=text, category=category, at=when)
        _show(run(ask(remote, "POST", "/v1/sms/explain", asked)))
        return
    if call is None:
        raise Failure("Give --call, with or without --rule, or --to with --text or --template.", MISUSED)
    rules = [rule] if rule is not None else run(_texting(remote))
    for one in rules:
        out.print(f"Action {one}", markup=False)
        _show(run(ask(remote, "POST", "/v1/sms/explain", _given(rule_id=one, call_id=call, at=when))))
    if not rules:
        out.print("There is no post-call action that sends texts.")


async def _texting(remote: Remote | None) -> list[str]:
    """The enabled post-call actions that send texts."""
    found = await listed(remote, "/v1/rules")
    return [r["id"] for r in found if r["channel"] == "sms" and r["status"] == "enabled"]


def _show(answer: Any) -> None:
    if answer["skipped"] is not None:
        out.print(f"Does not run: {answer['skipped']['reason']}", markup=False)
    for message in answer["messages"]:
        out.print(message["explanation"], markup=False)
        out.print(f"  says: {message['text']}", markup=False)


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
