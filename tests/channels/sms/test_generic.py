# A gateway that is described in settings: templates, how answers and callbacks are read, what is refused (S3).

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.channels.sms.generic import generic
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unauthenticated, Unreadable
from aftercall.engine.messaging import Answer, Heard
from aftercall.engine.reading import read
from tests.channels.sms.contract import (
    CALLBACK,
    DLT,
    TEXT,
    callback,
    form_of,
    header_of,
    query_of,
    submission,
    with_headers,
)

URL = "https://gateway.example.com/send"


def made(**given: Any) -> Any:
    return read({"url": URL} | given, generic.Settings, field="settings")


def submitted(body: bytes, status: int = 200, **settings: Any) -> Outcome:
    return generic.submitted(submission(made(**settings)), Answer(status=status, body=body))


def heard(body: bytes | dict[str, Any], query: str = "", **settings: Any) -> Heard:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return generic.hear(made(**settings), callback(raw, query))


# The request


def test_submit_as_json_leaves_out_what_is_empty() -> None:
    settings = made(
        json={
            "to": ["{{ to | digits }}"], "text": "{{ text }}", "from": "{{ sender }}", "n": "{{ segments }}",
            "dlt": {"entity": "{{ dlt.entity_id }}"}, "dlr": "{{ callback_url }}",
        },
    )  # fmt: skip
    question = generic.submit(submission(settings, text='He said "hi"\n'))
    assert header_of(question, "Content-Type") == "application/json"
    assert json.loads(question.body) == {
        "to": ["15558675310"], "text": 'He said "hi"\n', "n": 1, "dlt": {},
        "dlr": f"{CALLBACK}?reference=dl_01",
    }  # fmt: skip


def test_submit_as_a_form() -> None:
    settings = made(
        form={
            "mobile": "{{ to }}",
            "msg": "{{ text }}",
            "te": "{{ dlt.template_id }}",
            "pe": "{{ dlt.entity_id }}",
        }
    )
    question = generic.submit(submission(settings, dlt=DLT, text="a&b=1"))
    assert form_of(question) == {
        "mobile": "+15558675310", "msg": "a&b=1", "te": DLT.template_id, "pe": DLT.entity_id,
    }  # fmt: skip


def test_submit_as_a_query() -> None:
    settings = made(
        method="GET", query={"to": "{{ to }}", "text": "{{ text }}", "pw": "{{ password }}"}, password="p&w"
    )
    question = generic.submit(submission(settings))
    assert (question.method, question.body) == ("GET", b"")
    assert query_of(question) == {"to": "+15558675310", "text": TEXT, "pw": "p&w"}


def test_submit_encodes_what_stands_in_the_path() -> None:
    question = generic.submit(submission(made(url=URL + "/{{ to }}/{{ sender }}?v=1"), sender="A/../b?c"))
    assert question.url == URL + "/%2B15558675310/A%2F..%2Fb%3Fc?v=1"


def test_submit_keeps_a_header_in_one_line() -> None:
    question = generic.submit(submission(made(headers={"X-Text": "{{ text }}"}), text="a\r\nX-Evil: 1"))
    assert header_of(question, "X-Text") == "a X-Evil: 1"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": "https://{{ to }}.example.com"}, "url"),
        ({"url": "http://gateway.example.com"}, "url"),
        ({"url": "https://gateway.example.com/{{ token }}"}, "url"),
        ({"form": {"a": "{{ nothing }}"}}, "form.a"),
        ({"json": {"a": "{{ to | nofilter }}"}}, "json.a"),
        ({"json": {"a": "{{ to"}}, "json.a"),
        ({"json": {"a": "{{ dlt.nothing }}"}}, "json.a"),
        ({"json": {}, "form": {"a": "b"}}, "json"),
        ({"method": "GET", "form": {"a": "b"}}, "method"),
        ({"id_pattern": "(a+)+"}, "id_pattern"),
        ({"id_pattern": "("}, "id_pattern"),
        ({"id_path": "a b"}, "id_path"),
        ({"headers": {"X Y": "1"}}, "headers"),
        ({"receipts": {"status": "}} {{", "statuses": {}}}, "receipts.status"),
        ({"receipts": {"status": "s", "statuses": {"x": "gone"}}}, "receipts.statuses"),
        ({"codes": {"1": {"error": "no such class", "hint": ""}}}, "codes"),
    ],
)
def test_settings_when_wrong(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid, match=field):
        made(**settings)


# The answer


def test_submitted_by_path() -> None:
    outcome = submitted(b'{"data": [{"id": 42}]}', id_path="data[0].id")
    assert (outcome.ok, outcome.provider_ids) == (True, ("42",))


def test_submitted_by_pattern() -> None:
    # As some Indian gateways answer: docs.gupshup.io, Enterprise API
    patterns: dict[str, Any] = {"id_pattern": r"^success \| \d+ \| (\S+)", "code_pattern": r"^error \| (\d+)"}
    outcome = submitted(b"success | 919876543210 | 3466671-abc", **patterns)
    assert (outcome.ok, outcome.provider_ids) == (True, ("3466671-abc",))
    refused = submitted(
        b"error | 102 | Authentication failed", **patterns, said_pattern=r"\| ([^|]+)$",
        codes={"102": {"error": "credentials", "hint": "correct the password"}},
    )  # fmt: skip
    assert (refused.ok, refused.error, refused.in_doubt) == (False, "credentials", False)
    assert refused.detail == "The gateway says 102 (Authentication failed): correct the password"


