"""The body of a mail: its parts, all in ASCII and short lines, so that no server has to change them (RFC 2045, 2046).

Written by hand, because Python's `email` package takes eight times as long, and up to 3.12.4 a file's name can make
it write headers (CVE-2024-6923). It is the reader in the tests.
"""

import re
from base64 import encodebytes
from binascii import b2a_qp
from urllib.parse import quote

from aftercall.domain.message import Attachment, Email

LONGEST = 78  # RFC 5322, 2.1.1: what a line should not exceed
MAX_NAME = 60  # characters of a file's name: percent-encoded they still fit into a line

# What is a line end or a control character to anybody, and halves of surrogate pairs. Joiners stay: Hindi needs them.
_BREAK = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # all but tab and line ends
_LONG = re.compile(rf"[^\r]{{{LONGEST + 1}}}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._()+-]+")
_TYPE = re.compile(r"([a-z]+)/([a-z0-9.+-]+)")


def write(email: Email, mark: str) -> str:
    """The headers that describe the body, an empty line, the body. `mark` is the mail's own, hexadecimal."""
    body = _text(email.text, "plain")
    if email.html:
        body = _multipart("alternative", [body, _text(email.html, "html")], f"=_a{mark}")
    if email.attachments:
        body = _multipart("mixed", [body, *map(_attachment, email.attachments)], f"=_m{mark}")
    return f"MIME-Version: 1.0\r\n{body}"


def _multipart(kind: str, parts: list[str], boundary: str) -> str:
    """A boundary begins with `=_`, which is in no part: quoted-printable and base64 cannot have it."""
    inside = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n{inside}--{boundary}--\r\n'


def _attachment(attachment: Attachment) -> str:
    kind = _TYPE.fullmatch(attachment.content_type.partition(";")[0].strip().lower())
    shown = f"Content-Disposition: {_disposition(attachment.name)}\r\n"
    if kind is not None and kind[1] == "text":
        return shown + _text(attachment.content, kind[2])
    # What is in parts itself would have to be in 7bit; it is no kind of file that a call has.
    known = kind is not None and kind[1] not in ("multipart", "message")
    told = kind[0] if kind is not None and known else "application/octet-stream"
    coded = _base64(attachment.content.encode("utf-8", "replace"))
    return f"{shown}Content-Type: {told}\r\nContent-Transfer-Encoding: base64\r\n\r\n{coded}"


def _disposition(name: str) -> str:
    """With the file's name, percent-encoded (RFC 2231) where it is not plain. No folders."""
    name = one_line(name).replace("/", "_").replace("\\", "_")[:MAX_NAME] or "attachment"
    if _PLAIN_NAME.fullmatch(name):
        return f'attachment; filename="{name}"'
    return f"attachment;\r\n filename*=utf-8''{quote(name, safe='')}"


def _text(text: str, subtype: str) -> str:
    text = _END.sub("\r\n", _CONTROL.sub("", text)).removesuffix("\r\n") + "\r\n"
    encoding, body = _encoded(text)
    kind = f'Content-Type: text/{subtype}; charset="utf-8"'
    return f"{kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"


def _encoded(text: str) -> tuple[str, str]:
    if text.isascii() and "=_" not in text and not _LONG.search(text):
        return "7bit", text
    content = text.encode("utf-8", "replace")
    foreign = len(content) - len(text.encode("ascii", "ignore"))
    if 6 * foreign > len(content):  # three bytes for each of them, or four for every three
        return "base64", _base64(content)
    return "quoted-printable", b2a_qp(content, istext=True).decode("ascii")


def _base64(content: bytes) -> str:
    return encodebytes(content).replace(b"\n", b"\r\n").decode("ascii") or "\r\n"


def one_line(text: str) -> str:
    """For a header: breaks are spaces, and a run of spaces is one."""
    return " ".join(_BREAK.sub(" ", text).split())
