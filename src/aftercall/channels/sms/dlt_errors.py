"""What India's operators answer when the registry (DLT) does not let a text pass: the codes all of them share.

Facts from https://support.exotel.com/support/solutions/articles/3000120944-dlt-platform-error-codes-in-india and
https://smsgatewayhub.freshdesk.com/support/solutions/articles/3000129776-dlt-sms-error-codes-latest-india-2025
Some aggregators use 611 to 616 for something else: what they say in words stands beside the code.
"""

from collections.abc import Mapping

from aftercall.domain.message import ErrorClass
from aftercall.engine.messaging import Known

_ROWS: tuple[tuple[int, ErrorClass, str], ...] = (
    (195, "config", "A DLT parameter is missing: check the TLV tags, and the ids of sender and template"),
    (600, "registration", "The registry does not know the entity id: check it on the sender"),
    (601, "registration", "The entity is not registered with this operator's registry"),
    (602, "registration", "The entity is inactive in the registry: its registration has to be renewed"),
    (603, "registration", "The entity is blacklisted in the registry"),
    (604, "config", "The entity id is missing or malformed: it has about 19 digits"),
    (605, "registration", "The entity has not authorised this telemarketer: bind it in the registry"),
    (610, "registration", "The telemarketer is not registered: ask the provider"),
    (611, "registration", "The telemarketer is inactive in the registry: ask the provider"),
    (612, "registration", "The telemarketer is blacklisted: ask the provider"),
    (613, "registration", "The telemarketer may not send for this entity: bind it in the registry"),
    (614, "config", "The chain of telemarketers was not sent: the route asks for it, see the chain's TLV"),
    (615, "registration", "The chain from entity to telemarketer is not registered: bind it in the registry"),
    (616, "registration", "The chain from entity to telemarketer is inactive: renew it in the registry"),
    (617, "registration", "The chain from entity to telemarketer is blacklisted"),
    (618, "registration", "The chain from entity to telemarketer is suspended"),
    (620, "sender", "The registry does not know the header; upper and lower case count"),
    (621, "sender", "The header is inactive in the registry"),
    (622, "sender", "The header is blacklisted in the registry"),
    (623, "sender", "The header belongs to another entity: check the sender's entity id"),
    (624, "sender", "The header is suspended: its validity is over, renew it in the registry"),
    (625, "sender", "The header is suspended because it was not used: activate it in the registry"),
    (630, "template", "The registry does not know the template id"),
    (631, "template", "The template is inactive in the registry"),
    (632, "template", "The template is blacklisted in the registry"),
    (633, "template", "The text does not match the registered template: compare them character by character"),
    (634, "template", "The header is not registered for this template"),
    (635, "template", "A variable is longer than the registry allows"),
    (636, "template", "The registry could not tell which template this is: check the template id and the text"),
    (637, "template", "The template id is malformed: it has about 19 digits"),
    (650, "blocked", "The recipient does not want messages of this category (DND)"),
    (651, "window", "Promotional and service-explicit messages pass from 10:00 to 21:00 Indian time only"),
    (660, "blocked", "The recipient's consent is not recorded in the registry"),
    (670, "unavailable", "The operator could not check the message against the registry"),
)  # fmt: skip

# By the code in decimal digits, as receipts have it. None is worth a repeat of the same text but the last.
DLT_ERRORS: Mapping[str, Known] = {
    str(code): Known(error, hint, retry=error == "unavailable") for code, error, hint in _ROWS
}
