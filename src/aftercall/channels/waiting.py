"""How long a receiver asks us to wait."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(status: int, headers: Iterable[tuple[str, str]], now: datetime) -> float | None:
    """Seconds to wait as the receiver asks with 429 or 503 (RFC 9110, 10.2.3: seconds or an HTTP date)."""
    if status not in (429, 503):
        return None
    raw = next((value for name, value in headers if name.lower() == "retry-after"), "").strip()
    if raw.isascii() and raw.isdigit() and len(raw) < 10:
        return float(raw)
    try:
        at = parsedate_to_datetime(raw)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())
