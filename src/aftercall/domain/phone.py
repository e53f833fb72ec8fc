"""Phone numbers: what a source writes, as E.164 where that can be told (H22). Results are remembered."""

import re
from functools import lru_cache
from types import ModuleType
from typing import Literal
from urllib.parse import unquote

import msgspec

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
# How exchanges and providers write a number that is withheld; +266696687 spells ANONYMOUS on a keypad.
ANONYMOUS = frozenset({
    "anonymous", "unknown", "restricted", "private", "unavailable", "withheld", "blocked", "nonumber",
    "anonymous.invalid", "asreceived", "privatenumber", "266696687", "",
})  # fmt: skip
PhoneType = Literal[
    "mobile", "landline", "landline_or_mobile", "voip", "toll_free", "premium", "shared_cost", "personal", "pager",
    "company", "voicemail",
]  # fmt: skip
# In the order of phonenumbers.PhoneNumberType, whose numbers are those of Google's libphonenumber.
_TYPES: dict[int, PhoneType] = {
    0: "landline", 1: "mobile", 2: "landline_or_mobile", 3: "toll_free", 4: "premium", 5: "shared_cost",
    6: "voip", 7: "personal", 8: "pager", 9: "company", 10: "voicemail",
}  # fmt: skip
_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_DIALLED = re.compile(r"\+?\d+", re.ASCII)
_LONGEST_EXTENSION = 5  # digits; short codes and internal numbers are never made E.164


class Number(msgspec.Struct, frozen=True):
    """A number as E.164 where it is one, and as it was written. Withheld numbers have no text at all."""

    e164: str | None
    raw: str | None
    presentation: Literal["allowed", "anonymous"] = "allowed"

    @property
    def best(self) -> str | None:
        return self.e164 or self.raw


@lru_cache(maxsize=16384)
def normalise(raw: str | None, country: str | None = None) -> Number:
    """Read a number; `country` (ISO 3166 alpha-2) is the account's, for numbers written the national way.

    Understands `sip:` and `tel:` URIs, `"Name" <number>` and the prefix 00. Extensions, names and what is no
    possible number stay as written, with `e164` None.
    """
    if raw is not None and E164.fullmatch(raw) and raw != "+266696687":
        return Number(raw, raw)
    user = _user(raw or "")
    if user.strip("<>+").casefold().replace(" ", "") in ANONYMOUS:
        return Number(None, None, "anonymous")
    digits = _SEPARATORS.sub("", user)
    if not _DIALLED.fullmatch(digits) or len(digits) <= _LONGEST_EXTENSION:
        return Number(None, user)
    if digits.startswith("00") and country not in _OTHER_EXITS:
        digits = "+" + digits[2:]
    if E164.fullmatch(digits):
        return Number(digits, user)
    return Number(_parsed(digits, country), user)


def national(e164: str) -> str:
    """The digits dialled within the country, without its trunk prefix: +919876543210 is 9876543210."""
    return _split(e164)[1]


@lru_cache(maxsize=16384)
def pretty(e164: str) -> str:
    """The number as people of its country write it."""
    if not E164.fullmatch(e164):
        return e164
    lib = _phonenumbers()
    try:
        parsed = lib.parse(e164, None)
    except lib.NumberParseException:
        return e164
    return str(lib.format_number(parsed, lib.PhoneNumberFormat.NATIONAL))


def country(e164: str) -> str | None:
    """The country (ISO 3166 alpha-2) a number belongs to; None where it belongs to none."""
    return _split(e164)[0]


def phone_type(e164: str) -> PhoneType | None:
    """What kind of line a number belongs to, as far as its digits tell; None where it belongs to no line.

    In North America they do not tell mobiles from landlines. A ported number looks like what it was.
    """
    return _tables(e164)[0]


def zones(e164: str) -> tuple[str, ...]:
    """The time zones (IANA) a number may be in: 42 for +1 800, none where that is unknown."""
    return _tables(e164)[1]


def mask(number: str) -> str:
    """The number for people who may not see it: the last two digits, and how many there are."""
    seen = 2 if sum(c.isdigit() for c in number) > 4 else 0
    made = []
    for char in reversed(number):
        if char.isalnum():
            made.append(char if seen > 0 else "*")
            seen -= 1
        else:
            made.append(char)
    return "".join(reversed(made))


def digits(number: str) -> str:
    """E.164 without the plus, the way many systems keep numbers; anything else as it is."""
    return number.removeprefix("+")


# Countries that dial abroad with something else than 00: there a leading 00 is no country code.
_OTHER_EXITS = frozenset({
    "US", "CA", "JP", "AU", "RU", "KZ", "BR", "KR", "HK", "SG", "TH", "ID", "TW", "UZ", "TJ",
})  # fmt: skip


def _user(raw: str) -> str:
    """The part of a URI or caller-ID text that is the number."""
    text = raw.strip()
    quoted = re.search(r"<([^<>]+)>\s*$", text)
    if quoted and quoted.start() > 0:
        text = quoted.group(1)
    scheme, colon, rest = text.strip("<>").partition(":")
    if colon and scheme.casefold() in ("sip", "sips", "tel", "callto"):
        text = unquote(re.split(r"[@;?]", rest, maxsplit=1)[0])
    return text.strip()


def _parsed(digits: str, country: str | None) -> str | None:
    lib = _phonenumbers()
    try:
        parsed = lib.parse(digits, country and country.upper())
    except lib.NumberParseException:
        return None
    if not lib.is_possible_number(parsed):
        return None
    e164 = str(lib.format_number(parsed, lib.PhoneNumberFormat.E164))
    return e164 if E164.fullmatch(e164) else None


@lru_cache(maxsize=16384)
def _tables(e164: str) -> tuple[PhoneType | None, tuple[str, ...]]:
    if not E164.fullmatch(e164):
        return None, ()
    lib = _phonenumbers()
    from phonenumbers import timezone  # noqa: PLC0415  # 3 MB more, for messages only

    try:
        parsed = lib.parse(e164, None)
    except lib.NumberParseException:
        return None, ()
    kind = _TYPES.get(lib.number_type(parsed))
    found = timezone.time_zones_for_number(parsed) if kind else ()
    return kind, tuple(zone for zone in found if zone != "Etc/Unknown")


@lru_cache(maxsize=16384)
def _split(e164: str) -> tuple[str | None, str]:
    if not E164.fullmatch(e164):
        return None, e164
    lib = _phonenumbers()
    try:
        parsed = lib.parse(e164, None)
    except lib.NumberParseException:
        return None, digits(e164)
    region = lib.region_code_for_number(parsed)
    return (region if region != "001" else None), str(lib.national_significant_number(parsed))


def _phonenumbers() -> ModuleType:
    """Loaded when first needed: its tables take time and 20 MB that most processes never use."""
    import phonenumbers  # noqa: PLC0415

    return phonenumbers
