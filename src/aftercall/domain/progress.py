"""What has become of a message, folded from its receipts: in any order, twice, and a segment at a time (S6).

Pure. A receipt that says less than what is known changes nothing; it is kept all the same.
"""

from datetime import datetime
from typing import Literal

import msgspec

from aftercall.domain.message import ErrorClass, Receipt, ReceiptStatus

# Delivered is the last word: some networks report a failure first and then succeed.
RANK: dict[ReceiptStatus, int] = {
    "queued": 1, "sent": 2, "failed": 3, "rejected": 3, "expired": 3, "undelivered": 3, "delivered": 4,
}  # fmt: skip


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """The latest word on one segment, or on the whole message where the provider speaks of no segments."""

    status: ReceiptStatus
    at: datetime | None = None
    provider_status: str = ""
    code: str | None = None
    error: ErrorClass | None = None
    detail: str = ""


class Progress(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`ids` are the provider's, in the order of the segments; `parts` by id, `""` where a receipt names none."""

    ids: tuple[str, ...] = ()
    parts: dict[str, Part] = {}
    segments: int | None = None  # as the provider counts
    price: str | None = None
    currency: str | None = None

    @property
    def status(self) -> Literal["sent", "delivered", "undelivered"]:
        """Delivered when every segment is; undelivered as soon as one is known not to be."""
        told = self.parts.values()
        if any(RANK[part.status] == 3 for part in told):
            return "undelivered"
        arrived = [id_ for id_, part in self.parts.items() if part.status == "delivered"]
        whole = "" in arrived or len(arrived) >= max(1, len(self.ids))
        return "delivered" if whole else "sent"

    @property
    def reason(self) -> str | None:
        """Why it was not delivered: the class of the error, else the receipt's own word."""
        for part in self.parts.values():
            if RANK[part.status] == 3:
                return part.error or part.status
        return None


def fold(progress: Progress, receipt: Receipt) -> Progress:
    """The progress after one more receipt."""
    id_ = receipt.provider_id or ""
    known = progress.parts.get(id_)
    parts = progress.parts
    if known is None or RANK[receipt.status] > RANK[known.status]:
        part = Part(
            receipt.status,
            receipt.at,
            receipt.provider_status,
            receipt.provider_code,
            receipt.error,
            receipt.detail,
        )
        parts = {**parts, id_: part}
    named = (id_,) if id_ and receipt.reference is not None and not progress.ids else progress.ids
    return msgspec.structs.replace(
        progress,
        ids=named,
        parts=parts,
        segments=receipt.segments or progress.segments,
        price=receipt.price or progress.price,
        currency=receipt.currency or progress.currency,
    )
