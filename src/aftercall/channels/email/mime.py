"""From an `Email` to the bytes that go to the server (RFC 5322). Pure.

Header values are finished here, with encoded words where they need them, and are not folded again: Python's `email`
package writes a long URL or Message-ID as an encoded word, which no reader of such headers decodes.
"""

import hashlib
import re
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from urllib.parse import quote

import msgspec

from aftercall.channels.email import body
from aftercall.channels.email.address import mailbox
from aftercall.channels.email.body import one_line
from aftercall.channels.email.settings import Settings
from aftercall.domain.message import Email, ErrorClass

MAX_SIZE = 10 * 1024 * 1024  # bytes as sent; many servers take 10 MB and more, few much less
MAX_LINE = 998  # RFC 5322, 2.1.1
SHORT = 76  # RFC 2047, 2: a line with an encoded word
# Asked for by the recipient, or needed to get what was asked for: there is nothing to unsubscribe from.
TRANSACTIONAL = frozenset({"otp", "transactional"})

_HTTPS = re.compile(r"https://[\x21\x23-\x3b\x3d\x3f-\x7e]+")  # without `<`, `>` and `"`


class Unsendable(Exception):
    """This mail cannot be sent, whatever the server says; `detail` is for the admin."""

    def __init__(self, error: ErrorClass, detail: str) -> None:
        super().__init__(error, detail)
        self.error: ErrorClass = error
        self.detail = detail


class Mail(msgspec.Struct, frozen=True):
    """Envelope and content. The content is ASCII, so that it needs no extension of the server's."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


def compose(
    email: Email, settings: Settings, reference: str, unsubscribe_url: str | None, now: datetime
) -> Mail:
    """The mail of the delivery `reference`; every attempt has the same Message-ID. Raises Unsendable."""
    sender = _address(email.from_ or settings.from_address, "config", "sender")
    recipient = _address(email.to, "invalid_recipient", "recipient")
    message_id = _id(reference, settings)
    headers = [
        ("Date", format_datetime(now)),
        ("From", _person(email.from_name if email.from_name is not None else settings.from_name, sender)),
        ("To", _person(email.to_name, recipient)),
    ]
    if reply_to := email.reply_to or settings.reply_to:
        headers.append(("Reply-To", _address(reply_to, "config", "reply")))
    headers += [("Subject", _text("Subject", email.subject)), ("Message-ID", message_id)]
    if email.call_id is not None:
        thread = _id(f"call-{email.call_id}", settings)
        headers += [
            ("In-Reply-To", thread),
            ("References", thread),
            ("X-AfterCall-Call", quote(email.call_id)),
        ]
    headers += [
        ("Auto-Submitted", "auto-generated"),  # RFC 3834
        ("X-Auto-Response-Suppress", "All"),  # Exchange's form of it
        ("X-AfterCall-Delivery", quote(reference)),
        *_unsubscribe(email, settings, unsubscribe_url),
    ]
    mark = hashlib.sha256(reference.encode()).hexdigest()[:24]
    content = (_written(headers) + body.write(email, mark)).encode("ascii")
    if len(content) > MAX_SIZE:
        raise Unsendable("content", f"the mail has {len(content)} bytes, more than {MAX_SIZE}")
    return Mail(sender, recipient, message_id, content)


def _written(headers: list[tuple[str, str]]) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if max(map(len, lines.split("\r\n"))) > MAX_LINE:
        raise Unsendable("content", "a header is too long")
    return lines


def _unsubscribe(email: Email, settings: Settings, url: str | None) -> list[tuple[str, str]]:
    """RFC 8058: one click is for an https URL only, and both headers go together."""
    if email.category in TRANSACTIONAL:
        return []
    ways = []
    if url is not None and _HTTPS.fullmatch(url):
        ways.append(f"<{url}>")
    if settings.unsubscribe_mailto:
        ways.append(f"<mailto:{quote(mailbox(settings.unsubscribe_mailto), safe='@')}?subject=unsubscribe>")
    headers = [("List-Unsubscribe", ",\r\n ".join(ways))] if ways else []
    if ways and ways[0].startswith("<https:"):
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


def _id(left: str, settings: Settings) -> str:
    return f"<{quote(left)}@{settings.domain}>"


def _address(text: str, error: ErrorClass, whose: str) -> str:
    try:
        return mailbox(text)
    except ValueError as exc:
        raise Unsendable(error, f"{whose}: {exc}") from None


def _person(name: str, address: str) -> str:
    name = one_line(name)
    if not name:
        return address
    name = _quoted(name) if _is_plain(name) else _encoded("From", name)
    space = " " if len(name) + len(address) < SHORT - len("Reply-To: <>") else "\r\n "
    return f"{name}{space}<{address}>"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(header: str, text: str) -> str:
    text = one_line(text)
    if not _is_plain(text) and not (_is_ascii(text) and all(len(word) < SHORT for word in text.split())):
        return _encoded(header, text)
    return Header(text, "us-ascii", SHORT, header).encode(linesep="\r\n")


def _encoded(header: str, text: str) -> str:
    return Header(text, "utf-8", SHORT, header).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    return _is_ascii(text) and len(text) < SHORT - len("Reply-To: ")


def _is_ascii(text: str) -> bool:
    """Neither in need of encoded words nor to be taken for one."""
    return text.isascii() and "=?" not in text
