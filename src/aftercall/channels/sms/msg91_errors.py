"""What MSG91's codes mean (S3). Those of its API stood at https://api.msg91.com/apidoc/textsms/send-sms.php; they are
from the copy in ERRORCODE.md of https://github.com/tesark/msg91-php, as MSG91's new documentation lists none. 418 is
explained at https://msg91.com/help/api; 400 is known from what users report. One or two digits: codes of receipts,
https://msg91.com/help/how-can-i-get-the-delivery-reports-on-my-webhook-url
"""

from aftercall.domain.message import ErrorClass
from aftercall.engine.messaging import Known

_KEY = "the auth key is wrong or was deleted; make one under Authkey in MSG91's panel"
_ADDRESS = (
    "the auth key is not allowed from this server's address; add it to the key's whitelisted IPs at MSG91"
)
_ROUTE = "MSG91 has no route for the text; its support knows why"
_INNER = "MSG91 has a problem of its own"

_ROWS: tuple[tuple[str, ErrorClass, str], ...] = (
    ("101", "invalid_recipient", "there is no number to send to"),
    ("102", "content", "the text is empty"),
    ("103", "sender", "there is no sender; set one here"),
    ("104", "credentials", _KEY),
    ("105", "credentials", _KEY),
    ("106", "credentials", _KEY),
    ("107", "config", _ROUTE),
    ("202", "invalid_recipient", "it is no valid number; correct it"),
    ("203", "sender", "the sender must be six letters, as the header is registered"),
    ("205", "config", "the account's route is for twenty numbers and more at once; ask MSG91 for another"),
    ("207", "credentials", _KEY),
    ("208", "credentials", _ADDRESS),
    ("209", "config", _ROUTE),
    ("210", "config", _ROUTE),
    ("301", "credit", "the MSG91 account has no credit left for this route; top it up"),
    ("302", "config", "the MSG91 account has expired"),
    ("303", "config", "the MSG91 account is banned"),
    ("306", "window", "promotional texts go out from 9:00 to 21:00 Indian time only"),
    ("307", "config", "MSG91 finds the time to send it at wrong"),
    ("308", "config", "MSG91 finds the campaign's name too long"),
    ("309", "config", "MSG91 does not know the group of numbers"),
    ("310", "content", "the text is too long"),
    ("311", "throttled", "the same text went to the same number less than ten seconds before; this one was dropped"),
    ("400", "config", "MSG91 does not know the flow; compare the ids under Flows with its panel"),
    ("418", "credentials", _ADDRESS),
    ("505", "config", "it is a demo account; ask MSG91 to open it"),
    ("506", "throttled", "the account's daily number of small campaigns is used up; ask MSG91 to lift it"),
    ("001", "unavailable", _INNER),
    ("002", "unavailable", _INNER),
    ("601", "unavailable", _INNER),
    ("2", "unreachable", "the operator could not deliver it"),
    ("9", "blocked", "the recipient does not want promotional texts (NDNC, DND)"),
    ("16", "blocked", "the operator or the registry (DLT) rejected it"),
    ("17", "blocked", "the number is on a list of blocked numbers at MSG91"),
    ("25", "blocked", "the operator or the registry (DLT) rejected it"),
)  # fmt: skip
# The database was not reached: the text was not taken. 601 may mean anything, so it is not tried again.
_AGAIN = frozenset({"001", "002"})
ERRORS: dict[str, Known] = {code: Known(error, hint, retry=code in _AGAIN) for code, error, hint in _ROWS}
