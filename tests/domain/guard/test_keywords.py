# STOP, START and HELP as people write them, and what follows (S5).

from datetime import UTC, datetime

import pytest

from aftercall.domain.guard.keyword_words import ANYWHERE, EXACT, PHRASES, STOPPED
from aftercall.domain.guard.keywords import Answered, Heard, Keyword, read_keyword, suppressions_after
from tests.domain.samples import but

HEARD = Heard(
    account_id="acc_1",
    address="+12125551234",
    text="STOP",
    at=datetime(2026, 11, 20, tzinfo=UTC),
    delivery_id="dlv_1",
    replies="aftercall",
    brand="Acme",
)


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", "Stop.", " STOP \n", "STOP!!!", "“STOP”", "'stop'", "«Stop»", "ＳＴＯＰ", "ｓｔｏｐ．",
        "S T O P", "st\u200bop", "STOP 🛑", "*STOP*", "STOP ALL", "stopall", "STOPALL", "UNSUBSCRIBE", "Unsubscribe.",
        "END", "QUIT",
        "CANCEL", "REVOKE", "OPTOUT", "opt-out", "Opt out", "REMOVE", "TD", "ARRET", "Arrêt", "ARRÊT", "ARRETT",
        "arrête", "BAJA", "Alto", "No más", "no mas", "PARE", "Sair", "Stopp", "Abmelden", "Basta", "Afmelden",
        "Rezygnuję", "REZYGNUJE", "İPTAL", "iptal", "IPTAL", "Çık", "रोको", "बंद करो", "band karo", "BAND KARE",
        "أوقف", "توقف", "停止", "配信停止。", "ｽﾄｯﾌﾟ", "STOP\x00",
    ],
)  # fmt: skip
def test_a_stop_word_alone_stops(text: str) -> None:
    found = read_keyword(text)
    assert (found.kind, found.match) == ("stop", "exact")


@pytest.mark.parametrize("text", ["START", "start.", "Yes", "UNSTOP", "Alta", "शुरू करें", "ابدأ", "再開"])
def test_a_start_word_alone_starts(text: str) -> None:
    assert read_keyword(text).kind == "start"


@pytest.mark.parametrize("text", ["HELP", "Help?", "info", "AIDE", "Ayuda", "Hilfe!", "मदद", "ヘルプ"])
def test_a_help_word_alone_asks_for_help(text: str) -> None:
    assert read_keyword(text).kind == "help"


@pytest.mark.parametrize(
    "text",
    [
        "please stop texting me", "The bus stop is closed", "STOP PLEASE", "remove me", "Take me off your list.",
        "don’t text me", "Don't text me again", "Leave me alone!", "no more texts", "stpo", "Unsubcribe",
        "opt me out",
        "I want to unsubscribe", "this is spam", "Bitte abmelden", "merci d'arrêter", "कृपया रोको", "mat bhejo",
    ],
)  # fmt: skip
def test_what_sounds_like_stop_is_for_a_person_to_read(text: str) -> None:
    found = read_keyword(text)
    assert (found.kind, found.match) == ("stop", "fuzzy")


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "👍", "Thanks!", "See you at 5", "Can you restart my order?", "non-stopping",
        "Please call me back",
        "the weekend", "cancel my appointment", "yes please, at 10", "I need help with my order", "1", "Nonstop",
    ],
)  # fmt: skip
def test_other_texts_are_no_keywords(text: str) -> None:
    assert read_keyword(text) == Keyword()


def test_a_keyword_names_its_word_and_language() -> None:
    assert read_keyword("Arrêt.") == Keyword("stop", "exact", "arrêt", "fr")


def test_what_the_provider_makes_of_a_text_counts_where_we_see_no_keyword() -> None:
    assert read_keyword("ZATRZYMAJ", said="stop") == Keyword("stop", "provider", "stop", "en")
    assert read_keyword("STOP", said="help").kind == "stop"


def test_every_word_of_the_lists_is_found_again() -> None:
    for kinds in EXACT.values():
        for kind, words in kinds.items():
            assert {read_keyword(word).kind for word in words} == {kind}
    for word in (*ANYWHERE, *PHRASES):
        assert read_keyword(f"I say {word} now").match == "fuzzy"


def test_stop_suppresses_everything_and_is_confirmed_once() -> None:
    answered = suppressions_after(read_keyword("STOP"), HEARD)
    (entry,) = answered.add
    assert (entry.source, entry.category, entry.scope, entry.reason) == ("keyword", "all", "all", "STOP")
    assert (entry.address, entry.channel, entry.delivery_id) == ("+12125551234", "sms", "dlv_1")
    assert answered.reply == "Acme: you will get no more texts from us. Reply START to get them again."
    again = suppressions_after(read_keyword("STOP"), but(HEARD, stopped=True))
    assert (again.add, again.reply) == (answered.add, None)


def test_something_like_stop_holds_promotion_until_it_is_read() -> None:
    heard = but(HEARD, text="The bus stop  is closed")
    answered = suppressions_after(read_keyword(heard.text), heard)
    (entry,) = answered.add
    assert (entry.source, entry.category, entry.reason) == ("review", "promotional", "The bus stop is closed")
    assert (answered.clear, answered.reply) == ((), None)


def test_start_clears_opt_outs_and_nothing_else() -> None:
    answered = suppressions_after(read_keyword("START"), HEARD)
    assert set(answered.clear) == {"keyword", "provider"}
    assert answered.add == ()
    assert "Reply STOP" in (answered.reply or "")


def test_help_is_answered_in_the_accounts_words() -> None:
    assert suppressions_after(read_keyword("HELP"), but(HEARD, help_text="{brand}: call 0800 1")).reply == (
        "Acme: call 0800 1"
    )


@pytest.mark.parametrize("replies", ["provider", "off"])
@pytest.mark.parametrize("text", ["STOP", "START", "HELP"])
def test_nothing_is_answered_when_that_is_not_ours_to_do(replies: str, text: str) -> None:
    assert suppressions_after(read_keyword(text), but(HEARD, replies=replies)).reply is None


def test_other_texts_change_nothing() -> None:
    assert suppressions_after(read_keyword("Thanks!"), HEARD) == Answered()


def test_the_confirmation_is_in_the_language_of_the_keyword() -> None:
    assert (suppressions_after(read_keyword("ARRÊT"), HEARD).reply or "").startswith("Acme : vous")


@pytest.mark.parametrize("text", STOPPED.values())
def test_a_confirmation_fits_one_text_and_names_the_way_back(text: str) -> None:
    assert "START" in text
    assert len(text.replace("{brand}", "A company's name")) <= 160


def test_a_long_text_is_read_in_bounded_time() -> None:
    assert read_keyword("stop " * 100_000).match == "fuzzy"
