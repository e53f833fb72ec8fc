# `contacts` and `suppressions` (D1, S5), against a real server.

from pathlib import Path

import pytest

from tests.cli.conftest import Process, Run

pytestmark = pytest.mark.e2e


@pytest.fixture
def here(server: Process, data: Path) -> tuple[str, ...]:
    return ("--data", str(data), "--url", server.url)


def test_a_table_is_imported_and_listed(run: Run, here: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("number;name;tags;consent_all\n+14085551234;Ada;vip;yes\n+4930123456;Zoë;;\n")
    tried = run("contacts", "import", str(file), "--dry-run", *here)
    assert "Nothing was stored." in tried.stdout
    assert "Ada" not in run("contacts", "list", *here).stdout
    assert run("contacts", "import", str(file), *here).stdout.split()[-5:] == ["2", "2", "0", "0", "0"]
    assert run("contacts", "import", str(file), *here).stdout.split()[-5:] == ["2", "0", "0", "2", "0"]
    shown = run("contacts", "list", "--number", "+1408", *here).stdout.splitlines()
    assert [line.split()[1:] for line in shown[1:]] == [["+14085551234", "Ada", "vip", "+all"]]


def test_rejected_rows_are_listed_and_tell_in_the_exit_code(run: Run, here: tuple[str, ...]) -> None:
    table = "number\n+14085551234\n" + "102\n" * 25
    done = run("contacts", "import", "-", *here, stdin=table)
    assert done.returncode == 1
    assert "25 of 26 rows were rejected" in done.stderr
    assert "... and 5 more." in done.stdout
    assert "3     number: must be a phone number" in done.stdout


def test_what_cannot_be_imported_is_said_so(run: Run, here: tuple[str, ...], tmp_path: Path) -> None:
    missing = run("contacts", "import", str(tmp_path / "none.csv"), *here)
    assert (missing.returncode, "cannot be read" in missing.stderr) == (2, True)
    wrong = run("contacts", "import", "-", *here, stdin="name\nAda\n")
    assert (wrong.returncode, "`number` must be one of them" in wrong.stderr) == (1, True)


def test_an_address_is_suppressed_and_cleared(run: Run, here: tuple[str, ...]) -> None:
    added = run("suppressions", "add", "+1 408 555 1234", "--reason", "asked by phone", *here)
    assert "+14085551234 is suppressed since" in added.stdout
    assert "asked by phone" in run("suppressions", "list", *here).stdout
    assert run("suppressions", "clear", "+14085551234", *here).returncode != 0
    lifted = run("suppressions", "clear", "+14085551234", "--reason", "asked again", *here)
    assert lifted.stdout == "Lifted: +14085551234, manual, scope all.\n"
    assert "asked again" in run("suppressions", "list", "--cleared", *here).stdout
    again = run("suppressions", "clear", "+14085551234", "--reason", "x", *here)
    assert (again.returncode, "was not suppressed" in again.stderr) == (1, True)
