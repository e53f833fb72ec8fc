# What holds for every SMS provider over HTTP (S3, S5, S6): secrets stay secret, garbage harms nobody, a forged
# callback is refused, every row of the error table can be reached, nothing that may have been sent is sent again.

import json
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.errors import Invalid, Unauthenticated, Unreadable
from aftercall.engine.messaging import Answer, LookedUp, Probed
from aftercall.engine.upstream import Request
from aftercall.net import url
from aftercall.net.address import AddressRules, networks
from aftercall.net.door import Door, DoorRules
from aftercall.net.message import Request as Outgoing
from aftercall.net.message import request_head
from tests.channels.sms.cases import CASES
from tests.channels.sms.contract import DLT, NOW, TEXT, Case, callback, changed
from tests.support.receiver import Answer as Planned
from tests.support.receiver import Receiver

TEXTS = [
    "Hi", "", "नमस्ते 👋 “quoted”", "a&b=c%20{{ x }}<y>", "line\r\nline", "x" * 1600,
]  # fmt: skip
SENDERS = [
    ("", "long_code"),
    ("+14155552345", "long_code"),
    ("ACMEIN", "dlt_header"),
    ("Ac me", "alphanumeric"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    [
        "messages", "status", "message-id", "data", "id", "errors", "error", "code", "message", "sid", "error_code",
        "message_uuid", "cost", "amount", "parts", "num_segments", "price", "records", "client_ref", "payload", "to",
        "event_type", "from", "MessageStatus", "MessageSid", "ErrorCode", "Status", "msisdn", "text", "0", "dl_01",
    ]
)  # fmt: skip
SHAPED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=15,
)
BODIES = st.binary(max_size=200) | (JSON | SHAPED).map(lambda value: json.dumps(value).encode())
STATUSES = st.sampled_from([200, 201, 202, 204, 302, 400, 401, 403, 404, 408, 422, 429, 500, 503])

every = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def shown(case: Case, value: object) -> list[str]:
    """Secrets and texts that can be seen in a value."""
    seen = repr(value) + (msgspec.json.encode(value).decode() if isinstance(value, msgspec.Struct) else "")
    return [secret for secret in [*case.secrets(), TEXT] if secret in seen]


# Settings


@every
def test_settings_never_show_secrets(case: Case) -> None:
    assert case.secrets()
    assert not [secret for secret in case.secrets() if secret in repr(case.submission())]


@every
def test_settings_have_a_form(case: Case) -> None:
    schema = msgspec.json.schema(case.provider.Settings)
    fields = schema["$defs"][case.provider.Settings.__name__]["properties"]
    assert case.provider.secrets <= set(fields)


@every
@pytest.mark.parametrize(
    "base", ["http://api.example.com", "ftp://x", "https://", "https://u@x", "https://x/a b"]
)
def test_settings_refuse_an_address_that_is_not_safe(case: Case, base: str) -> None:
    with pytest.raises(Invalid):
        case.made(**case.address(base))


@every
def test_settings_refuse_what_they_do_not_know(case: Case) -> None:
    with pytest.raises(Invalid):
        case.made(no_such_setting="x")


@every
def test_what_a_provider_can_do_is_what_it_says(case: Case) -> None:
    assert case.provider.traits.looks_up == isinstance(case.provider, LookedUp)


# Submit


@every
@pytest.mark.parametrize("sender", SENDERS, ids=[kind or "none" for _, kind in SENDERS])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_submit_makes_a_request_the_door_can_send(case: Case, text: str, sender: tuple[str, Any]) -> None:
    submission = case.submission(
        text=text,
        sender=sender[0],
        sender_kind=sender[1],
        encoding="ucs2",
        dlt=DLT,
        validity_seconds=99_999_999,
    )
    question = case.provider.submit(submission)
    head = request_head(
        Outgoing(question.method, question.url, question.headers, question.body), url.parse(question.url)
    )
    assert head.startswith(f"{question.method} /".encode())
    assert not [secret for secret in case.secrets() if secret in question.url]


@every
def test_submit_names_no_callback_where_there_is_none(case: Case) -> None:
    question = case.provider.submit(msgspec.structs.replace(case.submission(), callback_url=None))
    assert b"callbacks" not in question.body + question.url.encode()


