# The demo as a user sees it, and the receiver that `catch` and the demo share.

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aftercall.demo.calls import SCENES
from aftercall.demo.captured import captures
from aftercall.demo.messages import asleep
from aftercall.domain.project import project
from aftercall.sources.asterisk.reader import Reader
from tests.cli.conftest import Process, Run
from tests.sources.asterisk.captures import DIALPLAN, NOW

pytestmark = pytest.mark.e2e


def test_the_demo_ends_by_itself_with_every_webhook_verified(run: Run, tmp_path: Path) -> None:
    started = time.monotonic()
    shown = run("demo", "--fast", "--data", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    assert time.monotonic() - started < 25
    for outcome, calls in (("answered", 4), ("missed", 3), ("abandoned", 1), ("voicemail", 1)):
        assert f"{outcome:<10}  {calls} " in shown.stdout
    assert "delivered                   22 of 22" in shown.stdout
    assert "signatures verified         23 of 23" in shown.stdout
    assert "→ 503" in shown.stdout
    assert "attempt 2" in shown.stdout


def test_the_demo_turns_captured_calls_into_verified_webhooks(run: Run, tmp_path: Path) -> None:
    started = time.monotonic()
    shown = run("demo", "--asterisk", "--fast", "--data", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    assert time.monotonic() - started < 25
    for outcome, calls in (("answered", 5), ("missed", 1), ("abandoned", 1), ("voicemail", 1)):
        assert f"{outcome:<10}  {calls} " in shown.stdout
    assert "delivered                   14 of 14" in shown.stdout
    assert "signatures verified         15 of 15" in shown.stdout
    assert "QueueCallerJoin support" in shown.stdout
    assert "completed voicemail" in shown.stdout


def test_the_demo_replays_captured_calls_in_a_loop(start: Callable[..., Process], tmp_path: Path) -> None:
    """The same ids again are new calls."""
    later = "completed missed busy → 200 +"  # the first time it is refused
    demo = start("demo", "--asterisk", "--fast", "--loop", "--data", str(tmp_path), until=later)
    assert later in demo.said
    demo.stop()
    assert "✗" not in demo.said


def test_captured_calls_of_the_demo_are_what_the_reader_reads() -> None:
    for capture in captures():
        told = Reader(DIALPLAN).read([event.message for event in capture.events], NOW)
        assert {fact.call_key for fact in told} == {capture.key}
        assert project(told).call.ended_at is not None
        numbers = {
            n for event in capture.events for n in re.findall(r"\d{7,}", str(event.fields.get("CallerIDNum")))
        }
        assert {n for n in numbers if not n.startswith(("447700900", "442079460"))} == set()


def test_the_demo_leaves_nothing_at_the_end_of_its_lines(run: Run) -> None:
    shown = run("demo", "--fast").stdout.partition("\nCalls")[0]
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_every_number_of_the_demo_is_set_aside_for_fiction() -> None:
    numbers = {
        line.fields[name]
        for scene in SCENES
        for line in scene.lines
        for name in ("from", "to")
        if name in line.fields
    }
    fictional = re.compile(r"\+1(202|212|415)55501\d\d|\+919876543210")
    assert [number for number in numbers if not fictional.fullmatch(number)] == []


def test_the_demo_shows_texts_and_mails_with_their_decisions(run: Run) -> None:
    """S1, S4, S5, C4: a text and a mail after a missed call; STOP and the night keep others from going."""
    shown = run("demo", "--fast").stdout
    assert re.search(r"» Tom Becker   text \+\*+18 “Sorry we missed you", shown)
    assert re.search(r"» Supervisor   mail s\*\*\*@harbour-clinic.example “Missed call", shown)
    assert "Tom Becker   texts back “STOP”" in shown
    summary = shown.partition("\nTexts and mails\n")[2]
    for line in (
        r"Tom Becker +\+\*+18 +delivered +Goes: \d+ checks passed",
        r"Supervisor +s\*\*\*@harbour-clinic.example +sent +Goes",
        r"Aisha Khan +\+\*+42 +delivered +Goes",
        r"Tom Becker +\+\*+18 +blocked +Blocked \(opted_out\)",
        r"Marco Rossi +\+\*+07 +deferred +Waits until",
    ):
        assert re.search(line, summary), line
    assert "The recipient has not opted out" in summary
    assert "It is not quiet hours where the recipient is" in summary


def test_the_demo_knows_at_every_hour_a_place_where_it_is_night() -> None:
    for hour in range(24 * 365):
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        local = now.astimezone(ZoneInfo(asleep(now)))
        assert not 8 <= local.hour < 21


def test_catch_verifies_what_a_webhook_sends(
    server: Process, start: Callable[..., Process], run: Run, data: Path
) -> None:
    here = ("--data", str(data), "--url", server.url)
    first = start("catch", "--port", "0", "--count", "1")
    made = run("webhooks", "create", f"{first.url}/hook", *here).stdout
    id_, secret = made.split()[1].rstrip(","), made.split()[-1]
    assert "Delivered" in run("webhooks", "test", id_, *here).stdout
    first.stop()
    assert "not verified" in first.said

    port = first.url.rpartition(":")[2]
    second = start("catch", "--port", port, "--secret", secret, "--count", "1")
    run("webhooks", "test", id_, *here)
    second.stop()
    assert "signature verified" in second.said


def test_catch_refuses_what_is_not_signed_with_its_secret(
    server: Process, start: Callable[..., Process], run: Run, data: Path
) -> None:
    here = ("--data", str(data), "--url", server.url)
    catcher = start("catch", "--port", "0", "--secret", "whsec_c29tZXRoaW5nIGVsc2U=")
    id_ = run("webhooks", "create", f"{catcher.url}/hook", *here).stdout.split()[1].rstrip(",")
    tried = run("webhooks", "test", id_, *here)
    assert tried.returncode == 1
    assert "401" in tried.stderr
