"""What the contract suite has to know of a provider, and how tests make what providers are given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from aftercall.domain.message import Dlt, Sms
from aftercall.engine.messaging import Answer, SmsProvider, Submission
from aftercall.engine.reading import read
from aftercall.engine.upstream import Question, Request

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CALLBACK = "https://aftercall.example.com/v1/callbacks/con_1/token-of-tests"
REFERENCE = "dl_01"
TEXT = "Thanks for your call, we call back today"
FIXTURES = Path(__file__).parent / "fixtures"
DLT = Dlt(entity_id="1101234567890123456", template_id="1107123456789012345")


@dataclass(frozen=True)
class Case:
    """`says(code, said)` is what tells the code: a provider's answer, or its callback. Secrets are in `settings`.

    `sign(request, settings)` signs a callback as the provider does; None where it does not sign.
    """

    name: str
    provider: SmsProvider
    settings: dict[str, Any]
    accepted: Answer
    callback: Request  # a receipt, not signed
    says: Callable[[str, str], Answer | Request] | None = None
    sign: Callable[[Request, Any], Request] | None = None
    signs_body: bool = True
    signs_time: bool = False
    gives_id: bool = True  # with its answer; else its receipts come by our reference alone
    address: Callable[[str], dict[str, Any]] = lambda base: {"api_base": base}

    def made(self, **more: Any) -> Any:
        return read({**self.settings, **more}, self.provider.Settings, field="settings")

    def secrets(self) -> list[str]:
        return [self.settings[name] for name in sorted(self.provider.secrets) if self.settings.get(name)]

    def submission(self, settings: Any = None, **sms: Any) -> Submission:
        return submission(self.made() if settings is None else settings, **sms)


def submission(settings: Any, callback_url: str | None = CALLBACK, **sms: Any) -> Submission:
    message = Sms(**({"to": "+15558675310", "text": TEXT, "category": "service_implicit"} | sms))
    return Submission(reference=REFERENCE, sms=message, settings=settings, callback_url=callback_url, now=NOW)


def callback(
    body: bytes, query: str = "", now: datetime = NOW, headers: dict[str, str] | None = None
) -> Request:
    url = CALLBACK + ("?" if query else "") + query
    kind = "application/json" if body[:1] in (b"{", b"[") else "application/x-www-form-urlencoded"
    return Request(url=url, query=query, headers=headers or {"content-type": kind}, body=body, now=now)


def changed(request: Request, **to: Any) -> Request:
    return msgspec.structs.replace(request, **to)


def with_headers(request: Request, **headers: str) -> Request:
    return changed(request, headers=request.headers | {n.replace("_", "-"): v for n, v in headers.items()})


def fixture(name: str) -> bytes:
    """`twilio/created.json`; see fixtures/README.md for where they are from."""
    return (FIXTURES / name).read_bytes().strip()


def form_of(question: Question) -> dict[str, str]:
    return dict(parse_qsl(question.body.decode(), keep_blank_values=True))


def query_of(question: Question) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(question.url).query, keep_blank_values=True))


def header_of(question: Question, name: str) -> str:
    return dict(question.headers)[name]