@every
def test_submitted_when_accepted(case: Case) -> None:
    outcome = case.provider.submitted(case.submission(), case.accepted)
    assert outcome.ok
    assert bool(outcome.provider_ids) is case.gives_id
    assert shown(case, outcome) == []


@every
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_submitted_when_the_server_fails_is_in_doubt(case: Case, status: int) -> None:
    outcome = case.provider.submitted(case.submission(), Answer(status=status, body=b"<html>oops</html>"))
    assert (outcome.ok, outcome.in_doubt, outcome.retry) == (False, True, False)
    assert "dl_01" in outcome.detail


@every
@pytest.mark.parametrize("body", [b"", b"<html>ok</html>", b"{}", b"[]", b'"ok"'])
def test_submitted_when_a_success_cannot_be_read_is_in_doubt(case: Case, body: bytes) -> None:
    outcome = case.provider.submitted(case.submission(), Answer(status=200, body=body))
    assert (outcome.ok, outcome.in_doubt, outcome.retry) == (False, True, False)


@every
@pytest.mark.parametrize(
    ("status", "error"), [(401, "credentials"), (403, "credentials"), (402, "credit"), (400, "config")]
)
def test_submitted_when_refused_is_not_tried_again(case: Case, status: int, error: str) -> None:
    outcome = case.provider.submitted(case.submission(), Answer(status=status, body=b"no"))
    assert (outcome.ok, outcome.error, outcome.retry, outcome.in_doubt) == (False, error, False, False)
    assert case.provider.title in outcome.detail


@every
def test_submitted_when_throttled_waits_as_told(case: Case) -> None:
    answer = Answer(status=429, headers=(("Retry-After", "7"),))
    outcome = case.provider.submitted(case.submission(), answer)
    assert (outcome.error, outcome.retry, outcome.retry_after, outcome.in_doubt) == (
        "throttled",
        True,
        7.0,
        False,
    )


@every
@given(body=BODIES, status=STATUSES)
def test_submitted_when_garbage_never_raises(case: Case, body: bytes, status: int) -> None:
    outcome = case.provider.submitted(case.submission(), Answer(status=status, body=body))
    assert outcome.ok or outcome.detail
    assert not (outcome.in_doubt and outcome.retry)


# The table


def rows() -> list[Any]:
    return [
        pytest.param(case, code, id=f"{case.name}-{code}")
        for case in CASES
        for code in case.provider.errors or case.settings.get("codes", {})
    ]


def tell(case: Case, code: str, said: str) -> Any:
    """The outcome or receipt of what tells the code."""
    assert case.says is not None
    told = case.says(code, said)
    if isinstance(told, Request):
        return case.provider.hear(case.made(), told).receipts[0]
    return case.provider.submitted(case.submission(), told)


@pytest.mark.parametrize(("case", "code"), rows())
def test_every_row_of_the_table_is_reached(case: Case, code: str) -> None:
    row = case.provider.errors.get(code)
    told = tell(case, code, "")
    assert told.provider_code == code
    if row is not None and not getattr(told, "in_doubt", False):
        assert (told.error, told.suppress) == (row.error, row.suppress)
        assert row.hint in told.detail


@every
def test_details_hold_no_secret_even_where_the_provider_repeats_it(case: Case) -> None:
    code = next(iter(case.provider.errors or case.settings["codes"]))
    said = " / ".join([*case.secrets(), TEXT, "+15558675310"])
    told = tell(case, code, said)
    assert shown(case, told) == []
    assert "5558675310" not in told.detail


# Callbacks


def signed(case: Case) -> Request:
    assert case.sign is not None
    return case.sign(case.callback, case.made())


def accepts(case: Case, request: Request, **settings: Any) -> bool:
    try:
        case.provider.verify(case.made(**settings), request)
    except Unauthenticated:
        return False
    return True


SIGNING = [case for case in CASES if case.sign]


def each(cases: Iterable[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases])


signing = each(SIGNING)
signing_bodies = each(case for case in SIGNING if case.signs_body)
signing_times = each(case for case in SIGNING if case.signs_time)


@signing
def test_verify_when_signed(case: Case) -> None:
    assert accepts(case, signed(case))


@signing
def test_verify_when_not_signed(case: Case) -> None:
    assert not accepts(case, case.callback)


