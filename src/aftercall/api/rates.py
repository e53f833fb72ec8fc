"""How many events an account may send a second: a token bucket each (promise 11)."""

import math
import time

BURST = 1.0  # seconds' worth that may come at once


class Rates:
    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}  # account -> (tokens, as of)

    def take(self, account_id: str, rate: float, count: int, now: float | None = None) -> int | None:
        """None when `count` events may pass now, else the seconds to wait.

        A batch larger than what is left passes and is paid off afterwards: else it could never pass.
        """
        now = time.monotonic() if now is None else now
        tokens, since = self._buckets.get(account_id, (rate * BURST, now))
        tokens = min(rate * BURST, tokens + (now - since) * rate)
        if tokens <= 0:
            self._buckets[account_id] = (tokens, now)
            return max(1, math.ceil(-tokens / rate))
        self._buckets[account_id] = (tokens - count, now)
        return None
