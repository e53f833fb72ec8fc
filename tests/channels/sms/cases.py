"""The providers that the contract suite runs on. A new one is one case, and one line in CASES."""

import hmac
import json
from base64 import b64encode
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aftercall.channels.sms.generic import generic
from aftercall.channels.sms.plivo import plivo
from aftercall.channels.sms.telnyx import telnyx
from aftercall.channels.sms.twilio import twilio
from aftercall.channels.sms.vonage import vonage
from aftercall.engine import jwt
from aftercall.engine.messaging import Answer
from aftercall.engine.upstream import Request
from tests.channels.sms.contract import Case, callback, fixture, with_headers
from tests.channels.sms.gateways import GATEWAYS

TELNYX_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def of_twilio(code: str, said: str) -> Answer | Request:
    if code < "30" or code > "6":
        body = {"code": int(code), "message": said, "more_info": "", "status": 400}
        return Answer(status=400, body=json.dumps(body).encode())
    fields = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": code, "ErrorMessage": said}
    return callback(urlencode(fields).encode())


def sign_as_twilio(request: Request, settings: Any) -> Request:
    """SHA-1 with the auth token; the tests against Twilio's own validator are in test_twilio.py."""
    fields = sorted(parse_qsl(request.body.decode(), keep_blank_values=True))
    said = request.url + "".join(name + value for name, value in fields)
    made = b64encode(hmac.new(settings.auth_token.encode(), said.encode(), sha1).digest()).decode()
    return with_headers(request, x_twilio_signature=made)


def of_plivo(code: str, said: str) -> Answer | Request:
    return callback(urlencode({"MessageUUID": "u1", "Status": "undelivered", "ErrorCode": code}).encode())


def sign_as_plivo(request: Request, settings: Any) -> Request:
    nonce = "05429567804466091622"
    said = request.url.partition("?")[0] + nonce
    made = b64encode(hmac.new(settings.auth_token.encode(), said.encode(), sha256).digest()).decode()
    return with_headers(request, x_plivo_signature_v2=made, x_plivo_signature_v2_nonce=nonce)


def of_vonage(code: str, said: str) -> Answer | Request:
    if code.startswith("dlr-"):
        fields = {"messageId": "m1", "status": "failed", "err-code": code.removeprefix("dlr-")}
        return callback(json.dumps(fields).encode())
    body = {"message-count": "1", "messages": [{"status": code, "error-text": said}]}
    return Answer(status=200, body=json.dumps(body).encode())


def sign_as_vonage(request: Request, settings: Any) -> Request:
    claims = {"iat": int(request.now.timestamp()), "payload_hash": sha256(request.body).hexdigest()}
    token = jwt.made(claims, settings.signature_secret.encode())
    return with_headers(request, authorization=f"Bearer {token}")


def of_telnyx(code: str, said: str) -> Answer | Request:
    body = {"errors": [{"code": code, "title": said or "Blocked due to STOP message"}]}
    return Answer(status=422, body=json.dumps(body).encode())


def sign_as_telnyx(request: Request, settings: Any) -> Request:
    at = str(int(request.now.timestamp()))
    made = b64encode(TELNYX_KEY.sign(f"{at}|".encode() + request.body)).decode()
    return with_headers(request, telnyx_signature_ed25519=made, telnyx_timestamp=at)


def of_gateway(code: str, said: str) -> Answer | Request:
    return Answer(status=200, body=json.dumps({"error": code, "message": said}).encode())


def sign_as_gateway(request: Request, settings: Any) -> Request:
    return with_headers(request, x_gateway_secret=settings.callback_secret)


CASES = [
    Case(
        name="twilio",
        provider=twilio,
        settings={
            "account_sid": "AC" + 32 * "2",
            "auth_token": "auth-token-of-tests",
            "api_key_sid": "SK" + 32 * "3",
            "api_key_secret": "key-secret-of-tests",
            "signing_secret": "",
            "sender": "+14155552345",
        },
        accepted=Answer(status=201, body=fixture("twilio/created.json")),
        callback=callback(fixture("twilio/status-delivered.txt")),
        says=of_twilio,
        sign=sign_as_twilio,
    ),
    Case(
        name="plivo",
        provider=plivo,
        settings={"auth_id": "MAXXXXXXXXXXXXXXXXXX", "auth_token": "auth-token-of-tests"},
        accepted=Answer(status=202, body=fixture("plivo/created.json")),
        callback=callback(fixture("plivo/status-delivered.txt")),
        says=of_plivo,
        sign=sign_as_plivo,
        signs_body=False,  # V2, see plivo.py
    ),
    Case(
        name="vonage",
        provider=vonage,
        settings={
            "api_key": "abcd1234",
            "api_secret": "api-secret-of-tests",
            "signature_secret": "signature-secret-of-tests",
        },
        accepted=Answer(status=200, body=fixture("vonage/created.json")),
        callback=callback(fixture("vonage/delivered.json")),
        says=of_vonage,
        sign=sign_as_vonage,
        signs_time=True,
    ),
    Case(
        name="telnyx",
        provider=telnyx,
        settings={
            "api_key": "KEY0123456789ABCDEF_of-tests",
            "public_key": b64encode(TELNYX_KEY.public_key().public_bytes_raw()).decode(),
        },
        accepted=Answer(status=200, body=fixture("telnyx/created.json")),
        callback=callback(fixture("telnyx/finalized.json")),
        says=of_telnyx,
        sign=sign_as_telnyx,
        signs_time=True,
    ),
    Case(
        name="generic",
        provider=generic,
        settings={
            "url": "https://gateway.example.com/send/{{ username }}",
            "headers": {"Authorization": "Bearer {{ token }}"},
            "json": {
                "to": "{{ to | digits }}", "text": "{{ text }}", "from": "{{ sender }}", "ref": "{{ reference }}",
                "dlr": "{{ callback_url }}", "dlt": {"template": "{{ dlt.template_id }}"},
            },
            "username": "shop",
            "token": "gateway-token-of-tests",
            "id_path": "id",
            "code_path": "error",
            "said_path": "message",
            "no_error": ["0"],
            "codes": {"17": {"error": "credit", "hint": "top it up"}},
            "receipts": {"status": "status", "statuses": {"DELIVRD": "delivered"}, "id": "id", "code": "err"},
            "inbound": {"from": "msisdn", "text": "text"},
            "callback_header": "X-Gateway-Secret",
            "callback_secret": "callback-secret-of-tests",
        },
        accepted=Answer(status=200, body=b'{"id": "g-1", "error": "0"}'),
        callback=callback(b'{"id": "g-1", "status": "DELIVRD"}'),
        says=of_gateway,
        sign=sign_as_gateway,
        signs_body=False,  # a shared secret, no signature
        address=lambda base: {"url": f"{base}/send"},
    ),
    *GATEWAYS,
]  # fmt: skip
