"""What a mail server's answer means: its code, its enhanced code (RFC 3463), and what was being said when it came.

Codes are those of RFC 5321 (4.2.3), RFC 4954 (login), RFC 7504 (521, 556); enhanced codes those of
https://www.iana.org/assignments/smtp-enhanced-status-codes/. Four-hundreds are worth another try, always.
"""

import re
from typing import Literal

import msgspec

from aftercall.engine.messaging import Known

Phase = Literal["greeting", "hello", "starttls", "login", "sender", "recipient", "content"]

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")

LOGIN = Known("credentials", "the server did not accept the user name and password")
ANONYMOUS = Known("credentials", "the server wants a login before it takes mail")
WEAK = Known("config", "the server wants encryption, or another way to log in")
NO_MAILBOX = Known("invalid_recipient", "there is no such mailbox", suppress=True)
NO_DOMAIN = Known("invalid_recipient", "the recipient's domain takes no mail", suppress=True)
NOT_TAKEN = Known("invalid_recipient", "the server takes no mail for this address")
MALFORMED = Known("invalid_recipient", "the server does not take this form of address")
DISABLED = Known("unreachable", "the mailbox takes no mail")
FULL = Known("unreachable", "the mailbox is full", retry=True)
TOO_LARGE = Known("content", "the mail is larger than the server takes")
SENDER = Known("sender", "the server does not take this sender address")
UNPROVEN = Known("sender", "the sender is not proven: check SPF, DKIM and DMARC of the sender's domain")
RELAY = Known("config", "the server does not relay for us: is a login missing")
BLOCKED = Known("blocked", "the recipient's side refuses mail from this sender or server")
FILTERED = Known("filtered", "the server took the mail for spam or against its policy")
CONTENT = Known("content", "the server cannot take what the mail holds")
ROUTE = Known("unreachable", "the server found no way to the recipient's server")
SPEECH = Known("config", "the server did not understand us")
UNKNOWN = Known("unknown", "the server refused without a reason we know")
LATER = Known("unavailable", "the server cannot take the mail now", retry=True)
SLOW_DOWN = Known(
    "throttled", "the server wants us to come again later (greylisting, or a rate limit)", retry=True
)

# Without the first digit, which says no more than that it is final.
ENHANCED: dict[str, Known] = {
    "1.0": NOT_TAKEN,
    "1.1": NO_MAILBOX,
    "1.2": NO_DOMAIN,
    "1.3": MALFORMED,
    "1.4": MALFORMED,  # ambiguous
    "1.6": NO_MAILBOX,  # moved, without a new address
    "1.7": SENDER,
    "1.8": SENDER,
    "1.9": SENDER,
    "1.10": NO_DOMAIN,  # null MX, RFC 7505
    "2.1": DISABLED,
    "2.2": FULL,
    "2.3": TOO_LARGE,
    "3.1": FULL,  # the system's, not the mailbox's
    "3.4": TOO_LARGE,
    "4.1": ROUTE,
    "4.4": ROUTE,
    "4.7": ROUTE,
    "5.1": SPEECH,
    "5.2": SPEECH,
    "5.4": SPEECH,
    "6.0": CONTENT,
    "6.1": CONTENT,
    "6.3": CONTENT,
    "6.6": CONTENT,
    "7.8": LOGIN,
    "7.9": WEAK,
    "7.10": WEAK,
    "7.11": WEAK,
    "7.20": UNPROVEN,  # to 7.22: DKIM, RFC 7372
    "7.21": UNPROVEN,
    "7.22": UNPROVEN,
    "7.23": UNPROVEN,  # and 7.24: SPF
    "7.24": UNPROVEN,
    "7.25": BLOCKED,  # our server's address has no name
    "7.26": UNPROVEN,  # several checks: DMARC
    "7.27": SENDER,
}
# By what was being said, then by code; 0 stands for any other.
BASIC: dict[Phase, dict[int, Known]] = {
    "greeting": {0: BLOCKED},
    "hello": {0: SPEECH, 550: BLOCKED, 554: BLOCKED},
    "starttls": {0: WEAK},
    "login": {0: LOGIN, 500: WEAK, 502: WEAK, 503: WEAK, 504: WEAK, 534: WEAK, 538: WEAK},
    "sender": {0: SENDER, 500: SPEECH, 501: SENDER, 502: SPEECH, 503: SPEECH, 552: TOO_LARGE, 555: SPEECH},
    "recipient": {
        0: UNKNOWN, 500: SPEECH, 501: MALFORMED, 502: SPEECH, 503: SPEECH, 550: NO_MAILBOX, 551: NO_MAILBOX,
        552: FULL, 553: MALFORMED, 554: BLOCKED, 555: SPEECH,
    },
    "content": {0: FILTERED, 500: SPEECH, 502: SPEECH, 503: SPEECH, 552: FULL},
}  # fmt: skip
# 7.0 and 7.1 only say "policy"; whose, follows from when.
POLICY: dict[Phase, Known] = {"login": LOGIN, "sender": SENDER, "content": FILTERED}
# 530 is also what a server says that wants STARTTLS first (RFC 3207, 4).
ANYWHERE: dict[int, Known] = {521: NO_DOMAIN, 523: WEAK, 530: ANONYMOUS, 535: LOGIN, 556: NO_DOMAIN}


class Answer(msgspec.Struct, frozen=True):
    """What the server said. `text` may have several lines."""

    phase: Phase
    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        found = _ENHANCED.match(self.text)
        return found[0] if found and found[1] == str(self.code // 100) else None


def known(answer: Answer) -> Known:
    """What a refusal means. Only the answer to a recipient can say that the recipient does not exist."""
    if answer.code < 500:
        return _later(answer)
    found = _final(answer)
    if found.suppress and answer.phase not in ("recipient", "content"):
        return BLOCKED
    return found


def _final(answer: Answer) -> Known:
    if answer.code in ANYWHERE:
        return WEAK if "starttls" in answer.text.lower() else ANYWHERE[answer.code]
    basic = BASIC[answer.phase].get(answer.code, BASIC[answer.phase][0])
    if answer.enhanced is None:
        return RELAY if _relaying(answer) else basic
    subject = answer.enhanced.partition(".")[2]
    if answer.phase == "sender" and subject.startswith("1."):
        return SENDER
    if subject in ENHANCED:
        return ENHANCED[subject]
    if subject.startswith("7."):
        return RELAY if _relaying(answer) else POLICY.get(answer.phase, BLOCKED)
    return UNKNOWN if basic.suppress else basic


def _later(answer: Answer) -> Known:
    subject = (answer.enhanced or "").partition(".")[2]
    if subject == "2.2" or (answer.code == 452 and answer.phase == "recipient" and not subject):
        return FULL
    if subject.startswith("7.") and answer.phase in ("sender", "recipient", "content"):
        return SLOW_DOWN
    return LATER


def _relaying(answer: Answer) -> bool:
    """The one reason that servers give in words only ("relay access denied", "unable to relay")."""
    return answer.phase == "recipient" and "relay" in answer.text.lower()
