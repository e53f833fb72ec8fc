"""Why a webhook did not get an event or an action did not run, and why a message was not sent or did not arrive.

In words an admin understands. The codes are in domain/filter, plan and message; those of the guard bring their own.
"""

WORDS = {
    "disabled": "The webhook was disabled.",
    "duplicate": "The action has run for this call already.",
    "over_limit": "Ten post-call actions had run for the call already.",
    "no_trigger": "Nothing that it waits for has happened in the call.",
    "too_large": "The call made the message too large.",
    "invalid": "The message could not be made of this call.",
    "test_call": "The call is a test: nobody is written to.",
    "late": "The event came too late to be of use.",
    "waiting": "The webhook waits for the complete record and gets it in one message.",
    "source": "The webhook wants calls of other sources.",
    "number": "The call was not on one of the webhook's numbers.",
    "queue": "The call was not in one of the webhook's queues.",
    "agent": "None of the webhook's agents had a part in the call.",
    "tag": "The call has none of the webhook's tags.",
    "min_duration": "The call was shorter than the webhook asks for.",
    "max_duration": "The call was longer than the webhook asks for.",
}
ABOUT = {
    "outcome": "The webhook does not want calls with the outcome {}.",
    "direction": "The webhook does not want calls with the direction {}.",
    "call_type": "The webhook does not want calls of type {}.",
}


# What became of a message: what happened, and what to do about it.
MESSAGES = {
    "in_doubt": ("It may have been sent: nobody knows how the attempt ended",
                 "It is not repeated by itself; look at the provider, resend it if it is not there"),
    "unconfirmed": ("It may have been sent: the provider could not say",
                    "Look for it at the provider; resend it if it is not there and still matters"),
    "exhausted": ("Every attempt failed", "The attempts say why; put that right, then resend it"),
    "refused": ("It was refused", "The attempt says why"),
    "paused": ("Its connection is paused", "It goes when the connection is resumed"),
    "disabled": ("Its connection is disabled", "Enable the connection"),
    "deleted": ("Its connection has been deleted", "Set up another one, and choose it in the action"),
    "invalid_recipient": ("There is no such number or address, or it cannot have texts", "Correct it on the contact"),
    "unreachable": ("The phone was off or out of reach, or is a landline", "Try another way to reach the person"),
    "opted_out": ("The recipient wants no messages", "Only the recipient can undo this"),
    "blocked": ("The carrier or the recipient blocks the sender", "Use another sender, or ask the provider"),
    "filtered": ("It was taken for spam, or is against a policy on content",
                 "Change the wording, leave short links out, and see that the sender is registered for it"),
    "content": ("The text cannot be sent as it is", "Look at its length and its characters"),
    "template": ("It is not the text of a registered DLT template", "Compare it with the registered one"),
    "registration": ("The sender is not registered for this", "Register it (A2P 10DLC, toll-free, DLT)"),
    "sender": ("The sender may not send this here", "Choose another sender for this country"),
    "window": ("It was sent at a time of day that the operators do not allow", "Resend it within the window"),
    "expired": ("It could not be delivered in time", "Resend it if it still matters"),
    "throttled": ("Too much was sent at once", "Lower the connection's rate, or raise it at the provider"),
    "unavailable": ("The provider had a problem of its own", "Resend it later"),
    "credentials": ("The provider does not take the login", "Correct the connection's credentials"),
    "credit": ("The account at the provider has no credit left", "Top it up"),
    "config": ("Something is set up wrongly", "The attempt's detail says what"),
    "unknown": ("The provider gives no reason", "Ask the provider, with its id of the message"),
    "undelivered": ("It was not delivered, and no reason was given", "Ask the provider, with its id of the message"),
    "rejected": ("The carrier rejected it", "Ask the provider, with its id of the message"),
    "failed": ("It was not delivered, and no reason was given", "Ask the provider, with its id of the message"),
}  # fmt: skip


def why_skipped(code: str, who: str = "webhook") -> str:
    word, _, about = code.partition(":")
    said = WORDS.get(code) or ABOUT.get(word, "{1}").format(about, code)
    return said.replace("webhook", who)
