# What is kept of a request, and what must not be.

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.account import Source
from aftercall.engine.inputs import MASK, MAX_BODY, MAX_IGNORED_BODY, MAX_QUERY, MAX_TEXT, masked, raw_input
from aftercall.engine.upstream import Request

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("token", "Token", "access_token", "api_key", "apikey", "api-key", "X-Api-Key", "secret", "client_secret",
         "password", "auth", "authorization", "signature", "sig", "credentials")  # fmt: skip
SECRET = "hunter2hunter2"


def source(**more: Any) -> Source:
    return Source(
        id="src_1", account_id="ac_1", created_at=NOW, updated_at=NOW, **({"type": "twilio"} | more)
    )


def request(**more: Any) -> Request:
    return Request(url="", now=NOW, **more)


@given(st.sampled_from(NAMES), st.text(max_size=10), st.booleans())
def test_values_named_like_a_secret_are_masked_and_no_others(name: str, other: str, first: bool) -> None:
    parts = [f"{quote(name)}={SECRET}", f"ac_crm={quote(other)}"]
    shown = masked("&".join(parts if first else parts[::-1]))
    assert SECRET not in shown
    told = dict(parse_qsl(shown, keep_blank_values=True))
    assert (told[name], told["ac_crm"]) == (MASK, other)


@pytest.mark.parametrize(
    "query", ["", "monkey=1", "keyboard=2", "bodySHA256=ab", "a&b=&=c&%zz=1", "leg=agent"]
)
def test_other_queries_stay_byte_for_byte(query: str) -> None:
    assert masked(query) == query


def test_a_name_that_is_written_in_escapes_is_masked() -> None:
    assert SECRET not in masked(f"%74oken={SECRET}")


def test_no_header_that_proves_who_sent_it_is_kept() -> None:
    told = {"authorization": SECRET, "x-aftercall-token": SECRET, "cookie": SECRET, "x-twilio-signature": SECRET,
            "x-vapi-secret": SECRET, "content-type": "text/plain"}  # fmt: skip
    kept = raw_input(source(), request(headers=told), "taken")
    assert kept is not None
    assert kept.headers == {"content-type": "text/plain"}


def test_bodies_are_cut_and_say_so() -> None:
    for result, most in (("taken", MAX_BODY), ("ignored", MAX_IGNORED_BODY)):
        for size in (most, most + 1):
            kept = raw_input(source(), request(body=b"x" * size), result)  # type: ignore[arg-type]
            assert kept is not None
            assert (len(kept.body), kept.size, kept.whole) == (most, size, size == most)


@pytest.mark.parametrize(
    ("asked", "result", "hours"),
    [
        ({}, "taken", 72), ({}, "ignored", 72), ({}, "unparsable", 72),
        ({"keep_raw_hours": 5}, "taken", 5), ({"keep_raw_hours": 5}, "unparsable", 5),
        ({"keep_raw_hours": 0}, "taken", None), ({"keep_raw_hours": 0}, "unparsable", 72),
        ({"type": "http"}, "taken", None), ({"type": "http"}, "unparsable", 72),
        ({"type": "http", "keep_raw_hours": 9}, "taken", 9),
    ],
)  # fmt: skip
def test_what_is_kept_and_for_how_long(asked: dict[str, Any], result: Any, hours: int | None) -> None:
    kept = raw_input(source(**asked), request(), result)
    assert (kept and kept.expires_at) == (None if hours is None else NOW + timedelta(hours=hours))


@given(st.text(), st.text())
def test_texts_are_bounded_and_fit_every_database(path: str, why: str) -> None:
    kept = raw_input(source(), request(path=path, query=path), "unparsable", why * 50)
    assert kept is not None
    for text, most in ((kept.path, MAX_TEXT), (kept.query, MAX_QUERY), (kept.error or "", MAX_TEXT)):
        assert len(text) <= most
        assert "\0" not in text
