"""Texts that come in: whether one says STOP, START or HELP, and what follows for the suppression list (S5)."""

import re
import unicodedata
from datetime import datetime
from functools import cache
from typing import Literal

import msgspec

from aftercall.domain.contact import Suppression, SuppressionSource
from aftercall.domain.guard.keyword_words import ANYWHERE, EXACT, HELPED, PHRASES, STARTED, STOPPED, Kind

# A provider that answers STOP by itself lifts its own block on START too; anything else takes a person.
CLEARED_BY_START: tuple[SuppressionSource, ...] = ("keyword", "provider")
_KEPT = 160  # characters of an unclear answer that are kept for whoever reads it
_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "ß": "ss", "'": "", "’": "", "‘": "", "`": ""})


class Keyword(msgspec.Struct, frozen=True):
    """What a text says. `fuzzy` means that a person should read it; only `stop` comes so."""

    kind: Kind | None = None
    match: Literal["exact", "fuzzy", "provider"] | None = None
    word: str = ""
    language: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a text: entries to add, sources of entries to clear, and a text to answer with."""

    add: tuple[Suppression, ...] = ()
    clear: tuple[SuppressionSource, ...] = ()
    reply: str | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A text that came in, and to whom. `scope` is how far a STOP reaches: all, a sender, a connection."""

    account_id: str
    address: str  # whose text it is, E.164
    text: str
    at: datetime
    scope: str = "all"
    delivery_id: str | None = None  # the message it answers
    replies: Literal["provider", "aftercall", "off"] = "provider"
    stopped: bool = False  # an entry of a keyword exists: it was confirmed then
    brand: str = ""
    help_text: str = ""  # the account's own answer to HELP


NONE = Keyword()
_APOSTROPHE = re.compile("['’‘`]")


def read_keyword(text: str, said: Kind | None = None) -> Keyword:
    """The keyword that is the whole body; else `stop`, fuzzy, where it sounds like it. `said` is the provider's view.

    Over-blocking is the safe side: "The bus stop is closed" is read by a person, too.
    """
    folded = fold(text)
    squeezed = folded.replace(" ", "")
    if (exact := _exact().get(squeezed)) is not None:
        kind, word, language = exact
        return Keyword(kind, "exact", word, language)
    if said is not None:
        return Keyword(said, "provider", said, "en")
    apart = fold(_APOSTROPHE.sub(" ", text))  # d'arrêter holds arrêter; don't stays dont in the other
    within = f" {folded} {apart} "
    found = next((word for word in _fuzzy() if f" {word} " in within), None)
    return NONE if found is None else Keyword("stop", "fuzzy", found)


def suppressions_after(keyword: Keyword, heard: Heard) -> Answered:
    """STOP adds an entry for all messages, something like it one for promotional ones; START clears, HELP answers."""
    if keyword.kind == "stop" and keyword.match == "fuzzy":
        return Answered(add=(_entry(heard, "review", " ".join(heard.text.split())[:_KEPT]),))
    if keyword.kind == "stop":
        confirmation = STOPPED.get(keyword.language, STOPPED["en"])
        reply = None if heard.stopped else _said(heard, confirmation)
        return Answered(add=(_entry(heard, "keyword", keyword.word.upper()),), reply=reply)
    if keyword.kind == "start":
        return Answered(clear=CLEARED_BY_START, reply=_said(heard, STARTED))
    if keyword.kind == "help":
        return Answered(reply=_said(heard, heard.help_text or HELPED))
    return Answered()


def fold(text: str) -> str:
    """The words of a text: lower case, without accents and punctuation, full-width and the like as plain letters."""
    plain = unicodedata.normalize("NFKC", text[:1000]).casefold().translate(_LETTERS)
    decomposed = unicodedata.normalize("NFKD", plain)
    kept = "".join(
        " " if _separates(char) else char
        for char in decomposed
        if unicodedata.category(char) not in ("Mn", "Cf")
    )
    return re.sub(r"\s+", " ", kept).strip()


def _separates(char: str) -> bool:
    return unicodedata.category(char)[0] in "PSZC"


@cache
def _exact() -> dict[str, tuple[Kind, str, str]]:
    """Each keyword without spaces, with what it means. A word of two languages counts for the first."""
    found: dict[str, tuple[Kind, str, str]] = {}
    for language, kinds in EXACT.items():
        for kind, words in kinds.items():
            for word in words:
                found.setdefault(fold(word).replace(" ", ""), (kind, word, language))
    return found


@cache
def _fuzzy() -> tuple[str, ...]:
    return tuple(fold(word) for word in (*ANYWHERE, *PHRASES))


def _entry(heard: Heard, source: SuppressionSource, reason: str) -> Suppression:
    return Suppression(
        account_id=heard.account_id,
        address=heard.address,
        channel="sms",
        source=source,
        scope=heard.scope,
        category="promotional" if source == "review" else "all",
        reason=reason,
        delivery_id=heard.delivery_id,
        created_at=heard.at,
        created_by="recipient",
    )


def _said(heard: Heard, text: str) -> str | None:
    """The answer, if it is ours to give: a provider that answers keywords has done so already."""
    if heard.replies != "aftercall":
        return None
    return text.replace("{brand}", heard.brand).removeprefix(":").removeprefix(" :").strip()
