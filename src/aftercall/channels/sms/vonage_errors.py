"""What Vonage's codes mean: the status of a submit, and the err-code of a receipt, which is another list (S3).

https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms
https://api.support.vonage.com/hc/en-us/articles/204014733 and
https://developer.vonage.com/messaging/sms/guides/delivery-receipts
"""

from aftercall.engine.messaging import Known

RECEIPT = "dlr-"  # before an err-code, so that it is not taken for a status

ERRORS: dict[str, Known] = {
    "1": Known("throttled", "faster than the account allows; it is sent again later", retry=True),
    "2": Known("config", "something is missing in the request; set a sender"),
    "3": Known("config", "a value is wrong; look at the sender and the number"),
    "4": Known("credentials", "the API key or secret is wrong or disabled; correct the connection"),
    "5": Known("unavailable", "Vonage had a problem of its own"),
    "6": Known("invalid_recipient", "Vonage cannot send to this number; its prefix is not known"),
    "7": Known("blocked", "the number is on Vonage's list of barred numbers"),
    "8": Known("config", "the Vonage account is suspended; ask Vonage"),
    "9": Known("credit", "the Vonage account has no credit left; top it up"),
    "10": Known("throttled", "too many connections at once; it is sent again later", retry=True),
    "11": Known("config", "the account may not use the SMS API; ask Vonage"),
    "12": Known("content", "the text is too long"),
    "14": Known("credentials", "Vonage does not take the signature; the account may demand signed requests"),
    "15": Known("sender", "the sender is not allowed in this country; use a number of this Vonage account"),
    "16": Known("config", "the validity is out of range"),
    "22": Known("config", "the network code is wrong"),
    "23": Known("config", "Vonage cannot use the callback URL"),
    "29": Known("config", "a trial account sends to its test numbers only; top it up or add the number"),
    "32": Known("credentials", "the API key and the signature secret must be used in the right place"),
    "33": Known("config", "the number is not one that this account may send to"),
    "dlr-1": Known("unknown", "the carrier gives no reason"),
    "dlr-2": Known("unreachable", "the phone is switched off or out of coverage; a later try may work", retry=True),
    "dlr-3": Known("unreachable", "the number is no longer in use"),
    "dlr-4": Known("blocked", "the recipient has texts barred; only their carrier can change that"),
    "dlr-5": Known("unreachable", "the number was moved between carriers and cannot be reached"),
    "dlr-6": Known("filtered", "taken for spam by the carrier; look at the text and the sender's registration"),
    "dlr-7": Known("unreachable", "the phone was busy; a later try may work", retry=True),
    "dlr-8": Known("unavailable", "the carrier's network had a problem; a later try may work", retry=True),
    "dlr-9": Known("opted_out", "the recipient has asked for no more texts from this sender", suppress=True),
    "dlr-10": Known("content", "something in the message is wrong, such as its encoding"),
    "dlr-11": Known("config", "Vonage has no route to this number from this sender"),
    "dlr-12": Known("invalid_recipient", "there is no route to this number; check it"),
    "dlr-13": Known("blocked", "the recipient may not get such texts because of their age"),
    "dlr-14": Known("blocked", "the carrier blocks texts to this number; the recipient can ask it to change that"),
    "dlr-15": Known("unreachable", "the recipient's prepaid account is empty"),
    "dlr-99": Known("unknown", "the carrier gives no reason"),
}  # fmt: skip
