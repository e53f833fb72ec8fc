# The GSM alphabet (S3), against smsutil's table as oracle.

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smsutil import codecs

from aftercall.domain.gsm7 import decode, encode, septets

ALPHABET = [char for char in map(chr, range(0x10000)) if septets(char)]


def test_the_alphabet_has_the_characters_of_the_standard() -> None:
    assert len(ALPHABET) == 127 + 10
    assert sum(septets(char) == 2 for char in ALPHABET) == 10


def test_the_alphabet_is_the_oracles() -> None:
    theirs = [char for char in map(chr, range(0x3000)) if codecs.is_valid_gsm(char)]
    assert [char for char in theirs if char != "\x1b"] == ALPHABET  # the escape is no character by itself


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", "00"),
        ("$", "02"),
        ("€", "1b65"),
        ("[a]", "1b3c611b3e"),
        ("Àà"[1:], "7f"),
        ("_\n", "110a"),
        ("", ""),
    ],
)
def test_encode_gives_unpacked_septets(text: str, octets: str) -> None:
    assert encode(text).hex() == octets


@pytest.mark.parametrize("text", ["`", "ç", "Hi 🎉", "\x1b", "\u2019", "\ud800"])
def test_encode_refuses_what_the_alphabet_does_not_have(text: str) -> None:
    with pytest.raises(ValueError, match="the GSM alphabet has no U"):
        encode(text)


@given(st.text(st.sampled_from(ALPHABET)))
def test_decode_undoes_encode(text: str) -> None:
    assert decode(encode(text)) == text


@given(st.binary())
def test_decode_reads_anything(data: bytes) -> None:
    assert len(decode(data)) <= len(data)


def test_decode_reads_an_unknown_escape_as_the_basic_character() -> None:
    assert decode(b"\x1bA\x1b\x1b\x80") == "A \ufffd"