def test_submitted_when_the_code_means_no_error() -> None:
    assert submitted(b'{"error": "000"}', code_path="error", no_error=["000"]).ok


def test_submitted_when_the_code_is_not_described() -> None:
    outcome = submitted(b'{"error": "77"}', code_path="error")
    assert (outcome.ok, outcome.error, outcome.provider_code, outcome.retry) == (
        False,
        "unknown",
        "77",
        False,
    )


def test_submitted_when_a_described_code_comes_with_a_servers_error_is_sure() -> None:
    codes = {"busy": {"error": "throttled", "hint": "later", "retry": True}}
    outcome = submitted(b'{"error": "busy"}', 503, code_path="error", codes=codes)
    assert (outcome.error, outcome.retry, outcome.in_doubt) == ("throttled", True, False)


def test_submitted_when_the_status_surely_means_later() -> None:
    outcome = submitted(b"", 503, retry_statuses=[503])
    assert (outcome.error, outcome.retry, outcome.in_doubt) == ("throttled", True, False)


def test_submitted_when_nothing_is_described() -> None:
    assert submitted(b"whatever").ok


# Callbacks

RECEIPTS = {
    "status": "status", "statuses": {"1": "delivered", "FAILED": "undelivered"}, "id": "requestId",
    "reference": "clientid", "code": "code", "said": "desc", "at": "date",
}  # fmt: skip


def test_receipt_in_json() -> None:
    [told] = heard(
        {"status": 1, "requestId": "r1", "date": "2026-11-20T10:00:00Z"}, receipts=RECEIPTS
    ).receipts
    assert (told.provider_id, told.status, told.at) == (
        "r1",
        "delivered",
        datetime(2026, 11, 20, 10, tzinfo=UTC),
    )


def test_receipt_in_a_form_or_a_query() -> None:
    for body, query in (
        (b"status=1&requestId=r1", "reference=dl_01"),
        (b"", "status=1&requestId=r1&reference=dl_01"),
    ):
        [told] = heard(body, query, receipts=RECEIPTS).receipts
        assert (told.provider_id, told.reference, told.status) == ("r1", "dl_01", "delivered")


def test_receipts_in_a_list_in_json_in_a_form() -> None:
    # As MSG91's webhook v2 has them: msg91.com/help
    body = (
        b"data="
        + json.dumps(
            [{"report": [{"status": "1", "requestId": "a"}, {"status": "x", "requestId": "b"}]}]
        ).encode()
    )
    told = heard(body, receipts=RECEIPTS, json_field="data", items="[0].report").receipts
    assert [(one.provider_id, one.status) for one in told] == [("a", "delivered"), ("b", "queued")]


def test_receipt_of_a_failure_has_its_codes_meaning() -> None:
    codes = {"9": {"error": "opted_out", "hint": "they said stop", "suppress": True}}
    body = {"status": "failed", "requestId": "r1", "code": "9", "desc": "DND"}
    [told] = heard(body, receipts=RECEIPTS, codes=codes).receipts
    assert (told.status, told.error, told.suppress) == ("undelivered", "opted_out", True)
    assert told.detail == "The gateway says 9 (DND): they said stop"


def test_text() -> None:
    how = {"from": "msisdn", "text": "body.text", "keyword": "kw", "keywords": {"STOP": "stop"}}
    [came] = heard({"msisdn": "919876543210", "body": {"text": "Stop it"}, "kw": "stop"}, inbound=how).texts
    assert (came.from_, came.text, came.keyword) == ("+919876543210", "Stop it", "stop")


def test_text_that_has_a_status_too() -> None:
    how = {"from": "msisdn", "text": "text"}
    body = {"status": "received", "msisdn": "919876543210", "text": "hi", "requestId": "1"}
    told = heard(body, receipts=RECEIPTS, inbound=how)
    assert (len(told.receipts), len(told.texts)) == (0, 1)


def test_callback_that_is_not_described() -> None:
    with pytest.raises(Unreadable):
        heard({"status": "1"})


def test_callback_is_answered_as_set() -> None:
    reply = heard({"status": "1", "requestId": "r"}, receipts=RECEIPTS, reply="OK").reply
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"OK")


def test_shared_secret() -> None:
    settings = made(callback_secret="secret-of-tests")
    generic.verify(settings, with_headers(callback(b"a=b"), x_callback_token="secret-of-tests"))
    for request in (callback(b"a=b"), with_headers(callback(b"a=b"), x_callback_token="another")):
        with pytest.raises(Unauthenticated):
            generic.verify(settings, request)


def test_submitted_when_success_is_a_truth() -> None:
    how: dict[str, Any] = {"code_path": "success", "no_error": ["true"]}
    assert submitted(b'{"success": true}', **how).ok
    assert not submitted(b'{"success": false}', **how).ok


def test_receipt_whose_own_field_is_called_reference() -> None:
    how = {"status": "status", "statuses": {"1": "sent"}, "reference": "reference"}
    [told] = heard(b"status=1&reference=dl_01", receipts=how).receipts
    assert (told.reference, told.status) == ("dl_01", "sent")
