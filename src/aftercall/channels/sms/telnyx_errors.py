"""What Telnyx's error codes mean for a text, whether its API answers them or a webhook tells them (S3).

https://developers.telnyx.com/docs/messaging/messages/error-codes/index
https://support.telnyx.com/en/articles/6505121-telnyx-messaging-error-codes
"""

from aftercall.engine.messaging import Known

PROFILE = "look at the messaging profile in the Telnyx portal"

ERRORS: dict[str, Known] = {
    "10001": Known("invalid_recipient", "the number is not in use"),
    "10002": Known("invalid_recipient", "it is no valid number; correct it"),
    "10003": Known("config", "Telnyx cannot use the callback URL"),
    "10004": Known("config", "something is missing in the request; set a sender or a messaging profile"),
    "10005": Known("config", "Telnyx knows no such address or profile; check the connection's settings"),
    "10006": Known("credentials", "the API key may not use this profile"),
    "10009": Known("credentials", "the API key is wrong; correct the connection"),
    "10010": Known("credentials", "the API key may not send texts"),
    "10011": Known("throttled", "too many requests at once; it is sent again later", retry=True),
    "10015": Known("config", "Telnyx does not take the request"),
    "10016": Known("invalid_recipient", "the number must be written with + and its country code"),
    "20012": Known("config", "the Telnyx account is not active; its portal and mails say why"),
    "20013": Known("config", "the Telnyx account is not verified for this; verify it in the portal"),
    "20016": Known("config", "the Telnyx account is not verified for this; verify it in the portal"),
    "20017": Known("config", "the Telnyx account is not verified for this; verify it in the portal"),
    "20100": Known("credit", "the Telnyx account has no credit left; top it up"),
    "40001": Known("unreachable", "it is a landline, or a number that cannot have texts"),
    "40002": Known("filtered", "taken for spam for now; send more slowly and look at the text"),
    "40003": Known("filtered", "taken for spam, and the sender is blocked for good; use another sender"),
    "40004": Known("blocked", "the recipient's carrier rejects it without a reason"),
    "40005": Known("expired", "it was not delivered in time"),
    "40006": Known("unavailable", "the recipient's carrier cannot be reached; a later try may work", retry=True),
    "40008": Known("unreachable", "the recipient's carrier did not take it"),
    "40009": Known("content", "the carrier calls the text invalid; look for unusual characters"),
    "40010": Known("registration", "the number is not registered for US A2P 10DLC; add it to a campaign"),
    "40011": Known("throttled", "faster than the carrier allows; lower the connection's rate", retry=True),
    "40012": Known("invalid_recipient", "the carrier calls it an invalid number"),
    "40013": Known("sender", "the carrier calls the sender invalid; check that the number is active for texts"),
    "40014": Known("expired", "it waited too long at Telnyx; send more slowly"),
    "40015": Known("filtered", "taken for spam by Telnyx; look at the text"),
    "40016": Known("throttled", "T-Mobile's daily limit for the brand is used up", retry=True),
    "40017": Known("filtered", "taken for spam by AT&T; look at the text"),
    "40018": Known("throttled", "faster than AT&T allows the campaign; lower the connection's rate", retry=True),
    "40100": Known("sender", "the sender is not enabled for texts at Telnyx"),
    "40150": Known("sender", "the toll-free number is not known to the registry"),
    "40151": Known("sender", "the sender's texts still belong to another provider"),
    "40300": Known("opted_out", "the recipient has sent STOP to this messaging profile", suppress=True),
    "40301": Known("invalid_recipient", "this kind of message cannot be sent to this number"),
    "40302": Known("content", "the message is too large"),
    "40304": Known("content", "the message has parts that do not go together"),
    "40305": Known("sender", "the sender is not of this account, or not of this messaging profile"),
    "40306": Known("sender", "the messaging profile has no sender name for this country; " + PROFILE),
    "40309": Known("config", "texts to this country are not enabled; " + PROFILE),
    "40310": Known("invalid_recipient", "it is no valid number; correct it"),
    "40312": Known("config", "the messaging profile is disabled; enable it in the Telnyx portal"),
    "40314": Known("config", "messaging is disabled for the Telnyx account; ask Telnyx"),
    "40315": Known("sender", "Telnyx has stopped the sender because many of its texts fail or are spam"),
    "40316": Known("content", "the text is empty"),
    "40318": Known("throttled", "the sender's queue at Telnyx is full; it is sent again later", retry=True),
    "40319": Known("invalid_recipient", "this kind of message cannot be sent to this number"),
    "40320": Known("sender", "the sender cannot be used yet; its purchase is not complete"),
    "40321": Known("sender", "the messaging profile has no number that can be used; " + PROFILE),
    "40322": Known("filtered", "Telnyx blocks the content; look at the text"),
    "40328": Known("content", "the text is longer than recommended"),
    "40329": Known("registration", "the toll-free number is not verified; verify it in the Telnyx portal"),
    "40333": Known("config", "the messaging profile's spending limit is reached; " + PROFILE),
}  # fmt: skip
# 40300 is told of other things as well, by its words: then nobody has opted out.
NOT_FROM = Known("sender", "the sender may not be used with this messaging profile")
