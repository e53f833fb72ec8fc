from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercall.net import url
from aftercall.net.errors import NetError


@pytest.mark.parametrize(
    ("text", "host", "port", "sent"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("https://example.com?a=1", "example.com", 443, "/?a=1"),
        ("HTTPS://Example.COM:8443/Path", "example.com", 8443, "/Path"),
        ("http://example.com./x", "example.com", 80, "/x"),
        ("https://example.com/a/../b//c", "example.com", 443, "/a/../b//c"),
        ("https://example.com/%7Euser?q=a%20b+c&d=%2F&&", "example.com", 443, "/%7Euser?q=a%20b+c&d=%2F&&"),
        ("https://example.com/%zz?%", "example.com", 443, "/%zz?%"),
        ("https://example.com/x#secret", "example.com", 443, "/x"),
        ("https://example.com/é?ü=1", "example.com", 443, "/%C3%A9?%C3%BC=1"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://my_service/", "my_service", 443, "/"),
        ("https://192.0.2.1/", "192.0.2.1", 443, "/"),
        ("https://[2001:DB8::1]:99/", "2001:db8::1", 99, "/"),
    ],
)
def test_a_url_is_taken_apart_and_sent_as_written(text: str, host: str, port: int, sent: str) -> None:
    target = url.parse(text)
    assert (target.host, target.port, target.path) == (host, port, sent)


@pytest.mark.parametrize(
    ("text", "authority", "origin"),
    [
        ("https://Example.com/a", "example.com", "https://example.com"),
        ("https://example.com:443/b", "example.com", "https://example.com"),
        ("http://example.com:443/", "example.com:443", "http://example.com:443"),
        ("https://[2001:DB8::1]:99/", "[2001:db8::1]:99", "https://[2001:db8::1]:99"),
    ],
)
def test_the_same_place_has_the_same_origin(text: str, authority: str, origin: str) -> None:
    target = url.parse(text)
    assert (target.authority, target.origin) == (authority, origin)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "unix:///run/x.sock",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:443/",
        "https://user@example.com/",
        "https://user:pw@example.com/",
        "https://@example.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://example.com:-1/",
        "https://exa mple.com/",
        " https://example.com/",
        "https://example.com/a b",
        "https://example.com/a\r\nHost: x",
        "https://exam\tple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example..com/",
        "https://.example.com/",
        "https://-example.com/",
        "https://example.com../",
        "https://%6cocalhost/",
        "https://127.0.0.1%2f.example.com/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[v1.x]/",
        "https://[127.0.0.1]/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 130 + "com/",
        "https://example.com/" + "a" * 8192,
    ],
)
def test_what_is_not_a_plain_http_url_is_refused(text: str) -> None:
    with pytest.raises(NetError) as caught:
        url.parse(text)
    assert caught.value.code == "invalid_url"


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.0x1", "1.2.3.4.5",
     "256.1.1.1", "0x", "foo.0x7f", "１２７.1", "127.0.0.1.."],
)  # fmt: skip
def test_an_address_in_disguise_is_refused(host: str) -> None:
    with pytest.raises(NetError) as caught:
        url.parse(f"http://{host}/")
    assert caught.value.code == "invalid_url"


@pytest.mark.parametrize("host", ["127.0.0.1.", "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1"])
def test_an_address_in_foreign_digits_is_seen_as_an_address(host: str) -> None:
    assert (url.parse(f"http://{host}/").host, url.parse(f"http://{host}/").literal) == ("127.0.0.1", True)


def test_an_error_does_not_repeat_the_url() -> None:
    with pytest.raises(NetError) as caught:
        url.parse("https://user:hunter2@example.com/token")
    assert "hunter2" not in str(caught.value)
    assert "token" not in str(caught.value)


@given(st.one_of(st.text(), st.text().map("https://".__add__), st.text().map("https://example.com/".__add__)))
def test_any_text_is_a_target_or_a_net_error(text: str) -> None:
    with suppress(NetError):
        target = url.parse(text)
        assert target.path.isascii()
        assert target.host.isascii()