@signing
def test_verify_when_the_secret_is_another(case: Case) -> None:
    other = {name: f"x{case.settings[name][1:]}" for name in case.provider.secrets if case.settings.get(name)}
    if case.name == "telnyx":  # its key is no secret
        other = {"public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}
    assert not accepts(case, signed(case), **other)


@signing_bodies
def test_verify_when_a_byte_of_the_body_changed(case: Case) -> None:
    request = signed(case)
    for i in range(len(request.body)):
        body = request.body[:i] + bytes([request.body[i] ^ 1]) + request.body[i + 1 :]
        assert not accepts(case, changed(request, body=body)), i


@signing
def test_verify_when_a_header_changed(case: Case) -> None:
    request = signed(case)
    for name in request.headers.keys() - case.callback.headers.keys():
        for value in ("", "x", "é", "1", request.headers[name][:-3] + "AAA"):
            assert not accepts(case, changed(request, headers=request.headers | {name: value})), (name, value)


@signing_times
def test_verify_when_old(case: Case) -> None:
    request = signed(case)
    assert not accepts(case, changed(request, now=NOW + timedelta(seconds=400)))
    assert not accepts(case, changed(request, now=NOW - timedelta(seconds=400)))


@every
@given(body=BODIES, header=st.text(max_size=30))
def test_verify_of_garbage_raises_nothing_else(case: Case, body: bytes, header: str) -> None:
    names = {name for name in signed(case).headers if name != "content-type"} if case.sign else set()
    accepts(case, callback(body, headers=dict.fromkeys(names, header)))


@every
def test_hear_a_receipt(case: Case) -> None:
    heard = case.provider.hear(case.made(), case.callback)
    assert [receipt.status for receipt in heard.receipts] == ["delivered"]
    assert heard.reply is not None
    assert 200 <= heard.reply.status < 300


@every
@given(body=BODIES, query=st.text(max_size=30))
def test_hear_garbage_raises_unreadable_and_nothing_else(case: Case, body: bytes, query: str) -> None:
    try:
        heard = case.provider.hear(case.made(), callback(body, query))
    except Unreadable:
        return
    assert all(receipt.provider_id or receipt.reference for receipt in heard.receipts)
    assert all(text.from_ for text in heard.texts)


@every
@given(fields=st.dictionaries(WORDS | st.text(max_size=8), WORDS | st.text(max_size=8), max_size=6))
def test_hear_odd_forms_raises_unreadable_and_nothing_else(case: Case, fields: dict[str, str]) -> None:
    try:
        case.provider.hear(case.made(), callback(urlencode(fields).encode()))
    except Unreadable:
        return


# Questions


@every
@given(body=BODIES, status=STATUSES)
def test_looked_up_when_garbage_raises_unreadable_and_nothing_else(
    case: Case, body: bytes, status: int
) -> None:
    if not isinstance(case.provider, LookedUp):
        return
    try:
        case.provider.looked_up(case.submission(), Answer(status=status, body=body))
    except Unreadable:
        return


@every
@given(body=BODIES, status=STATUSES)
def test_probed_when_garbage_raises_invalid_and_nothing_else(case: Case, body: bytes, status: int) -> None:
    if not isinstance(case.provider, Probed):
        return
    try:
        line = case.provider.probed(Answer(status=status, body=body))
    except Invalid as error:
        line = error.message
    assert case.provider.title in line


# Over the wire


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


@every
async def test_a_text_goes_through_the_door(case: Case, receiver: Receiver) -> None:
    settings = case.made(**case.address(receiver.url("")))
    submission = case.submission(settings)
    question = case.provider.submit(submission)
    path = question.url.removeprefix(receiver.url("")).partition("?")[0]
    receiver.plan(
        path, Planned(case.accepted.status, (("Content-Type", "application/json"),), case.accepted.body)
    )
    door = Door(DoorRules(addresses=AddressRules(networks("127.0.0.1")), allow_http=True))
    try:
        answer = await door.request(Outgoing(question.method, question.url, question.headers, question.body))
    finally:
        await door.close()
    [got] = await receiver.wait()
    assert (got.method, got.body) == (question.method, question.body)
    outcome = case.provider.submitted(
        submission, Answer(status=answer.status, headers=answer.headers, body=answer.body)
    )
    assert outcome.ok
