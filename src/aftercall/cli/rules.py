"""`templates` and `rules`: what messages say, and after which calls they go, on a terminal."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from aftercall.cli.given import File, Name, asked_of, say_made
from aftercall.cli.look import ask, listed
from aftercall.cli.shell import Remote, out, run, table

templates = App(name="templates", help="Message templates: list, create, preview.")
rules = App(name="rules", help="Post-call actions: list, create, enable, disable.")

Channel = Literal["sms", "email"]
Category = Annotated[
    str | None,
    Parameter(help="otp, transactional, service_implicit, service_explicit, promotional, conversational."),
]


@templates.command(name="list")
def list_templates(remote: Remote | None = None) -> None:
    """Show the message templates."""
    rows = [
        (t["id"], t["name"], t["channel"], t["category"], t["text"].replace("\n", " ")[:60])
        for t in run(listed(remote, "/v1/message-templates"))
    ]
    table(("id", "name", "channel", "category", "text"), rows)


@templates.command(name="create")
def create_template(
    remote: Remote | None = None,
    *,
    name: Name = None,
    text: Annotated[str | None, Parameter(help="With {{ path | filter }}.")] = None,
    category: Category = None,
    channel: Channel | None = None,
    subject: Annotated[str | None, Parameter(help="Of a mail.")] = None,
    file: File = None,
) -> None:
    """Save a message template."""
    given = {"name": name, "text": text, "category": category, "channel": channel, "subject": subject}
    say_made("Template", run(ask(remote, "POST", "/v1/message-templates", asked_of(file, **given))))


@templates.command(name="preview")
def preview(
    id: Annotated[str | None, Parameter(help="A stored template; else --text or --file.")] = None,
    remote: Remote | None = None,
    *,
    call: Annotated[str | None, Parameter(help="Call id; default: a sample.")] = None,
    text: Annotated[str | None, Parameter(help="Instead of what is stored.")] = None,
    channel: Channel | None = None,
    role: Annotated[Literal["caller", "user"], Parameter(help="Whom it is for.")] = "caller",
    file: File = None,
) -> None:
    """Show a message as it would go: its text, segments and cost, and what would be unwise."""
    asked = asked_of(file, template_id=id, call_id=call, text=text, channel=channel, role=role)
    if id is None:
        asked.setdefault("channel", "sms")
    shown = run(ask(remote, "POST", "/v1/message-templates/preview", asked))
    if shown.get("subject"):
        out.print(f"Subject: {shown['subject']}\n", markup=False)
    out.print(shown["text"], markup=False)
    out.print()
    names = ("characters", "encoding", "segments", "left", "cost", "currency")
    table(names, [[shown.get(name) for name in names]])
    for warned in shown.get("warnings", ()):
        out.print(f"{warned['code']}: {warned['message']}.", markup=False)


@rules.command(name="list")
def list_rules(remote: Remote | None = None) -> None:
    """Show the post-call actions in the order they run."""
    found = sorted(run(listed(remote, "/v1/rules")), key=lambda rule: (rule["position"], rule["id"]))
    rows = [
        (r["position"], r["id"], r["name"], r["channel"], r["status"], " ".join(r["events"]), _to_whom(r))
        for r in found
    ]
    table(("position", "id", "name", "channel", "status", "outcomes", "to"), rows)


@rules.command(name="create")
def create_rule(
    remote: Remote | None = None,
    *,
    name: Name = None,
    channel: Literal["sms", "email", "webhook"] | None = None,
    to: Annotated[
        tuple[str, ...],
        Parameter(help="caller, user, both, or numbers or mail addresses.", allow_leading_hyphen=True),
    ] = (),
    events: Annotated[tuple[str, ...], Parameter(help="answered, missed, abandoned, voicemail.")] = (),
    template: Annotated[str | None, Parameter(help="Template id; default: the summary of the call.")] = None,
    sender: Annotated[str | None, Parameter(help="Sender id; default: chosen by country.")] = None,
    webhook: Annotated[str | None, Parameter(help="Webhook id, for channel webhook.")] = None,
    file: File = None,
) -> None:
    """Add a post-call action. The file may hold filters and all else that the API takes."""
    asked = asked_of(
        file, name=name, channel=channel, events=list(events) or None, template_id=template, sender_id=sender,
        webhook_id=webhook, **_recipients(to),
    )  # fmt: skip
    say_made("Action", run(ask(remote, "POST", "/v1/rules", asked)))


@rules.command(name="enable")
def enable_rule(id: str, remote: Remote | None = None) -> None:
    """Let it run."""
    run(ask(remote, "PATCH", f"/v1/rules/{id}", {"status": "enabled"}))
    out.print(f"Enabled {id}.", markup=False)


@rules.command(name="disable")
def disable_rule(id: str, remote: Remote | None = None) -> None:
    """Let it run no more."""
    run(ask(remote, "PATCH", f"/v1/rules/{id}", {"status": "disabled"}))
    out.print(f"Disabled {id}.", markup=False)


def _recipients(to: tuple[str, ...]) -> dict[str, Any]:
    if len(to) == 1 and to[0] in ("caller", "user", "both"):
        return {"recipients": to[0]}
    return {"recipients": "fixed", "to": list(to)} if to else {}


def _to_whom(rule: dict[str, Any]) -> str:
    if rule["channel"] == "webhook":
        return str(rule["webhook_id"])
    return " ".join(rule["to"]) if rule["recipients"] == "fixed" else str(rule["recipients"])
