"""What Kannel says when it does not take or deliver a text (S3). It has no numbers for its answers: the sentence is
the code (gw/smsbox.c of 1.4.5). The numbers are those kinds of receipts that tell of a failure (gw/dlr.h); where an
SMPP receipt behind them gives one of the registry's codes (DLT), that says more.
"""

from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.domain.message import ErrorClass
from aftercall.engine.messaging import Known

BUSY = "Temporal failure, try again later."
_NOBODY = "there is no number to send to"
_ALPHABET = "the text has characters that Kannel cannot convert"
_NO_POST = "it takes no texts by POST; it is older than Kannel 1.4, or another program"

_ROWS: tuple[tuple[str, ErrorClass, str], ...] = (
    ("Authorization failed for sendsms", "credentials",
     "user name or password is wrong, or `user-allow-ip` keeps this server out"),
    (BUSY, "unavailable", "it takes no texts just now, its queue is full or it is suspended; sent again later"),
    ("Not routable. Do not try again.", "config", "none of its SMSCs takes the text; check `smsc` and its routing"),
    ("Number(s) has/have been denied by white- and/or black-lists.", "blocked",
     "one of its lists keeps the number out"),
    ("Sender missing and no global set, rejected", "sender",
     "there is no sender; set one here, or `global-sender` in Kannel"),
    ("Missing receiver(s) number(s), rejected", "invalid_recipient", _NOBODY),
    ("Empty receiver number not allowed, rejected", "invalid_recipient", _NOBODY),
    ("Invalid charset", "content", _ALPHABET),
    ("Charset or body misformed, rejected", "content", _ALPHABET),
    ("DLR-URL field misformed, rejected", "config",
     "it cannot use the address for receipts; look at the public address of this server"),
    ("Invalid content-type", "config", _NO_POST),
    ("Unsupported content-type, rejected", "config", _NO_POST),
    ("2", "unreachable", "the SMSC could not deliver it to the phone"),
    ("16", "blocked", "the SMSC did not take it"),
    ("34", "expired", "the phone could not be reached within the text's validity"),
    ("66", "unknown", "the SMSC does not know what became of it"),
)  # fmt: skip
ERRORS: dict[str, Known] = {
    **DLT_ERRORS,
    **{code: Known(error, hint, retry=error == "unavailable") for code, error, hint in _ROWS},
}
