"""Why Exotel did not take or deliver a text (S3), by the word: `DetailedStatus`. The numbers beside the words differ
between Exotel's own pages, so they only stand in the detail:
https://developer.exotel.com/docs/sms-api/api-reference/status-codes,
https://developer.exotel.com/docs/sms-support/sms-status-codes and
https://support.exotel.com/support/solutions/articles/3000112255-glossary-for-sms-stats-beta-

The sentences are those of refused requests: https://support.exotel.com/support/solutions/articles/48282-sending-an-sms
What FAILED_EXPIRED is called could not be verified.
"""

from aftercall.domain.message import ErrorClass
from aftercall.engine.messaging import Known

_DND = "the recipient is on India's list of those who want no promotional texts (DND)"
_SPAM = "the operator took it for spam; look at the text"
_HEADER = "the sender is not registered for this entity (DLT), or not added at Exotel"
_ENTITY = "the registry (DLT) does not accept the entity id; check it on the sender"
_TEMPLATE = "the text does not match its registered template (DLT); compare them character by character"
_TEMPLATE_ID = "the registry (DLT) does not accept the template id; check it on the template"
_SCRUBBED = "the registry (DLT) did not let it pass"
_CONSENT = "the recipient's consent is not recorded in the registry (DLT)"
_PHONE = "the phone did not take it: full, defective, or not made for texts"

_ROWS: tuple[tuple[str, ErrorClass, str], ...] = (
    ("FAILED_DND", "blocked", _DND),
    ("FAILED_INVALID_NUMBER", "invalid_recipient", "there is no such number"),
    ("FAILED_SPAM", "filtered", _SPAM),
    ("FAILED_SPAM_DETECTED", "filtered", _SPAM),
    ("FAILED_BLACKLISTED", "blocked", "the number is on a list of blocked numbers"),
    ("FAILED_INVALID_SENDER", "sender", _HEADER),
    ("SENDER_BLOCKED_BY_DLT", "sender", _HEADER),
    ("FAILED_DLT_ENTITY", "registration", _ENTITY),
    ("ENTITY_BLOCKED_BY_DLT", "registration", _ENTITY),
    ("DLT_ENTITY_NOT_FOUND", "registration", _ENTITY),
    ("FAILED_DLT_TEMPLATE", "template", _TEMPLATE),
    ("TEMPLATE_BLOCKED_BY_DLT", "template", _TEMPLATE),
    ("DLT_TEMPLATE_DOES_NOT_MATCH", "template", _TEMPLATE),
    ("DLT_TEMPLATE_ID_INVALID", "template", _TEMPLATE_ID),
    ("DLT_TEMPLATE_NOT_FOUND", "template", _TEMPLATE_ID),
    ("DLT_TEMPLATE_ID_INACTIVE", "template", "the template is inactive in the registry (DLT)"),
    ("DLT_TEMPLATE_ID_BLACKLISTED", "template", "the template is blacklisted in the registry (DLT)"),
    ("DLT_LENGTH_EXCEEDED", "template", "a variable is longer than the registry (DLT) allows"),
    ("FAILED_DLT_SCRUBBING", "template", _SCRUBBED),
    ("FAILED_DLT_SCRUBBING_ERROR", "unavailable", "the registry (DLT) could not be asked"),
    ("FAILED_DLT_CONSENT", "blocked", _CONSENT),
    ("FAILED_DLT_CONSENT_ERROR", "blocked", _CONSENT),
    ("FAILED_HANDSET_ERROR", "unreachable", _PHONE),
    ("FAILED_SUBSCRIBER_ERROR", "unreachable", "the operator does not know the number, or it has no texts"),
    ("FAILED_SUBSCRIBER_UNAVAILABLE", "unreachable", "the phone is switched off or out of coverage"),
    ("FAILED_EXPIRED", "expired", "the phone could not be reached for as long as the operator tried"),
    ("FAILED_OPERATOR_ERROR", "unavailable", "the operator had a problem"),
    ("FAILED_UNAVAILABLE_ROUTE", "config", "Exotel has no route to this number; its support knows why"),
    ("FAILED_REJECTED", "blocked", "the operator rejected it and does not say why"),
    ("FAILED_SYSTEM_ERROR", "unavailable", "Exotel had a problem of its own"),
    ("FAILED_UNKNOWN_ERROR", "unknown", "nobody says why"),
    ("Invalid Recipient", "invalid_recipient", "it is no valid number; correct it"),
    ("Insufficient balance", "credit", "the Exotel account has no credit left; top it up"),
    ("Account is not active", "config", "the Exotel account is not active; its dashboard says why"),
    ("Account validity has expired", "config", "the Exotel account has expired; renew it"),
)  # fmt: skip
# None is tried again: each is the end of a text that Exotel has taken, or stays as it is.
ERRORS: dict[str, Known] = {code: Known(error, hint) for code, error, hint in _ROWS}
SENTENCES = (
    "Invalid Recipient",
    "Insufficient balance",
    "Account is not active",
    "Account validity has expired",
)
