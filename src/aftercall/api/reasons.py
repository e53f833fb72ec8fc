"""Why a webhook did not get an event, in words an admin understands. The codes are in domain/filter and plan."""

WORDS = {
    "disabled": "The webhook was disabled.",
    "over_limit": "Ten post-call actions had run for the call already.",
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


def why_skipped(code: str) -> str:
    word, _, about = code.partition(":")
    return WORDS.get(code) or ABOUT.get(word, "{1}").format(about, code)
