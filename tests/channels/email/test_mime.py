"""What a mail looks like on the wire (S7), read with Python's own parser; nothing that is given can add a header."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aftercall.channels.email.mime import MAX_SIZE, Mail, Unsendable, compose
from aftercall.channels.email.settings import Settings
from aftercall.domain.message import Attachment, Email
from tests.channels.email.conftest import NOW, REFERENCE, email

URL = "https://aftercall.example.com/unsubscribe/ac_1.dl_1." + "x" * 80
ALWAYS = {
    "Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "X-AfterCall-Delivery", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
}  # fmt: skip
ANYTHING = st.text(max_size=300)
PIECES = (
    "\r\nBcc: x@evil.test", "\n", "\r", "=?utf-8?q?=0D=0ABcc:_x?=", "=?", "?=", '"', "\\", "<a@b.c>", ",", ";", ".",
    "(", ")", " ", "x" * 80, "é", "😀", "न\u200d", "\u2028", "\x85", "\0", "\ud800",
)  # fmt: skip
NASTY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def settings(**more: Any) -> Settings:
    fields: dict[str, Any] = {"host": "mail.test", "from_address": "calls@example.com"} | more
    return Settings(**fields)


def composed(what: Email | None = None, url: str | None = None, **more: Any) -> Mail:
    return compose(what or email(), settings(**more), REFERENCE, url, NOW)


def parsed(mail: Mail) -> EmailMessage:
    read = message_from_bytes(mail.content, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def display_name(mail: Mail, field: str) -> str:
    """By the older reader: the newer one (3.11) sets a space between two encoded words of a name."""
    name, _ = parseaddr(message_from_bytes(mail.content)[field].replace("\r\n", ""))
    return str(make_header(decode_header(name)))


def tidy(text: str) -> str:
    """What is left of a text in a header: breaks and control characters are spaces, spaces are one."""
    odd = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000)), " ")
    return " ".join(text.translate(odd).split())


def test_a_simple_mail_as_it_goes_over_the_wire() -> None:
    mail = composed(email(to_name="Ann", call_id="cl_7"), from_name="Acme, Inc.")
    assert mail.content.decode("ascii") == (
        "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
        'From: "Acme, Inc." <calls@example.com>\r\n'
        'To: "Ann" <ann@example.org>\r\n'
        "Subject: Missed call from +14085551234\r\n"
        f"Message-ID: <{REFERENCE}@example.com>\r\n"
        "In-Reply-To: <call-cl_7@example.com>\r\n"
        "References: <call-cl_7@example.com>\r\n"
        "X-AfterCall-Call: cl_7\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        f"X-AfterCall-Delivery: {REFERENCE}\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Hello\r\n"
    )


def test_text_and_html_are_alternatives() -> None:
    message = parsed(composed(email(html="<p>Grüße</p>")))
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert isinstance(html, EmailMessage)
    assert html.get_content() == "<p>Grüße</p>\r\n"


def test_attachments_stand_beside_the_text() -> None:
    files = (
        Attachment("Gespräch 1/2.txt", "text/plain", "Hallo\nWelt €\n"),
        Attachment('a"\r\nX: y', "application/json", "{}"),
        Attachment("", "not a type", "?"),
    )
    message = parsed(composed(email(html="<p>x</p>", attachments=files)))
    assert message.get_content_type() == "multipart/mixed"
    found = [(a.get_filename(), a.get_content_type(), a.get_content()) for a in message.iter_attachments()]
    assert found == [
        ("Gespräch 1_2.txt", "text/plain", "Hallo\r\nWelt €\r\n"),
        ('a" X: y', "application/json", b"{}"),
        ("attachment", "application/octet-stream", b"?"),
    ]
    assert set(message.keys()) == ALWAYS - {"Content-Transfer-Encoding"}


def test_a_text_that_knows_the_boundary_ends_no_part() -> None:
    boundary = parsed(composed(email(html="<p>x</p>"))).get_boundary()
    text = f"--{boundary}--\r\n\r\n--{boundary}\r\n"
    message = parsed(composed(email(text=text, html=text)))
    assert message.get_boundary() == boundary
    assert [part.get_content() for part in message.iter_parts()] == [text, text]


def test_every_attempt_is_the_same_to_the_byte() -> None:
    mails = [
        composed(email(html="<p>x</p>", attachments=(Attachment("a", "text/csv", "1"),))) for _ in range(2)
    ]
    assert mails[0] == mails[1]


@pytest.mark.parametrize("kind", ["multipart/mixed", "message/rfc822"])
def test_an_attachment_is_never_made_of_parts(kind: str) -> None:
    message = parsed(composed(email(attachments=(Attachment("a.eml", kind, "Subject: x\r\n\r\nhi"),))))
    assert [part.get_content_type() for part in message.iter_attachments()] == ["application/octet-stream"]


def test_the_same_delivery_has_the_same_message_id_at_another_time() -> None:
    later = compose(email(), settings(), REFERENCE, None, NOW.replace(hour=11))
    assert later.message_id == composed().message_id == f"<{REFERENCE}@example.com>"
    assert parsedate_to_datetime(str(parsed(later)["date"])) == NOW.replace(hour=11)


def test_a_connection_may_have_a_mail_domain_of_its_own() -> None:
    assert composed(mail_domain="post.bücher.example").message_id.endswith("@post.xn--bcher-kva.example>")


@pytest.mark.parametrize(
    "category", ["promotional", "service_explicit", "service_implicit", "conversational"]
)
def test_a_mail_that_is_not_transactional_can_be_unsubscribed_with_one_click(category: str) -> None:
    message = parsed(composed(email(category=category), URL, unsubscribe_mailto="stop@example.com"))
    assert message["list-unsubscribe"].replace("\r\n", "") == (
        f"<{URL}>, <mailto:stop@example.com?subject=unsubscribe>"
    )
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("category", ["otp", "transactional"])
def test_a_transactional_mail_has_no_unsubscribe_header(category: str) -> None:
    mail = composed(email(category=category), URL, unsubscribe_mailto="stop@example.com")
    assert b"Unsubscribe" not in mail.content


@pytest.mark.parametrize(
    "url", [None, "http://insecure.example/u", "https://evil.test/>\r\nBcc: x", "https://a.b/<"]
)
def test_one_click_needs_an_https_url(url: str | None) -> None:
    mail = composed(email(category="promotional"), url, unsubscribe_mailto="stop@example.com")
    message = parsed(mail)
    assert message["list-unsubscribe"] == "<mailto:stop@example.com?subject=unsubscribe>"
    assert message["list-unsubscribe-post"] is None
    assert "bcc" not in message


def test_a_long_url_is_not_made_an_encoded_word() -> None:
    url = "https://aftercall.example.com/" + "long/" * 150
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in composed(email(category="promotional"), url).content


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        (" o'hara+x=1@Example.ORG ", "o'hara+x=1@example.org"),
        ("root@localhost", "root@localhost"),
        ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_an_address_is_sent_as(given: str, sent: str) -> None:
    mail = composed(email(to=given))
    assert mail.recipient == sent
    assert parsed(mail)["to"].addresses[0].addr_spec == sent


@pytest.mark.parametrize(
    "address",
    ["", "ann", "@example.org", "ann@", "ann@@example.org", "a b@example.org", "ann@exa mple.org", "ann@[192.0.2.1]",
     "ann@192.0.2.1", "<ann@example.org>", "ann@example.org\r\nRCPT TO:<x@y.z>", "ann@example.org, bob@example.org",
     "jürgen@example.org", ".ann@example.org", "ann.@example.org", "a..b@example.org", "a" * 65 + "@example.org",
     "ann@" + "a." * 130 + "org", '"a b"@example.org', "ann\0@example.org", "ann@-a.org"],
)  # fmt: skip
def test_an_address_that_smtp_cannot_carry_is_refused(address: str) -> None:
    with pytest.raises(Unsendable) as caught:
        composed(email(to=address))
    assert caught.value.error == "invalid_recipient"
    assert len(address) < 4 or address not in caught.value.detail


def test_a_wrong_sender_is_a_matter_of_settings() -> None:
    with pytest.raises(Unsendable, match="sender") as caught:
        composed(email(from_="a@b@c"))
    assert caught.value.error == "config"


def test_the_mail_decides_on_sender_and_reply_before_the_connection() -> None:
    message = parsed(
        composed(
            email(from_="sales@example.net", from_name="Sales", reply_to="r@example.net"),
            reply_to="x@example.net",
        )
    )
    assert str(message["from"]) == "Sales <sales@example.net>"
    assert message["reply-to"] == "r@example.net"


@given(subject=ANYTHING | NASTY, name=ANYTHING | NASTY, sender=ANYTHING | NASTY)
@example(subject="=?utf-8?q?=0D=0ABcc:_x?=", name="a\r\n b", sender="=?utf-8?b?DQpCY2M6IHg=?= <x@y.z>")
@example(subject="x" * 2000, name="é" * 300, sender="a" * 300)
def test_nothing_given_adds_a_header(subject: str, name: str, sender: str) -> None:
    mail = composed(email(subject=subject, to_name=name, from_name=sender))
    message = parsed(mail)
    assert set(message.keys()) == ALWAYS
    assert len(message.keys()) == len(ALWAYS)
    assert str(message["subject"]) == tidy(subject)
    for field, said, address in (("to", name, "ann@example.org"), ("from", sender, "calls@example.com")):
        assert [person.addr_spec for person in message[field].addresses] == [address]
        assert display_name(mail, field) == tidy(said)
    assert message.get_content() == "Hello\r\n"


@given(text=st.text() | NASTY, html=st.text(min_size=1) | NASTY.filter(bool))
def test_every_text_is_ascii_in_short_lines_and_comes_back(text: str, html: str) -> None:
    mail = composed(email(text=text, html=html))
    assert mail.content.isascii()
    assert max(map(len, mail.content.split(b"\r\n"))) <= 78
    assert b"\n" not in mail.content.replace(b"\r\n", b"")
    assert b"\r" not in mail.content.replace(b"\r\n", b"")
    assert b"\0" not in mail.content
    plain, rich = parsed(mail).iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(rich, EmailMessage)
    assert lines(plain.get_content()) == lines(bare(text))
    assert lines(rich.get_content()) == lines(bare(html))


def bare(text: str) -> str:
    """Without control characters but tab and line ends."""
    controls = {*range(0x20), 0x7F} - {*map(ord, "\t\r\n")}
    return text.encode("utf-8", "replace").decode().translate(dict.fromkeys(controls))


def lines(text: str) -> list[str]:
    """Every kind of line end is one; how many stand at the end does not matter."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")


@given(name=ANYTHING | NASTY)
def test_no_file_name_adds_a_header(name: str) -> None:
    message = parsed(composed(email(attachments=(Attachment(name, "text/csv", "a;b\n"),))))
    assert set(message.keys()) == ALWAYS - {"Content-Transfer-Encoding"}
    (attachment,) = message.iter_attachments()
    assert set(attachment.keys()) <= {
        "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version",
    }  # fmt: skip


def test_a_mail_larger_than_ten_megabytes_is_refused() -> None:
    with pytest.raises(Unsendable, match=str(MAX_SIZE)) as caught:
        composed(email(text="a" * 78 + "\n", attachments=(Attachment("a", "text/plain", "x" * MAX_SIZE),)))
    assert caught.value.error == "content"


def test_a_joiner_in_a_name_stays() -> None:
    name = "क्\u200dष 👨\u200d👩"
    assert display_name(composed(email(to_name=name)), "to") == name
