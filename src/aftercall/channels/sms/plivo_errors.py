"""What Plivo's error codes mean for a text: those of receipts, and of the API's own refusals, which are words (S3).

https://plivo.com/docs/messaging/troubleshooting/error-codes; 450: https://docs.plivo.com/docs/faq/messaging/sms;
900: https://support.plivo.com/support/solutions/articles/17000088423
"""

from aftercall.engine.messaging import Known

ERRORS: dict[str, Known] = {
    "10": Known("content", "the carrier calls it an invalid message; ask Plivo if that happens often"),
    "20": Known("unavailable", "the carrier's network had a problem; a later try may work", retry=True),
    "30": Known("filtered", "taken for spam; look at the text and the sender's registration"),
    "40": Known("sender", "the sender is wrong, cannot send texts, or is not of this Plivo account"),
    "50": Known("invalid_recipient", "it is no valid number, or a landline"),
    "60": Known("blocked", "Plivo found a loop: too many texts between the two numbers"),
    "70": Known("unreachable", "the number is no longer in use"),
    "80": Known("unreachable", "the phone is switched off or out of coverage; a later try may work", retry=True),
    "90": Known("config", "Plivo has no route to this number from this sender"),
    "100": Known("blocked", "the carrier does not carry it; its network may not take texts"),
    "110": Known("content", "the text is too long; 1600 characters are allowed, 737 with others than GSM's"),
    "200": Known("opted_out", "the recipient has sent STOP to this sender", suppress=True),
    "201": Known("sender", "US toll-free numbers cannot write to Canada; choose another sender"),
    "300": Known("unavailable", "Plivo could not hand it over; a later try may work", retry=True),
    "420": Known("expired", "it waited longer at Plivo than its validity allows"),
    "450": Known("config", "texts to this country are not enabled; see Geo permissions at Plivo"),
    "900": Known("credit", "the Plivo account has no credit left; top it up"),
    "910": Known("config", "the Plivo account is disabled; its console and mails say why"),
    "1000": Known("unknown", "the carrier gives no reason; a later try may work", retry=True),
}  # fmt: skip
# The API's own refusals have no code but words; where they mean the same as a receipt's code, they get that.
WORDS = {"insufficient credit": "900", "not enough credit": "900", "account disabled": "910"}
