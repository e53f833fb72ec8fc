"""What Twilio's error codes mean for a text, from the pages at https://www.twilio.com/docs/api/errors/<code> (S3).

Codes of 21xxx come with the answer to a submit, those of 30xxx with receipts. Where the page says that a later
try may work, `retry` is true.
"""

from aftercall.engine.messaging import Known

NOT_TEXTABLE = "the number cannot have texts; correct it or leave it out"
NOT_OURS = "the sender must be a number of this Twilio account that can send texts; choose another"
SUSPENDED = "the Twilio account is not active; its console and mails say why"

ERRORS: dict[str, Known] = {
    "10001": Known("config", SUSPENDED),
    "10002": Known("config", "trial accounts cannot do this; upgrade the Twilio account"),
    "20003": Known("credentials", "the account SID, the auth token or the API key is wrong; correct the connection"),
    "20005": Known("config", SUSPENDED),
    "20404": Known("config", "there is no such account; correct the account SID"),
    "20429": Known("throttled", "too many requests at once; it is sent again later", retry=True),
    "21211": Known("invalid_recipient", "it is no valid number; correct it"),
    "21212": Known("sender", "the sender is no valid number or name; correct it"),
    "21265": Known("invalid_recipient", "texts cannot be sent to short codes"),
    "21266": Known("invalid_recipient", "sender and recipient are the same number"),
    "21267": Known("sender", "trial accounts cannot send under a name; upgrade the Twilio account"),
    "21268": Known("invalid_recipient", "texts cannot be sent to premium numbers"),
    "21408": Known("config", "texts to this country are not enabled; see Messaging, Geo permissions, at Twilio"),
    "21602": Known("content", "the text is empty"),
    "21603": Known("sender", "there is no sender; set one here or a messaging service"),
    "21604": Known("invalid_recipient", "there is no recipient"),
    "21605": Known("content", "the text is too long; 1600 characters are allowed"),
    "21606": Known("sender", NOT_OURS),
    "21608": Known("config", "a trial account sends to verified numbers only; upgrade it or verify the number"),
    "21609": Known("config", "the callback URL must be public, its host without underscores"),
    "21610": Known("opted_out", "the recipient has opted out of this sender or messaging service", suppress=True),
    "21611": Known("throttled", "the sender's queue is full; it is sent again later", retry=True),
    "21612": Known("sender", "this sender cannot reach this number; choose a sender for its country"),
    "21614": Known("invalid_recipient", NOT_TEXTABLE),
    "21617": Known("content", "the text is too long; 1600 characters are allowed"),
    "21619": Known("content", "the text is empty"),
    "21626": Known("config", "Twilio cannot use the callback's settings; look at the public address of this server"),
    "21635": Known("invalid_recipient", "it is a landline; texts go to mobile numbers"),
    "21659": Known("sender", NOT_OURS),
    "21660": Known("sender", NOT_OURS),
    "21661": Known("sender", NOT_OURS),
    "21703": Known("sender", "the messaging service has no senders; add one to its pool"),
    "30001": Known("throttled", "Twilio's queue was full; send more slowly or from more numbers", retry=True),
    "30002": Known("config", SUSPENDED),
    "30003": Known("unreachable", "the phone is switched off or out of coverage; a later try may work", retry=True),
    "30004": Known("blocked", "the recipient or the carrier blocks this sender"),
    "30005": Known("unreachable", "the number is unknown or no longer in use"),
    "30006": Known("unreachable", "it is a landline, or its carrier cannot be reached"),
    "30007": Known("filtered", "taken for spam; look at the text and the sender's registration"),
    "30008": Known("unknown", "the carrier gives no reason; a later try may work", retry=True),
    "30022": Known("throttled", "faster than the A2P 10DLC campaign allows; lower the connection's rate", retry=True),
    "30023": Known("throttled", "the brand's daily limit is used up until midnight, Pacific time", retry=True),
    "30027": Known("throttled", "T-Mobile's daily limit for the brand is used up", retry=True),
    "30029": Known("config", "message redaction is not enabled for the Twilio account"),
    "30030": Known("config", "message redaction is not enabled for the Twilio account"),
    "30032": Known("registration", "the toll-free number is not verified; verify it in the Twilio console"),
    "30034": Known("registration", "the number is not registered for US A2P 10DLC; add it to a campaign"),
    "30036": Known("expired", "it waited longer at Twilio than its validity allows"),
    "30037": Known("config", "outbound messages are disabled for the Twilio account"),
    "30047": Known("window", "it could not be moved to an allowed time, and was not sent", retry=True),
    "30990": Known("registration", "the A2P 10DLC campaign is suspended; the Twilio console says why"),
    "63038": Known("throttled", "the trial account's daily limit is used up; upgrade it"),
}  # fmt: skip
