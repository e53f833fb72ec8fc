"""Names of customers: the contact whose number the outside party of a call has (D1)."""

from collections.abc import Mapping, Sequence

from aftercall.engine.draft import Draft
from aftercall.engine.ports import Work
from aftercall.engine.rows import Settings


async def name_customers(work: Work, drafts: Sequence[Draft], accounts: Mapping[str, Settings]) -> None:
    """One statement for all of them; none where no account has contacts."""
    asked: dict[tuple[str, str], list[Draft]] = {}
    for draft in drafts:
        account = accounts.get(draft.account_id)
        number = draft.projection.call.customer_number if account and account.has_contacts else None
        if number:
            asked.setdefault((draft.account_id, number), []).append(draft)
    found = await work.find_contacts(sorted(asked)) if asked else {}
    for key, contact in found.items():
        for draft in asked[key]:
            draft.know(contact)
