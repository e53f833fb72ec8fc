"""What the demo prints: calls on the left, what arrives at the receiver on the right, a summary at the end."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aftercall.demo.catcher import Caught

NARROWEST = 112  # columns; a pipe has none of its own
STATES = {"delivered": "green", "sent": "green", "blocked": "red", "deferred": "yellow"}
SIGNS = {"answered": "green", "missed": "red", "abandoned": "yellow", "voicemail": "cyan"}


class Screen:
    """Prints line by line, so that it reads the same in a terminal, a pipe and a file."""

    def __init__(self, console: Console) -> None:
        self.console = console
        if not console.is_terminal:
            console.width = max(console.width, NARROWEST)
        self._started = time.perf_counter()

    def heading(self, left: str, *lines: str) -> None:
        self._started = time.perf_counter()
        for line in lines:
            self.console.print(line, highlight=False)
        self.console.print()
        self._row(
            "",
            Text(left, "bold"),
            Text("What arrives: webhooks (✓ signature verified), texts, mails", "bold"),
        )

    def posted(self, who: str, event: dict[str, Any]) -> None:
        name = str(event["event"])
        style = "bold" if name in {"call.received", "call.initiated"} else ""
        what = name.removeprefix("call.").replace("_", " ")
        self._row(
            self._now(), Text.assemble((f"{who:<13}", style), (what, "blue"), " ", detail(event)), Text()
        )

    def said(self, who: str, event: str, what: str) -> None:
        """An event of a PBX, by the PBX's own name."""
        style = "bold" if event == "Newchannel" else ""
        self._row(self._now(), Text.assemble((f"{who:<14}", style), (event, "blue"), " ", what), Text())

    def caught(self, who: str, what: str, caught: Caught, status: int, seconds: float | None) -> None:
        right = Text.assemble(
            ("✓ ", "green") if caught.verified else ("✗ ", "bold red"),
            f"{who:<13}", (what, "magenta"), " ", outcome(caught.said),
            (f" → {status}", "green" if status < 300 else "bold red"),
            (f" attempt {caught.attempt}" if caught.attempt > 1 else "", "yellow"),
            ("" if seconds is None else f" +{seconds * 1000:.0f} ms", "dim"),
            (f" {caught.problem}" if caught.problem else "", "bold red"),
        )  # fmt: skip
        self._row(self._now(), Text(), right)

    def wrote(self, who: str, kind: str, to: str, said: str) -> None:
        """A text as the gateway got it, or a mail as the mail server did."""
        right = Text.assemble(("» ", "cyan"), f"{who:<13}", (kind, "magenta"), f" {to} “{said}”")
        self._row(self._now(), Text(), right)

    def answered(self, who: str, text: str) -> None:
        self._row(
            self._now(), Text.assemble((f"{who:<13}", "bold"), ("texts back", "blue"), f" “{text}”"), Text()
        )

    def messages(self, told: Iterable[tuple[str, str, str, str]]) -> None:
        """Name, address, status and decision of each."""
        table = Table("to", "", "status", "the guard's decision", title="Texts and mails", box=box.SIMPLE,
                      title_justify="left")  # fmt: skip
        for who, to, status, decision in told:
            table.add_row(who, to, Text(status, STATES.get(status, "")), decision)
        self.console.print()
        self.console.print(table)

    def summary(
        self, calls: list[dict[str, Any]], facts: list[tuple[str, str]], names: dict[str, str]
    ) -> None:
        self.console.print()
        counts = Table(
            "outcome", "calls", "talk time", "who", title="Calls", box=box.SIMPLE, title_justify="left"
        )
        for status, style in SIGNS.items():
            group = [call for call in calls if call.get("status") == status]
            talk = sum(call.get("talk_time_seconds") or 0 for call in group)
            who = ", ".join(names.get(call["source_call_key"]) or name_of(call) for call in reversed(group))
            counts.add_row(Text(status, style), str(len(group)), clock(talk) if talk else "", who)
        self.console.print(counts)
        self.console.print("[bold]Webhooks[/]")
        for name, value in facts:
            self.console.print(f"  {name:<28}{value}", highlight=False)

    def _now(self) -> str:
        return f"{time.perf_counter() - self._started:5.1f} s"

    def _row(self, at: str, left: Text, right: Text) -> None:
        """Three columns; nothing is padded at the end, so that a file of it has no trailing blanks."""
        width = (self.console.width - 10) * 3 // 8
        left.truncate(width - 1, overflow="ellipsis", pad=bool(right))
        line = Text.assemble((f"{at:>8}  ", "dim"), left, " " if right else "", right)
        line.rstrip()
        line.truncate(self.console.width, overflow="ellipsis")
        self.console.print(line, soft_wrap=True)


def detail(event: dict[str, Any]) -> str:
    """The one thing of an event that a person wants to see."""
    if "from" in event:
        return str(event["to" if event.get("direction") == "outbound" else "from"])
    return next((say(event[name]) for name, say in DETAILS.items() if name in event), "")


DETAILS: dict[str, Callable[[Any], str]] = {
    "reason": str,
    "digit": lambda digit: f"presses {digit}",
    "agent": lambda agent: str(agent["name"]),
    "queue": lambda queue: str(queue["name"]),
    "ivr": lambda menu: str(menu["name"]),
    "hangup": lambda hangup: f"by {hangup['by']}",
    "transfer": lambda transfer: f"to {transfer['to']}",
    "voicemail": lambda voicemail: f"{voicemail.get('seconds', 0)} s",
    "wrap_up_seconds": lambda seconds: f"took {seconds} s",
    "analysis": lambda analysis: f"“{analysis['summary']}”",
    "recording": lambda recording: f"{recording['duration_seconds']} s",
    "transcript": lambda transcript: f"{len(transcript['turns'])} turns",
    "disposition": str,
}


def outcome(said: dict[str, Any]) -> Text:
    """What a body says came of the call, or a notice of a text."""
    if isinstance(details := said.get("details"), dict):
        until = f"until {details['until'][11:16]} UTC" if details.get("until") else ""
        return Text(" ".join(filter(None, [details.get("reason"), until])), "yellow")
    status = said.get("status")
    if status not in SIGNS:
        agent = said.get("answered_agent_name") or said.get("agent_name") or ""
        return Text(str(agent))
    seconds = said.get("talk_time_seconds") or 0
    agent = said.get("agent")
    words = [status, said.get("reason"), agent.get("name") if isinstance(agent, dict) else None]
    shown = " ".join(str(word) for word in words if word)
    return Text(f"{shown} {clock(seconds)}" if seconds else shown, SIGNS[status])


def name_of(call: dict[str, Any]) -> str:
    ours = call.get("direction") == "outbound"
    return str(call.get("to_name" if ours else "from_name") or call.get("to" if ours else "from") or "?")


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
