"""The webhook channel: one signed request, and what came of it (W2, W5, W6, W9)."""

from base64 import b64encode
from datetime import datetime

import msgspec

from aftercall import __version__
from aftercall.channels.waiting import retry_after
from aftercall.domain.delivery import Delivery, ErrorCode, Outcome
from aftercall.domain.signature import sign
from aftercall.domain.webhook import Auth, Webhook
from aftercall.net.door import Door
from aftercall.net.errors import NetError
from aftercall.net.message import Request, Response

USER_AGENT = f"AfterCall/{__version__}"
BODY_KEPT = 4_096  # bytes of the answer that the delivery log shows
FINAL_4XX = frozenset(range(400, 500)) - {408, 425, 429}  # with fail_fast
MASK = "••••"

ERRORS: dict[str, ErrorCode] = {
    "invalid_request": "config",
    "invalid_url": "invalid_url",
    "dns": "dns",
    "address_refused": "address_refused",
    "connect": "connect",
    "tls": "tls",
    "timeout": "timeout",
    "protocol": "protocol",
    "closed": "connect",
}


class WebhookChannel:
    def __init__(self, door: Door) -> None:
        self._door = door

    async def send(self, delivery: Delivery, webhook: Webhook, attempt: int, now: datetime) -> Outcome:
        """One attempt. A receiver that refuses a secret which has just been rotated is shown the old one too."""
        outcome = await self._send(delivery, webhook, attempt, now)
        if outcome.status_code in (401, 403):
            old = next((o for o in webhook.old_auth_secrets if o.until > now), None)
            left = webhook.timeout_seconds - outcome.latency
            if old is not None and left > 0:
                before = msgspec.structs.replace(
                    webhook, auth=_with_secret(webhook.auth, old.secret), timeout_seconds=left
                )
                again = await self._send(delivery, before, attempt, now)
                return again if again.ok else outcome
        return outcome

    async def _send(self, delivery: Delivery, webhook: Webhook, attempt: int, now: datetime) -> Outcome:
        url = webhook.url
        if delivery.query:
            url += ("&" if "?" in url else "?") + delivery.query
        headers = _headers(delivery, webhook, attempt, now)
        request = Request(
            method=webhook.method,
            url=url,
            headers=headers,
            body=delivery.body,
            timeout=webhook.timeout_seconds,
            body_cap=BODY_KEPT,
        )
        shown = _masked(headers, webhook)
        try:
            response = await self._door.request(request)
        except NetError as error:
            return Outcome(
                ok=False,
                error=ERRORS[error.code],
                detail=error.detail,
                retry=error.code not in ("invalid_url", "invalid_request"),
                request_url=webhook.url,
                request_headers=shown,
                latency=error.elapsed,
            )
        return _outcome(response, webhook, shown, now)


def _headers(
    delivery: Delivery, webhook: Webhook, attempt: int, now: datetime
) -> tuple[tuple[str, str], ...]:
    signed = delivery.query.encode() if webhook.method == "GET" else delivery.body
    headers = {"User-Agent": USER_AGENT}
    if delivery.content_type:
        headers["Content-Type"] = delivery.content_type
    headers |= sign(webhook, delivery.event_id, now, signed)
    headers["X-AfterCall-Delivery"] = delivery.id
    headers["X-AfterCall-Attempt"] = str(attempt)
    if authorization := _authorization(webhook.auth):
        headers[authorization[0]] = authorization[1]
    if not webhook.headers:
        return tuple(headers.items())
    taken = {name.lower() for name in headers}
    return (*headers.items(), *((n, v) for n, v in webhook.headers.items() if n.lower() not in taken))


def _authorization(auth: Auth) -> tuple[str, str] | None:
    match auth.type:
        case "basic":
            pair = f"{auth.username or ''}:{auth.password or ''}".encode()
            return "Authorization", "Basic " + b64encode(pair).decode()
        case "bearer":
            return "Authorization", f"Bearer {auth.secret or ''}"
        case "header":
            return auth.header or "X-Webhook-Token", auth.secret or ""
        case _:
            return None


def _with_secret(auth: Auth, secret: str) -> Auth:
    if auth.type == "basic":
        return msgspec.structs.replace(auth, password=secret)
    return msgspec.structs.replace(auth, secret=secret)


def _masked(headers: tuple[tuple[str, str], ...], webhook: Webhook) -> tuple[tuple[str, str], ...]:
    """The headers as the log may show them: signatures stay, secrets and extra headers' values do not."""
    if webhook.auth.type == "none" and not webhook.headers:
        return headers
    secret = {name.lower() for name in webhook.headers} | {"authorization"}
    if webhook.auth.type == "header":
        secret.add((webhook.auth.header or "").lower())
    return tuple((name, MASK if name.lower() in secret else value) for name, value in headers)


def _outcome(
    response: Response, webhook: Webhook, shown: tuple[tuple[str, str], ...], now: datetime
) -> Outcome:
    status = response.status
    ok = 200 <= status < 300
    return Outcome(
        ok=ok,
        error=None if ok else "gone" if status == 410 else "status",
        detail="" if ok else _explain(status),
        retry=not (webhook.fail_fast and (status in FINAL_4XX or 300 <= status < 400)),
        retry_after=None if ok else retry_after(status, response.headers, now),
        gone=status == 410,
        status_code=status,
        response_headers=response.headers,
        response_body=response.body.decode("utf-8", "replace").replace("\0", "\ufffd"),
        request_url=webhook.url,
        request_headers=shown,
        address=response.address,
        latency=response.elapsed,
    )


def _explain(status: int) -> str:
    if 300 <= status < 400:
        return f"the receiver answered {status}, a redirect; redirects are never followed"
    return f"the receiver answered {status}"
