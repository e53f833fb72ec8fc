"""From an `Email` to the bytes that go to the server (RFC 5322, RFC 2045 and following). Pure.

Header values are finished here, with encoded words where they need them, and are not folded again: Python's own
folding writes a long URL or Message-ID as an encoded word, which no reader of such headers decodes, and up to
3.12.4 it writes line ends that hid in an encoded word (CVE-2024-6923).
"""

import re
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import msgspec

from aftercall.channels.email.address import mailbox
from aftercall.channels.email.settings import Settings
from aftercall.domain.message import Attachment, Email, ErrorClass

MAX_SIZE = 10 * 1024 * 1024  # bytes as sent; many servers take 10 MB and more, few much less
MAX_LINE = 998  # RFC 5322, 2.1.1
MAX_NAME = 60  # characters of a file's name: percent-encoded they still fit into a line
SHORT = 76  # RFC 2047, 2: a line with an encoded word
# Asked for by the recipient, or needed to get what was asked for: there is nothing to unsubscribe from.
TRANSACTIONAL = frozenset({"otp", "transactional"})

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # in a body: all but tab and line ends
# In a header, besides: C1 controls, Unicode's line ends, halves of surrogate pairs. Joiners stay: Hindi needs them.
_BREAK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HTTPS = re.compile(r"https://[\x21\x23-\x3b\x3d\x3f-\x7e]+")  # without `<`, `>` and `"`
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._()+-]+")
_MIME_TYPE = re.compile(r"([a-z]+)/([a-z0-9.+-]+)")


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


class _Finished(EmailPolicy):
    """Leaves our headers as they are; those that say how a part is encoded are the library's."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return super().header_store_parse(name, value) if _of_mime(name) else (name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if _of_mime(name):
            return super().fold_binary(name, value)
        line = f"{name}: {value}\r\n".encode("ascii")
        if max(map(len, line.split(b"\r\n"))) > MAX_LINE:
            raise Unsendable("content", f"the header {name} is too long")
        return line


# 7bit: bodies become quoted-printable or base64 where they must, whatever the server can do.
POLICY = _Finished(linesep="\r\n", cte_type="7bit")


def compose(
    email: Email, settings: Settings, reference: str, unsubscribe_url: str | None, now: datetime
) -> Mail:
    """The mail of the delivery `reference`; every attempt has the same Message-ID. Raises Unsendable."""
    sender = _address(email.from_ or settings.from_address, "config", "sender")
    recipient = _address(email.to, "invalid_recipient", "recipient")
    message_id = _id(reference, settings)
    message = EmailMessage(POLICY)
    message["Date"] = format_datetime(now)
    message["From"] = _person(email.from_name if email.from_name is not None else settings.from_name, sender)
    message["To"] = _person(email.to_name, recipient)
    if reply_to := email.reply_to or settings.reply_to:
        message["Reply-To"] = _address(reply_to, "config", "reply")
    message["Subject"] = _text("Subject", email.subject)
    message["Message-ID"] = message_id
    if email.call_id is not None:
        message["In-Reply-To"] = message["References"] = _id(f"call-{email.call_id}", settings)
        message["X-AfterCall-Call"] = quote(email.call_id)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    message["X-Auto-Response-Suppress"] = "All"  # Exchange's form of it
    message["X-AfterCall-Delivery"] = quote(reference)
    for name, value in _unsubscribe(email, settings, unsubscribe_url):
        message[name] = value
    _fill(message, email)
    content = bytes(message)
    if len(content) > MAX_SIZE:
        raise Unsendable("content", f"the mail has {len(content)} bytes, more than {MAX_SIZE}")
    return Mail(sender, recipient, message_id, content)


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


def _fill(message: EmailMessage, email: Email) -> None:
    message.set_content(_body(email.text))
    if email.html:
        message.add_alternative(_body(email.html), subtype="html")
    for attachment in email.attachments:
        _attach(message, attachment)


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    kind = _MIME_TYPE.fullmatch(attachment.content_type.partition(";")[0].strip().lower())
    shown = _disposition(attachment.name)
    main, sub = kind.groups() if kind else ("application", "octet-stream")
    if main == "text":
        message.add_attachment(_body(attachment.content), subtype=sub, disposition=shown)
    else:
        content = attachment.content.encode("utf-8", "replace")
        message.add_attachment(content, maintype=main, subtype=sub, disposition=shown)


def _disposition(name: str) -> str:
    """With the file's name, percent-encoded (RFC 2231) where it is not plain. A folder in it is not followed."""
    name = _line(name).replace("/", "_").replace("\\", "_")[:MAX_NAME] or "attachment"
    if _PLAIN_NAME.fullmatch(name):
        return f'attachment; filename="{name}"'
    return f"attachment;\r\n filename*=utf-8''{quote(name, safe='')}"


def _id(left: str, settings: Settings) -> str:
    return f"<{quote(left)}@{settings.domain}>"


def _address(text: str, error: ErrorClass, whose: str) -> str:
    try:
        return mailbox(text)
    except ValueError as exc:
        raise Unsendable(error, f"{whose}: {exc}") from None


def _person(name: str, address: str) -> str:
    name = _line(name)
    if not name:
        return address
    name = _quoted(name) if _is_plain(name) else _encoded("From", name)
    space = " " if len(name) + len(address) < SHORT - len("Reply-To: <>") else "\r\n "
    return f"{name}{space}<{address}>"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(header: str, text: str) -> str:
    text = _line(text)
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


def _line(text: str) -> str:
    """One line: whatever is a line end, a control character or a run of spaces to anybody is one space."""
    return " ".join(_BREAK.sub(" ", text).split())


def _body(text: str) -> str:
    return _CONTROL.sub("", text.encode("utf-8", "replace").decode())


def _of_mime(name: str) -> bool:
    return name.lower() in ("content-type", "content-transfer-encoding", "mime-version")
