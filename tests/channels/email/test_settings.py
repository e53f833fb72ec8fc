"""What may be filled in for a mail server, and what is made of what is left out (S7)."""

from typing import Any

import msgspec
import pytest

from aftercall.channels.email.settings import Settings

LEAST: dict[str, Any] = {"host": "smtp.example.com", "from_address": "calls@Bücher.example"}


def read(**more: Any) -> Settings:
    return msgspec.convert(LEAST | more, Settings)


def test_what_is_left_out_follows_from_the_sender() -> None:
    settings = read()
    assert (settings.port, settings.security, settings.encrypted) == (587, "starttls", True)
    assert settings.domain == settings.greeting == "xn--bcher-kva.example"


def test_names_of_ones_own() -> None:
    settings = read(mail_domain="Post.example.com", hello_name="calls.example.com", security="none")
    assert (settings.domain, settings.greeting) == ("post.example.com", "calls.example.com")
    assert not settings.encrypted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "a b"),
        ("host", ""),
        ("port", 0),
        ("security", "ssl"),
        ("from_address", ""),
        ("from_address", "x"),
        ("from_name", "a\r\nBcc: x"),
        ("reply_to", "a@b@c"),
        ("mail_domain", "x>y"),
        ("hello_name", "a b"),
        ("unsubscribe_mailto", "stop"),
        ("username", "only"),
        ("password", "s3cret"),
        ("max_messages", 0),
        ("hots", "typo"),
    ],
)
def test_a_value_is_refused_without_being_repeated(field: str, value: object) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        read(**{field: value})
    assert field in str(caught.value) or "username" in str(caught.value)
    assert "s3cret" not in str(caught.value)
