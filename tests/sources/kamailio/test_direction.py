# Which way a call goes, where the proxy's configuration does not say it: rules of the source, the account's numbers.

from datetime import UTC, datetime
from typing import Any

import pytest

from aftercall.domain.account import Account
from aftercall.domain.errors import Invalid
from aftercall.domain.fact import Fact, Kind
from aftercall.domain.project import project
from aftercall.engine.enrich import enrich
from aftercall.engine.rows import Settings
from aftercall.sources import kamailio
from tests.sources.kamailio.test_parse import cdr, only, parse, source, transaction

OURS = "+14085559876"
TRUNKS = {"trunks": ["192.0.2.10", "198.51.100.0/24", "2001:db8::/32"]}
HEADER = {
    "direction_field": "x_trunk",
    "directions": {"Carrier": "inbound", "pbx": "outbound", "lan": "internal"},
}


def settings(*numbers: str) -> Settings:
    account = Account(id="ac_1", name="A", created_at=datetime(2026, 11, 20, tzinfo=UTC))
    known: dict[tuple[str, str], tuple[str, str, dict[str, Any]]] = {
        ("number", number): (number, "", {}) for number in numbers
    }
    return Settings(account=account, version=1, webhooks=(), sources={}, directory=known)


def enriched(record: dict[str, Any], *numbers: str) -> list[Fact]:
    return [enrich(fact, settings(*numbers)) for fact in parse(record).facts]


@pytest.mark.parametrize(
    ("address", "direction"),
    [
        ("192.0.2.10", "inbound"),
        ("198.51.100.77", "inbound"),
        ("2001:db8::7", "inbound"),
        ("[2001:db8::7]", "inbound"),
        ("192.0.2.11", "outbound"),
        ("2001:db9::7", "outbound"),
    ],
)
def test_what_a_trunk_sends_is_inbound_and_all_else_outbound(address: str, direction: str) -> None:
    data = only(parse(transaction(src_ip=address), settings=TRUNKS)).data
    assert (data.direction, data.flags) == (direction, ())


@pytest.mark.parametrize(
    ("value", "direction", "call_type"),
    [("carrier", "inbound", None), ("PBX", "outbound", None), ("lan", "inbound", "internal")],
)
def test_a_header_tells(value: str, direction: str, call_type: str | None) -> None:
    data = only(parse(transaction(x_trunk=value), settings=HEADER)).data
    assert (data.direction, data.call_type) == (direction, call_type)


def test_record_comes_before_header_before_trunk_before_source() -> None:
    rules = TRUNKS | HEADER
    record = transaction(src_ip="192.0.2.10", x_trunk="pbx", dir="inbound")
    assert only(parse(record, settings=rules)).data.direction == "inbound"
    assert only(parse(record | {"dir": ""}, settings=rules)).data.direction == "outbound"
    assert only(parse(record | {"dir": "", "x_trunk": "?"}, settings=rules)).data.direction == "inbound"
    unknown = record | {"dir": "", "x_trunk": "?", "src_ip": "?"}
    assert only(parse(unknown, settings=rules, direction="outbound")).data.direction == "outbound"


def test_what_nothing_tells_is_assumed_and_said_to_be() -> None:
    facts = parse([cdr(), transaction(method="BYE")]).facts
    call = project(facts).call
    assert (call.direction, call.data_quality) == ("inbound", ("direction_assumed",))


@pytest.mark.parametrize(
    ("number", "direction", "kind"),
    [(OURS, "inbound", Kind.RECEIVED), ("+14085551234", "outbound", Kind.INITIATED)],
)
def test_a_number_of_the_accounts_directory_tells(number: str, direction: str, kind: Kind) -> None:
    facts = enriched(cdr(answered="1795164501.5"), number)
    call = project(facts).call
    assert (call.direction, call.did, call.data_quality) == (direction, number, ())
    assert facts[0].kind is kind


def test_a_number_of_the_directory_does_not_contradict_what_was_said() -> None:
    facts = enriched(cdr(dir="inbound"), "+14085551234")
    assert (facts[0].kind, project(facts).call.direction) == (Kind.RECEIVED, "inbound")


def test_a_dialog_event_without_numbers_assumes_nothing() -> None:
    """Otherwise it would be told first and stand, whatever the numbers of the other records say."""
    facts = [
        *enriched({"event": "dialog:start", "time": "1795164500.1", "callid": "c1"}, "+14085551234"),
        *enriched(cdr(answered="1795164501.5"), "+14085551234"),
    ]
    assert project(facts).call.direction == "outbound"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"trunks": "192.0.2.10"}, "settings.trunks"),
        ({"trunks": ["192.0.2.10", "trunk.example.com"]}, "settings.trunks[1]"),
        ({"trunks": [5]}, "settings.trunks[0]"),
        ({"trunks": ["192.0.2.1"] * 201}, "settings.trunks"),
        ({"direction_field": "x"}, "settings.directions"),
        ({"directions": {"a": "inbound"}}, "settings.directions"),
        ({"direction_field": 5, "directions": {}}, "settings.direction_field"),
        ({"direction_field": "x", "directions": {"a": "sideways"}}, "settings.directions.a"),
        ({"direction_field": "x", "directions": ["a"]}, "settings.directions"),
        ({"trunk": []}, "settings.trunk"),
    ],
)
def test_settings_that_make_no_sense_are_refused_and_lose_no_calls(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        kamailio.check_settings(source(settings=given))
    assert refused.value.errors[0].field == field
    assert only(parse(transaction(), settings=given)).data.direction == "inbound"
