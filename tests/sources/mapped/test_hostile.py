# Whatever is sent to a source that is read by a mapping is refused in words or read, and what is read can be kept.
# And whatever is written as a mapping: it is refused in words, or it can be followed.

import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftercall.domain.errors import Invalid, Problem, TooLarge, Unauthenticated, Unreadable
from aftercall.domain.fact import Fact
from aftercall.domain.project import project
from aftercall.engine.upstream import Parsed, Request
from tests.sources.mapped.asked import FIXTURES, kind, of
from tests.sources.vectors import SIGNED_AT

PRESETS = ("acefone", "exotel", "aircall", "dialpad", "ringcentral", "myoperator", "vonage")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
    | st.sampled_from(["", "\0", "+14085551234", "1755773893", "2025-08-21 10:58:13", "{}", "[1]", '{"a": '])
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


def bodies(name: str) -> list[Any]:
    found = json.loads((FIXTURES / f"{'triggers' if name == 'acefone' else name}.json").read_text()).values()
    return [body for one in found for body in (one if isinstance(one, list) else [one])]


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


def holds_nul(value: Any) -> bool:
    """What no database keeps in a text."""
    if isinstance(value, dict):
        return any(holds_nul(name) or holds_nul(inner) for name, inner in value.items())
    return any(map(holds_nul, value)) if isinstance(value, list) else "\0" in str(value)


def read(name: str, request: Request, mapping: dict[str, Any] | None = None) -> Parsed | None:
    """What was read; nothing may be raised but a Problem that blames the request."""
    try:
        parsed = kind(name).read(of(name, mapping), request)
    except (Unreadable, Unauthenticated, TooLarge, Invalid):
        return None
    check(parsed.facts)
    assert all(isinstance(message, str) for _, message in parsed.errors)
    return parsed


def check(facts: tuple[Fact, ...]) -> None:
    for fact in facts:
        said = msgspec.json.encode(fact)
        assert msgspec.json.decode(said, type=Fact) == fact
        assert not holds_nul(msgspec.json.decode(said))
        assert fact.occurred_at.utcoffset() is not None
    for call_key in {fact.call_key for fact in facts}:
        msgspec.json.encode(project([fact for fact in facts if fact.call_key == call_key]).call)


@pytest.mark.parametrize("name", PRESETS)
@given(data=st.data())
@QUICK
def test_any_values_in_the_places_of_a_presets_events(name: str, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(bodies(name)))
    known = st.sampled_from(sorted(names_in(bodies(name))))
    odd = data.draw(
        st.dictionaries(
            known, st.recursive(JSON, lambda inner: st.dictionaries(known, inner, max_size=3)), max_size=4
        )
    )
    below = (
        body["body"]
        if isinstance(body.get("body"), dict)
        else body["data"]
        if isinstance(body.get("data"), dict)
        else body
    )
    said = msgspec.json.encode(
        body | {"body": below | odd, "data": below | odd} if below is not body else body | odd
    )
    path = data.draw(st.sampled_from(["", "hangup", "dialed_on_agent", "missed_by_agent_hangup"]))
    read(name, Request(url="", path=path, body=said, now=SIGNED_AT))


@pytest.mark.parametrize("name", PRESETS)
@given(value=JSON)
@QUICK
def test_any_json(name: str, value: Any) -> None:
    read(name, Request(url="", path="hangup", body=msgspec.json.encode(value), now=SIGNED_AT))


@pytest.mark.parametrize("name", PRESETS)
@given(
    body=st.binary(max_size=200), query=st.text(max_size=50), path=st.text(max_size=20),
    content_type=st.sampled_from(
        ["application/json", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "é\n"]
    ),
)  # fmt: skip
@QUICK
def test_any_bytes(name: str, body: bytes, query: str, path: str, content_type: str) -> None:
    headers = {"content-type": content_type}
    read(name, Request(url="", path=path, query=query, headers=headers, body=body, now=SIGNED_AT))
    parts = b"--x\r\nContent-Disposition: form-data; name=call_id\r\n\r\n" + body + b"\r\n--x--"
    read(
        name,
        Request(
            url="",
            path=path,
            headers={"content-type": "multipart/form-data; boundary=x"},
            body=parts,
            now=SIGNED_AT,
        ),
    )


@given(
    names=st.lists(
        st.from_regex(r"[ab]?(\[[a0-9]?\]){0,8}", fullmatch=True) | st.text(max_size=5), max_size=12
    )
)
@QUICK
def test_any_names_in_a_form(names: list[str]) -> None:
    query = urlencode([(name, str(i)) for i, name in enumerate([*names, "call_id"])])
    read("acefone", Request(url="", path="hangup", query=query, now=SIGNED_AT))


@given(
    mapping=JSON
    | st.dictionaries(
        st.sampled_from(["call", "events", "fields", "guess", "records", "id", "time", "statuses"]), JSON
    )
)
@QUICK
def test_any_mapping(mapping: Any) -> None:
    source = msgspec.structs.replace(of("acefone"), settings={"mapping": mapping})
    refused: Problem | None = None
    try:
        kind("acefone").check_settings(source)
    except Problem as problem:
        refused = problem
    if refused is not None:
        assert refused.status == 422
        assert refused.errors[0].field.startswith("settings.mapping")
        return
    read(
        "acefone",
        Request(url="", path="hangup", body=msgspec.json.encode(bodies("acefone")[0]), now=SIGNED_AT),
        mapping,
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"5", b"[5]", b"[" * 100_000, b'{"a":' * 5000, b"\xff\xfe", b"a=%ff", b"a[b][b][b][b][b][b]=1"],
)  # fmt: skip
@pytest.mark.parametrize("name", PRESETS)
def test_bodies_that_are_nothing(name: str, body: bytes) -> None:
    parsed = read(name, Request(url="", body=body, now=SIGNED_AT))
    assert parsed is None or parsed.facts == ()


def test_parts_within_parts_are_no_way_down() -> None:
    part = "--b{}\r\nContent-Type: multipart/mixed; boundary=b{}\r\nContent-Disposition: form-data; name=a\r\n\r\n"
    body = "".join(part.format(i, i + 1) for i in range(5000)).encode()
    kinds = ("multipart/form-data; boundary=b0", "multipart/form-data; boundary=", "multipart/mixed")
    for kind_ in kinds:
        assert (
            read("exotel", Request(url="", headers={"content-type": kind_}, body=body, now=SIGNED_AT)) is None
        )


def test_fields_that_are_too_many() -> None:
    part = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for body, with_ in ((part * 1001 + b"--x--", headers), (b"a=1&" * 1001, {})):
        assert read("exotel", Request(url="", headers=with_, body=body, now=SIGNED_AT)) is None


def test_much_json_in_texts_is_read_once() -> None:
    text = json.dumps({"name": "x" * 100_000})
    body = {
        "call_id": "c",
        "answered_agent": text,
        "billing_circle": text,
        "missed_agent": text,
        "lead_fields": text,
    }
    assert (
        read("acefone", Request(url="", path="hangup", body=json.dumps(body).encode(), now=SIGNED_AT))
        is not None
    )
