import pytest

from aftercall.store.vault import Vault, WrongKey

ONE, TWO = bytes(32), bytes(range(32))
PLACE = ("webhooks", "secrets", "wb_1")


def test_what_is_sealed_can_be_opened_in_its_place() -> None:
    vault = Vault([ONE])
    sealed = vault.seal("whsec_ü", *PLACE)
    assert sealed.startswith("enc:v1:")
    assert "whsec" not in sealed
    assert vault.open(sealed, *PLACE) == "whsec_ü"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    vault = Vault([ONE])
    assert vault.seal("a", *PLACE) != vault.seal("a", *PLACE)


@pytest.mark.parametrize(
    "place", [("sources", *PLACE[1:]), ("webhooks", "document", "wb_1"), (*PLACE[:2], "wb_2")]
)
def test_what_was_moved_cannot_be_opened(place: tuple[str, str, str]) -> None:
    vault = Vault([ONE])
    with pytest.raises(WrongKey, match="altered or moved"):
        vault.open(vault.seal("a", *PLACE), *place)


def test_what_was_altered_cannot_be_opened() -> None:
    vault = Vault([ONE])
    sealed = vault.seal("a" * 30, *PLACE)
    altered = sealed[:-5] + ("A" if sealed[-5] != "A" else "B") + sealed[-4:]
    with pytest.raises(WrongKey, match="altered or moved"):
        vault.open(altered, *PLACE)


@pytest.mark.parametrize("text", ["", "plain", "enc:v1", "enc:v1:a:b:c:d"])
def test_what_was_never_sealed_cannot_be_opened(text: str) -> None:
    with pytest.raises(WrongKey, match="not a sealed secret"):
        Vault([ONE]).open(text, *PLACE)


def test_another_key_is_named_in_the_error() -> None:
    with pytest.raises(WrongKey, match=r"sealed with key [0-9a-f]{8}; the keys at hand are [0-9a-f]{8}"):
        Vault([TWO]).open(Vault([ONE]).seal("a", *PLACE), *PLACE)


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    old = Vault([ONE]).seal("a", *PLACE)
    rotated = Vault([TWO, ONE])
    assert rotated.open(old, *PLACE) == "a"
    assert Vault([TWO]).open(rotated.seal("b", *PLACE), *PLACE) == "b"


@pytest.mark.parametrize("keys", [[], [b"short"], [ONE, b"x" * 33]])
def test_keys_have_32_bytes(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(keys)
