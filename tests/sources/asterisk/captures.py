# Captured streams and what became of them. `*.ami.txt`: Asterisk 23-development, phones that are dialplan;
# `NN_*.raw`: Asterisk 22.10.1 with SIP phones, whose truth (truth.json) was measured at the phones.

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aftercall.domain.account import Source
from aftercall.domain.fact import Fact
from aftercall.domain.project import Fold
from aftercall.sources.asterisk.dialplan import Dialplan
from aftercall.sources.asterisk.reader import Reader

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS: dict[str, Any] = {"dialplan": {"agents": r"10\d", "menus": {"ivr-main": "Main menu"}}}
SOURCE = Source(
    id="src_1", account_id="ac_1", type="asterisk", settings=SETTINGS, created_at=NOW, updated_at=NOW
)
DIALPLAN = Dialplan.of(SOURCE)
TRUTH: dict[str, Any] = json.loads((FIXTURES / "truth.json").read_text())
TABLE = sorted(path.name.partition(".")[0] for path in FIXTURES.glob("*.ami.txt"))
ALL = [*TABLE, *TRUTH]


def stream(name: str) -> bytes:
    path = FIXTURES / f"{name}.raw"
    return (path if path.exists() else FIXTURES / f"{name}.ami.txt").read_bytes()


def facts(name: str) -> list[Fact]:
    return Reader(DIALPLAN).feed(stream(name), NOW)


def calls(told: list[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in told:
        found[fact.call_key].append(fact)
    return found


def folded(told: list[Fact]) -> Fold:
    fold = Fold()
    fold.extend(told)
    return fold


def first_call(name: str) -> list[Fact]:
    return next(iter(calls(facts(name)).values()))
