"""What a mail server's codes mean (S7, S5), from RFC 5321 and the IANA list of enhanced codes."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.channels.email.answers import Answer, Phase, known
from aftercall.domain.message import ErrorClass

PHASES: tuple[Phase, ...] = get_args(Phase)


@pytest.mark.parametrize(
    ("phase", "said", "error"),
    [
        ("recipient", "550 5.1.2 no such domain", "invalid_recipient"),
        ("recipient", "556 5.1.10 null MX", "invalid_recipient"),
        ("recipient", "550 5.2.1 disabled", "unreachable"),
        ("recipient", "552 quota exceeded", "unreachable"),
        ("recipient", "553 5.1.3 bad syntax", "invalid_recipient"),
        ("recipient", "550 relaying denied", "config"),
        ("recipient", "550 5.4.1 access denied", "unreachable"),
        ("recipient", "530 5.7.1 log in first", "credentials"),
        ("sender", "530 5.5.1 must issue a STARTTLS command first", "config"),
        ("recipient", "554 not wanted", "blocked"),
        ("content", "550 5.1.1 we only look now", "invalid_recipient"),
        ("content", "552 5.3.4 message too big", "content"),
        ("content", "552 mailbox full", "unreachable"),
        ("content", "550 5.7.23 SPF", "sender"),
        ("content", "554 5.6.0 bad MIME", "content"),
        ("content", "550 no", "filtered"),
        ("recipient", "550 5.1.0 address rejected", "invalid_recipient"),
        ("sender", "550 5.1.0 address rejected", "sender"),
        ("sender", "550 5.1.1 no such sender", "sender"),
        ("sender", "552 too large", "content"),
        ("sender", "550 5.1.8 no such domain", "sender"),
        ("login", "535 5.7.8 wrong", "credentials"),
        ("login", "535 wrong", "credentials"),
        ("login", "534 5.7.9 use an app password", "config"),
        ("login", "504 5.5.4 no such mechanism", "config"),
        ("greeting", "554 go away", "blocked"),
        ("starttls", "501 syntax", "config"),
        ("recipient", "452 4.2.2 full", "unreachable"),
        ("recipient", "452 too many recipients", "unreachable"),
        ("recipient", "450 4.7.1 greylisted", "throttled"),
        ("content", "421 4.3.2 shutting down", "unavailable"),
        ("login", "454 4.7.0 temporary", "unavailable"),
    ],
)
def test_a_code_is_of_class(phase: Phase, said: str, error: ErrorClass) -> None:
    assert known(Answer(phase, int(said[:3]), said[4:])).error == error


@pytest.mark.parametrize("said", ["550 5.1.1 unknown", "550 unknown", "550 5.1.6 moved", "551 not here"])
def test_only_a_recipient_that_does_not_exist_is_suppressed(said: str) -> None:
    assert known(Answer("recipient", int(said[:3]), said[4:])).suppress


@pytest.mark.parametrize(
    "said",
    [
        "550 5.7.1 spam",
        "550 5.2.1 disabled",
        "550 5.1.0 no",
        "552 5.2.2 full",
        "550 5.0.0 no",
        "550 relay denied",
        "450 4.1.1 later",
    ],
)
def test_no_other_refusal_suppresses(said: str) -> None:
    assert not known(Answer("recipient", int(said[:3]), said[4:])).suppress


CODES = st.integers(400, 599)
ENHANCED = st.builds("{}.{}.{} ".format, st.integers(2, 5), st.integers(0, 9), st.integers(0, 40)) | st.just(
    ""
)


@given(st.sampled_from(PHASES), CODES, ENHANCED, st.text(max_size=20))
def test_every_answer_means_something(phase: Phase, code: int, enhanced: str, text: str) -> None:
    found = known(Answer(phase, code, enhanced + text))
    assert found.hint
    assert found.retry or code >= 500
    if found.suppress:
        assert (found.error, found.retry) == ("invalid_recipient", False)
        assert phase in ("recipient", "content")


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        ("5.1.1 unknown", "5.1.1"),
        ("5.1.1", "5.1.1"),
        ("4.1.1 other class", None),
        ("5.1.1.1 no", None),
        ("unknown", None),
    ],
)
def test_the_enhanced_code_is(text: str, enhanced: str | None) -> None:
    assert Answer("recipient", 550, text).enhanced == enhanced
