"""What Gupshup's codes mean (S3). From 100 on they answer a submit: https://docs.gupshup.io/docs/error-codes, whose
rows after 109 could not be read. 175 and the codes of receipts, below 100, are explained at
https://docs.suprsend.com/docs/gupshup-sms-errors; https://docs.gupshup.io/docs/real-time-delivery-reports names two.
"""

from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.domain.message import ErrorClass
from aftercall.engine.messaging import Known

_OURS = "Gupshup does not accept how it is asked; its support has to look at the account"

_ROWS: tuple[tuple[str, ErrorClass, str], ...] = (
    ("100", "unknown", "Gupshup gives no reason; its support knows more"),
    ("101", "config", "Gupshup misses something; look at what the sender and the template have no value for"),
    ("102", "credentials", "user ID or password is wrong"),
    ("103", "credentials", "there is no such user ID"),
    ("104", "config", "the Gupshup account is disabled; its support knows why"),
    ("105", "invalid_recipient", "it is no valid number; correct it"),
    ("106", "config", "the account may not send by the API; ask Gupshup to enable it"),
    ("107", "config", _OURS),
    ("108", "sender", "the sender (mask) is not valid; it has ten digits, or up to eight letters and digits"),
    ("109", "config", _OURS),
    ("175", "config", "texts to other countries are not enabled; ask Gupshup for them"),
    ("001", "unreachable", "the phone is switched off or out of coverage"),
    ("002", "blocked", "the recipient has barred texts"),
    ("003", "invalid_recipient", "there is no such number"),
    ("004", "unavailable", "the operator's service was down"),
    ("005", "unavailable", "the operator had a problem"),
    ("006", "blocked", "the recipient wants no such texts (DND), or has complained"),
    ("007", "blocked", "the recipient blocks this sender"),
    ("008", "unavailable", "whether the recipient wants such texts (DND) could not be found out in time"),
    ("009", "window", "promotional texts do not go out at this time of day"),
)  # fmt: skip
# None is tried again: those that a later try might help are of texts that Gupshup has taken.
ERRORS: dict[str, Known] = {
    **DLT_ERRORS,
    **{code: Known(error, hint) for code, error, hint in _ROWS},
}
