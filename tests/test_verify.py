# The receivers' helper: accepts what we sign, refuses everything else, needs nothing but Python.

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aftercall import verify as module
from aftercall.domain.signature import sign
from aftercall.domain.webhook import Auth, OldSecret
from aftercall.verify import Unverified, verify
from tests.domain.samples import WEBHOOK, but

NOW = datetime(2025, 8, 21, 11, 2, 44, tzinfo=UTC)
BODY = b'{"event":"call.completed","notes":"\xc3\xa9"}'
SECRET = WEBHOOK.signing_secret
TOKEN = but(WEBHOOK, auth=Auth(type="header", header="X-Webhook-Token", secret="long random text"))
HEADERS = sign(WEBHOOK, "evt_1", NOW, BODY)
PLAIN = {"X-Webhook-Signature": HEADERS["X-Webhook-Signature"]}
STANDARD = {name: value for name, value in HEADERS.items() if name.startswith("webhook-")}


@pytest.mark.parametrize("headers", [HEADERS, STANDARD, PLAIN], ids=["both", "standard", "plain"])
def test_either_scheme_is_accepted(headers: dict[str, str]) -> None:
    verify(headers, BODY, SECRET, now=NOW)
    verify(
        {name.upper(): value for name, value in headers.items()}, BODY.decode(), SECRET, now=NOW.timestamp()
    )


@pytest.mark.parametrize("headers", [HEADERS, STANDARD, PLAIN], ids=["both", "standard", "plain"])
@pytest.mark.parametrize(
    ("body", "secret"),
    [(BODY.replace(b"e", b"f", 1), SECRET), (b"", SECRET), (BODY, "whsec_b3RoZXI="), (BODY, "other")],
)
def test_a_changed_body_or_another_secret_is_refused(
    headers: dict[str, str], body: bytes, secret: str
) -> None:
    with pytest.raises(Unverified, match="matches"):
        verify(headers, body, secret, now=NOW)


def test_the_custom_headers_secret_is_accepted() -> None:
    verify(sign(TOKEN, "evt_1", NOW, BODY), BODY, "long random text", now=NOW)


def test_both_secrets_are_accepted_during_rotation() -> None:
    old = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    rotating = but(WEBHOOK, old_secrets=(OldSecret(old, NOW + timedelta(hours=24)),))
    verify(sign(rotating, "evt_1", NOW, BODY), BODY, old, now=NOW, standard_only=True)
    verify(sign(rotating, "evt_1", NOW, BODY), BODY, SECRET, now=NOW, standard_only=True)


@pytest.mark.parametrize("seconds", [-301, 301])
@pytest.mark.parametrize("webhook", [WEBHOOK, TOKEN])
def test_an_old_request_is_refused(seconds: int, webhook: object) -> None:
    headers, secret = (
        (HEADERS, SECRET) if webhook is WEBHOOK else (sign(TOKEN, "e", NOW, BODY), "long random text")
    )
    with pytest.raises(Unverified, match="300 seconds"):
        verify(headers, BODY, secret, now=NOW + timedelta(seconds=seconds))
    verify(headers, BODY, secret, now=NOW + timedelta(seconds=seconds), tolerance=302)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_id_and_time_are_signed(name: str) -> None:
    with pytest.raises(Unverified, match="matches"):
        verify(STANDARD | {name: "1755774165"}, BODY, SECRET, now=NOW)
    with pytest.raises(Unverified, match=name):
        verify({k: v for k, v in STANDARD.items() if k != name}, BODY, SECRET, now=NOW)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(Unverified, match="not a number"):
        verify(PLAIN | {"webhook-timestamp": "soon"}, BODY, SECRET, now=NOW)


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "evt_1", "webhook-timestamp": "1755774164"}])
def test_no_signature_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unverified, match="no signature"):
        verify(headers, BODY, SECRET, now=NOW)


def test_the_plain_scheme_can_be_ruled_out() -> None:
    with pytest.raises(Unverified, match="no signature"):
        verify(PLAIN, BODY, SECRET, now=NOW, standard_only=True)


@pytest.mark.parametrize("value", ["", "v1,", "v2,abc", "é", "\ud800", "v1,AAAA v1,BBBB"])
def test_odd_signatures_are_refused(value: str) -> None:
    with pytest.raises(Unverified, match="matches"):
        verify(STANDARD | {"webhook-signature": value}, BODY, SECRET, now=NOW)
    with pytest.raises(Unverified, match="matches"):
        verify({"x-webhook-signature": value}, BODY, SECRET, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_"])
def test_an_empty_secret_is_a_mistake(secret: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        verify(HEADERS, BODY, secret, now=NOW)


def test_the_file_works_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_text(Path(module.__file__).read_text())
    script = "import verify\ntry: verify.verify({}, b'', 's')\nexcept verify.Unverified: print('refused')"
    done = subprocess.run([sys.executable, "-Ic", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{script}"],
                          capture_output=True, text=True, check=True, timeout=30)  # fmt: skip
    assert done.stdout == "refused\n"
