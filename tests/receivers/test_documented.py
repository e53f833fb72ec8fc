# The code in docs/how-to/verify-signatures.md, run as it stands there.

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aftercall.domain.payload import render
from aftercall.domain.signature import sign
from aftercall.domain.webhook import OldSecret
from tests.domain.samples import ANSWERED, COMPLETED, WEBHOOK, but
from tests.support.node import node
from tests.support.programs import program

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-signatures.md"
NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
# Each reads {headers, body, secret} and prints whether the page's function believes it.
DRIVERS = {
    "python": "\nimport json, sys\nd = json.load(sys.stdin)\n"
    "print(json.dumps(is_ours(d['headers'], d['body'].encode(), d['secret'])))",
    "js": "\nimport { readFileSync } from 'node:fs';\nconst d = JSON.parse(readFileSync(0));\n"
    "console.log(JSON.stringify(isOurs(d.headers, Buffer.from(d.body), d.secret)));",
    "php": "\n$d = json_decode(file_get_contents('php://stdin'), true);\n"
    "echo json_encode(is_ours($d['headers'], $d['body'], $d['secret']));",
}


def command(language: str, file: Path) -> list[str | Path]:
    if language == "python":
        return [sys.executable, file]
    return [node() if language == "js" else program("php"), file]


@pytest.fixture(params=["python", "js", pytest.param("php", marks=pytest.mark.live)])
def documented(request: pytest.FixtureRequest, tmp_path: Path) -> list[str | Path]:
    language: str = request.param
    code = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert code is not None
    file = tmp_path / f"documented.{'mjs' if language == 'js' else language}"
    file.write_text(code.group(1) + DRIVERS[language])
    return command(language, file)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("change", "believed"),
    [
        ({}, True),
        ({"body": "{}"}, False),
        ({"secret": NEW}, False),
        ({"webhook-id": "evt_other"}, False),
        ({"webhook-timestamp": "1755774164"}, False),
        ({"webhook-timestamp": "soon"}, False),
        ({"webhook-signature": "v1,short"}, False),
        ({"webhook-signature": None}, False),
        ({"rotating": "yes"}, True),
    ],
)
def test_documented_code(documented: list[str | Path], change: dict[str, str | None], believed: bool) -> None:
    now = datetime.now(UTC)
    body = render(WEBHOOK, "call.completed", COMPLETED, but(ANSWERED, notes="é 🎉")).body.decode()
    old = OldSecret(WEBHOOK.signing_secret, now + timedelta(hours=1))
    webhook = but(WEBHOOK, signing_secret=NEW, old_secrets=(old,)) if "rotating" in change else WEBHOOK
    headers = {**sign(webhook, COMPLETED.event_id, now, body.encode()), **change}
    told = {
        "headers": {name.lower(): value for name, value in headers.items() if value is not None},
        "body": change.get("body", body),
        "secret": change.get("secret", WEBHOOK.signing_secret),
    }
    done = subprocess.run(
        documented, input=json.dumps(told), capture_output=True, text=True, check=True, timeout=30
    )
    assert json.loads(done.stdout) is believed
