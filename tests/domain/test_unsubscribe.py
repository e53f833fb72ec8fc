"""Tokens of unsubscribe links (S5, S7): only ours are read, and they hold nobody's address."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.unsubscribe import Unsubscription, read, sign

KEY, OLD = b"k" * 32, b"o" * 32
TOKEN = sign("ac_1", "dl_01JD4Q8Z3E6X", KEY)
IDS = st.from_regex(r"[a-z]{2}_[0-9A-Z]{1,26}", fullmatch=True)


@given(IDS, IDS)
def test_what_is_signed_is_read(account: str, delivery: str) -> None:
    token = sign(account, delivery, KEY)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", token)
    assert read(token, [KEY]) == Unsubscription(account, delivery)


def test_a_token_of_the_key_before_is_read() -> None:
    assert read(sign("ac_1", "dl_1", OLD), [KEY, OLD]) == Unsubscription("ac_1", "dl_1")


def test_a_token_of_another_key_is_not_read() -> None:
    assert read(TOKEN, [OLD]) is None
    assert read(TOKEN, []) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_token_with_one_other_character_is_not_read(at: int, other: str) -> None:
    changed = TOKEN[:at] + other + TOKEN[at + 1 :]
    assert changed == TOKEN or read(changed, [KEY]) is None


@given(st.text())
def test_any_other_text_is_not_read(text: str) -> None:
    assert read(text, [KEY]) is None


@pytest.mark.parametrize("swapped", ["dl_01JD4Q8Z3E6X.ac_1", "ac_2.dl_01JD4Q8Z3E6X"])
def test_a_signature_holds_for_its_own_ids_only(swapped: str) -> None:
    assert read(f"{swapped}.{TOKEN.rpartition('.')[2]}", [KEY]) is None
