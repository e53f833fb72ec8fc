"""Receipts in any order make one state (S6)."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.message import Receipt, ReceiptStatus
from aftercall.domain.progress import RANK, Progress, fold

STATUSES: list[ReceiptStatus] = list(RANK)


def told(*receipts: Receipt, ids: tuple[str, ...] = ()) -> Progress:
    progress = Progress(ids=ids)
    for receipt in receipts:
        progress = fold(progress, receipt)
    return progress


def test_message_is_sent_until_a_receipt_says_more() -> None:
    assert told(ids=("a",)).status == "sent"
    assert told(Receipt(provider_id="a", status="sent"), ids=("a",)).status == "sent"


def test_late_receipt_that_says_less_changes_nothing() -> None:
    delivered, sent = (Receipt(provider_id="a", status=s) for s in ("delivered", "sent"))
    assert told(delivered, sent) == told(delivered)


def test_message_of_three_segments_is_delivered_with_the_last_one() -> None:
    ids = ("a", "b", "c")
    receipts = [Receipt(provider_id=id_, status="delivered") for id_ in ids]
    for order in itertools.permutations(receipts):
        assert told(*order[:2], ids=ids).status == "sent"
        assert told(*order, ids=ids).status == "delivered"


def test_one_lost_segment_is_a_lost_message() -> None:
    lost = told(
        Receipt(provider_id="a", status="delivered"),
        Receipt(provider_id="b", status="expired", error="expired"),
        ids=("a", "b"),
    )
    assert (lost.status, lost.reason) == ("undelivered", "expired")


def test_receipt_without_an_id_speaks_of_the_whole_message() -> None:
    assert told(Receipt(reference="dl_1", status="delivered"), ids=("a", "b")).status == "delivered"


@given(
    st.lists(
        st.builds(Receipt, provider_id=st.sampled_from(["a", "b"]), status=st.sampled_from(STATUSES)),
        max_size=6,
    ),
    st.randoms(),
)
def test_order_and_repetition_do_not_matter(receipts: list[Receipt], chance: object) -> None:
    shuffled = [*receipts, *receipts]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = told(*receipts, ids=("a", "b")), told(*shuffled, ids=("a", "b"))
    assert one.status == other.status
    assert {k: RANK[p.status] for k, p in one.parts.items()} == {
        k: RANK[p.status] for k, p in other.parts.items()
    }
