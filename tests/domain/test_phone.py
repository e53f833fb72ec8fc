# Numbers as sources write them.

import subprocess
import sys

import pytest

from aftercall.domain.phone import (
    Number,
    country,
    digits,
    mask,
    national,
    normalise,
    phone_type,
    pretty,
    zones,
)


@pytest.mark.parametrize(
    ("raw", "home", "e164"),
    [
        ("+14085551234", None, "+14085551234"),
        ("+1 (408) 555-1234", None, "+14085551234"),
        ("+1.408.555.1234", None, "+14085551234"),
        ("0014085551234", None, "+14085551234"),
        ("00914085551234", "IN", "+914085551234"),
        ("01149891234567", "US", "+49891234567"),
        ("(408) 555-1234", "US", "+14085551234"),
        ("4085551234", "us", "+14085551234"),
        ("09876543210", "IN", "+919876543210"),
        ("919876543210", "IN", "+919876543210"),
        ("sip:+14085551234@sip.example;user=phone", None, "+14085551234"),
        ("<sip:+14085551234@sip.example>;tag=7", None, "+14085551234"),
        ("tel:+1-408-555-1234", None, "+14085551234"),
        ('"Ada" <+14085551234>', None, "+14085551234"),
        ("sip:%2B14085551234@x.example", None, "+14085551234"),
    ],
)
def test_normalise_reads_a_number(raw: str, home: str | None, e164: str) -> None:
    number = normalise(raw, home)
    assert number.e164 == number.best == e164
    assert number.presentation == "allowed"


@pytest.mark.parametrize(
    ("raw", "home", "kept"),
    [
        ("101", "US", "101"),
        ("20001", "US", "20001"),
        ("4085551234", None, "4085551234"),
        ("reception", "US", "reception"),
        ("sip:jordan@pbx.example", "US", "jordan"),
        ("*72", "US", "*72"),
        ("+0123456789", None, "+0123456789"),
        ("123456", "US", "123456"),
        ("4085551234", "XX", "4085551234"),
        ("9" * 40, "US", "9" * 40),
    ],
)
def test_normalise_keeps_what_is_no_number(raw: str, home: str | None, kept: str) -> None:
    assert normalise(raw, home) == Number(None, kept)


@pytest.mark.parametrize(
    "raw",
    [
        "anonymous", "Anonymous", "unknown", "<unknown>", "Restricted", "private", "unavailable", "+266696687",
        "266696687", "", "  ", None, "sip:anonymous@anonymous.invalid", "Private Number",
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
    ],
)  # fmt: skip
def test_normalise_knows_withheld_numbers(raw: str | None) -> None:
    assert normalise(raw, "US") == Number(None, None, "anonymous")


def test_what_is_e164_already_needs_no_tables() -> None:
    script = (
        "import sys; from aftercall.domain.phone import normalise; from aftercall.domain import payload;"
        "assert normalise('+14085551234', 'US').e164; assert 'phonenumbers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


@pytest.mark.parametrize(
    ("e164", "within", "people", "where"),
    [
        ("+14085551234", "4085551234", "(408) 555-1234", "US"),
        ("+919876543210", "9876543210", "098765 43210", "IN"),
        ("+390612345678", "0612345678", "06 1234 5678", "IT"),
        ("+9999999999", "9999999999", "+9999999999", None),
        ("101", "101", "101", None),
    ],
)
def test_a_number_within_its_country(e164: str, within: str, people: str, where: str | None) -> None:
    assert (national(e164), pretty(e164), country(e164)) == (within, people, where)


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+14085551234", "+*********34"),
        ("101", "***"),
        ("(408) 555-1234", "(***) ***-**34"),
        ("ada", "***"),
        ("", ""),
    ],
)
def test_mask(number: str, masked: str) -> None:
    assert mask(number) == masked


def test_digits() -> None:
    assert (digits("+14085551234"), digits("101")) == ("14085551234", "101")


@pytest.mark.parametrize(
    ("e164", "kind"),
    [
        ("+12125551234", "landline_or_mobile"),
        ("+18005551234", "toll_free"),
        ("+919876543210", "mobile"),
        ("+911123456789", "landline"),
        ("+33612345678", "mobile"),
        ("+442079460000", "landline"),
        ("+33912345678", "voip"),
        ("+447700900123", None),  # set aside for films
        ("+15550001111", None),  # no such area code
        ("+99912345678", None),
        ("101", None),
        ("", None),
    ],
)
def test_phone_type(e164: str, kind: str | None) -> None:
    assert phone_type(e164) == kind


@pytest.mark.parametrize(
    ("e164", "how_many", "one_of_them"),
    [
        ("+12125551234", 1, "America/New_York"),
        ("+19075551234", 2, "America/Anchorage"),
        ("+18005551234", 42, "Pacific/Honolulu"),
        ("+61412345678", 8, "Australia/Perth"),
        ("+79161234567", 16, "Europe/Moscow"),
        ("+919876543210", 1, "Asia/Calcutta"),
    ],
)
def test_zones_are_all_a_number_may_be_in(e164: str, how_many: int, one_of_them: str) -> None:
    assert len(zones(e164)) == how_many
    assert one_of_them in zones(e164)


@pytest.mark.parametrize("nowhere", ["+447700900123", "+15550001111", "101", ""])
def test_zones_are_none_when_the_number_does_not_say(nowhere: str) -> None:
    assert zones(nowhere) == ()
