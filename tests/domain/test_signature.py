# Signatures, checked by the reference library and by hand.

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Reference
from standardwebhooks import WebhookVerificationError

from aftercall.domain.payload import render
from aftercall.domain.signature import key, sign
from aftercall.domain.webhook import Auth, OldSecret
from tests.domain.samples import ANSWERED, COMPLETED, WEBHOOK, but

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = render(WEBHOOK, "call.completed", COMPLETED, but(ANSWERED, notes="é\n")).body


def test_the_reference_library_accepts_ours_and_refuses_a_changed_byte() -> None:
    now = datetime.now(UTC)  # the reference library looks at the clock
    headers = sign(WEBHOOK, COMPLETED.event_id, now, BODY)
    assert headers["webhook-id"] == COMPLETED.event_id
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    Reference(WEBHOOK.signing_secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Reference(WEBHOOK.signing_secret).verify(BODY.replace(b"271", b"272"), headers)
    with pytest.raises(WebhookVerificationError):
        Reference(WEBHOOK.signing_secret).verify(BODY, headers | {"webhook-id": "evt_other"})


def test_the_example_of_the_specification() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign(WEBHOOK, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_rotated_both_are_accepted() -> None:
    now = datetime.now(UTC)
    webhook = but(
        WEBHOOK,
        old_secrets=(
            OldSecret(OLD, now + timedelta(hours=1)),
            OldSecret("whsec_b2xkZXI=", now - timedelta(hours=1)),
        ),
    )
    headers = sign(webhook, "evt_1", now, BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (WEBHOOK.signing_secret, OLD):
        Reference(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Reference("whsec_b2xkZXI=").verify(BODY, headers)


def test_the_plain_signature_is_keyed_with_the_signing_secret_as_shown() -> None:
    expected = hmac.new(WEBHOOK.signing_secret.encode(), BODY, hashlib.sha256).hexdigest()
    assert sign(WEBHOOK, "evt_1", NOW, BODY)["X-Webhook-Signature"] == expected


def test_the_plain_signature_is_keyed_with_the_custom_headers_secret_where_there_is_one() -> None:
    webhook = but(WEBHOOK, auth=Auth(type="header", header="X-Webhook-Token", secret="pässword"))
    expected = hmac.new("pässword".encode(), BODY, hashlib.sha256).hexdigest()
    assert sign(webhook, "evt_1", NOW, BODY)["X-Webhook-Signature"] == expected
    bearer = but(WEBHOOK, auth=Auth(type="bearer", secret="token"))
    assert sign(bearer, "evt_1", NOW, BODY)["X-Webhook-Signature"] != expected


def test_a_get_is_signed_over_its_query_string() -> None:
    query = render(but(WEBHOOK, method="GET"), "call.completed", COMPLETED, ANSWERED).query
    headers = sign(WEBHOOK, "evt_1", NOW, query.encode())
    assert headers["webhook-signature"] == Reference(WEBHOOK.signing_secret).sign("evt_1", NOW, query)


def test_without_a_secret_nothing_is_signed() -> None:
    assert set(sign(but(WEBHOOK, signing_secret=""), "evt_1", NOW, BODY)) == {
        "webhook-id",
        "webhook-timestamp",
    }


def test_a_secret_that_is_no_base64_stands_for_itself() -> None:
    assert key("not base64!") == b"not base64!"
    assert key("whsec_MfKQ") == key("MfKQ") == b"1\xf2\x90"
