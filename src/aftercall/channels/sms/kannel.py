"""Kannel's HTTP gateway (sendsms of smsbox 1.4): receipts by `dlr-url`, inbound texts by `get-url` (S3, S5, S6).

Sent by POST: password, number and text stand in headers and body, where no access log looks.
User guide: https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html, chapters 6 and 10.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import explain, failed, hidden, taken, unreadable
from aftercall.channels.sms.callbacks import (
    explained,
    international,
    reference_of,
    with_reference,
    without_numbers,
)
from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.channels.sms.kannel_errors import BUSY, ERRORS
from aftercall.channels.sms.settings import ProviderSettings, Secret
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Receipt, ReceiptStatus, Sms, Text
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.taking import epoch, integer, word
from aftercall.engine.upstream import Question, Reply, Request

DLR_MASK = 31  # all kinds: delivered 1, not delivered 2, queued 4, taken by the SMSC 8, refused by it 16
KINDS: dict[int, tuple[ReceiptStatus, str]] = {
    1: ("delivered", "delivered to phone"), 2: ("undelivered", "non-delivered to phone"),
    4: ("queued", "queued on SMSC"), 8: ("sent", "delivered to SMSC"), 16: ("rejected", "non-delivered to SMSC"),
    34: ("expired", "expired"), 66: ("failed", "unknown"),
}  # fmt: skip
# Hosts that can be no others' than one's own: names without a dot or under a private suffix, private IPv4 (RFC 1918).
INSIDE = (
    r"[A-Za-z0-9-]+|[A-Za-z0-9.-]+\.(internal|local|lan|home\.arpa)|(10|127)(\.[0-9]{1,3}){3}"
    r"|192\.168(\.[0-9]{1,3}){2}|172\.(1[6-9]|2[0-9]|3[01])(\.[0-9]{1,3}){2}"
)
SILENCE = Reply(200, b"", "text/plain")  # what a get-url answers is sent to the person: nothing
_SPLITS = re.compile(r"Message splits: (\d{1,3})")
_STAT = re.compile(r"\bstat:(\w{1,10})", re.IGNORECASE)
_ERR = re.compile(r"\berr:(\w{1,10})", re.IGNORECASE)

Tag = Annotated[str, Meta(max_length=50, pattern="^[A-Za-z0-9_.-]*$")]


class KannelSettings(ProviderSettings, frozen=True, kw_only=True):
    api_base: Annotated[
        str,
        Meta(
            title="Address of smsbox",
            description="Its host and `sendsms-port`. Must be https, except within a network of your own.",
            max_length=200,
            pattern=rf"^(https://[^\s/?#@\\]+|http://({INSIDE})(:[0-9]+)?)$",
            examples=["https://kannel.example.com:13013"],
        ),
    ]
    path: Annotated[
        str,
        Meta(
            title="Path",
            description="`sendsms-url` of smsbox, where it is not the usual one.",
            max_length=200,
            pattern=r"^/[^\s?#\\]*$",
        ),
    ] = "/cgi-bin/sendsms"
    username: Annotated[
        str, Meta(title="User name", description="Of a group `sendsms-user`.", min_length=1, max_length=100)
    ]
    password: Annotated[Secret, Meta(title="Password", description="Of the same group.")]
    smsc: Annotated[
        str,
        Meta(title="SMSC", description="The `smsc-id` to use; empty: Kannel's own routing.", max_length=100),
    ] = ""
    entity_tag: Annotated[
        Tag, Meta(title="DLT: entity id", description="Name of the `smpp-tlv` group for the entity id.")
    ] = "PE_ID"
    template_tag: Annotated[
        Tag, Meta(title="DLT: template id", description="Name of the `smpp-tlv` group for the template id.")
    ] = "Template_ID"
    chain_tag: Annotated[
        Tag,
        Meta(
            title="DLT: telemarketers",
            description="Name of the `smpp-tlv` group for the chain of telemarketers; empty: it is not sent.",
        ),
    ] = ""


class Kannel:
    title: str = "Kannel"
    traits: Traits = Traits(
        dlt=True, longest=1530
    )  # ten segments; the user's `max-messages` has to allow them
    Settings: type[msgspec.Struct] = KannelSettings
    secrets: frozenset[str] = frozenset({"password"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: KannelSettings = submission.settings
        sms = submission.sms
        headers = {
            "X-Kannel-To": sms.to,
            "X-Kannel-From": sms.sender or settings.sender,
            "X-Kannel-Coding": "2" if sms.encoding == "ucs2" else "0",
            "X-Kannel-SMSC": settings.smsc,
            "X-Kannel-Meta-Data": _meta_data(settings, sms),
        }
        if sms.validity_seconds is not None:
            headers["X-Kannel-Validity"] = str(max(1, sms.validity_seconds // 60))  # minutes
        if submission.callback_url is not None:
            headers["X-Kannel-DLR-Mask"] = str(DLR_MASK)
            headers["X-Kannel-DLR-URL"] = _dlr_url(submission.callback_url, submission.reference)
        given = tuple((name, value) for name, value in headers.items() if value)
        return _question(settings, given, sms.text.encode())

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        said = answer.body.decode("utf-8", "replace").strip()
        if answer.status in (200, 202) and said.startswith(("0: ", "3: ", "Sent.")):
            # 3: kept until the SMSC is back. "Sent.", with its segments: of `immediate-sendsms-reply`.
            splits = _SPLITS.search(said)
            return taken(answer, (), segments=int(splits[1]) if splits else None)
        if said == BUSY:
            return self._busy(submission, answer)
        if said in ERRORS:
            return failed(self, submission, answer, code=said)
        if answer.status == 400 and said.endswith("rejected"):
            return failed(self, submission, answer, said=said)
        # "Sending failed." (500) comes after segments of the text may have been taken: it stays in doubt.
        return unreadable(self, submission, answer)

    def _busy(self, submission: Submission, answer: Answer) -> Outcome:
        """A 503 that is no doubt: bearerbox has told smsbox that it does not take the text."""
        row = ERRORS[BUSY]
        return Outcome(
            ok=False,
            error=row.error,
            detail=explain(self.title, BUSY, None, row, hidden(self, submission)),
            retry=True,
            status_code=answer.status,
            provider_code=BUSY,
        )

    def verify(self, settings: Any, request: Request) -> None:
        """Kannel signs nothing: the token in the callback's address is all there is."""

    def hear(self, settings: Any, request: Request) -> Heard:
        """Receipts and texts both come by GET, to the same address."""
        try:
            # %b is the text in an alphabet of its own, byte for byte; latin-1 keeps the bytes.
            fields = dict(parse_qsl(request.query, max_num_fields=100, encoding="latin-1"))
        except ValueError:
            raise Unreadable("The query cannot be read.") from None
        if "dlr" in fields:
            answer = fields.get("answer", "").encode("latin-1").decode("utf-8", "replace")
            receipt, said = _receipt(fields, answer, reference_of(request))
            return Heard(receipts=(explained(self, receipt, settings, said),), reply=SILENCE)
        if fields.get("from"):
            return Heard(texts=(_text(fields),), reply=SILENCE)
        raise Unreadable("It has neither `dlr` nor `from`: check dlr-url and get-url in Kannel.")

    def probe(self, settings: Any) -> Question:
        """A text for nobody: Kannel looks at the password first, and sends nothing."""
        return _question(settings, (), b"")

    def probed(self, answer: Answer) -> str:
        said = answer.body.decode("utf-8", "replace").strip()
        if answer.status == 400 and said.startswith(("Missing receiver", "Empty receiver")):
            return "Kannel takes the login."
        if said in ERRORS:
            raise Invalid(f"Kannel says {said}: {ERRORS[said].hint}")
        raise Invalid(
            f"What answers there ({answer.status}) is not Kannel's sendsms; check address and path."
        )


def _question(settings: KannelSettings, headers: tuple[tuple[str, str], ...], body: bytes) -> Question:
    return Question(
        method="POST",
        url=settings.api_base.rstrip("/") + settings.path,
        headers=(
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("X-Kannel-Username", settings.username),
            ("X-Kannel-Password", settings.password),
            *headers,
        ),
        body=body,
    )


def _meta_data(settings: KannelSettings, sms: Sms) -> str:
    """TLVs of the SMPP connection behind Kannel, by the names that its `smpp-tlv` groups give them."""
    if sms.dlt is None:
        return ""
    values = {
        settings.entity_tag: sms.dlt.entity_id,
        settings.template_tag: sms.dlt.template_id,
        settings.chain_tag: ",".join(sms.dlt.chain),
    }
    pairs = "&".join(f"{tag}={quote(value, safe='')}" for tag, value in values.items() if tag and value)
    return f"?smpp?{pairs}" if pairs else ""


def _dlr_url(callback_url: str, reference: str) -> str:
    """Kannel fills in what follows a percent sign; one that is meant is doubled."""
    return with_reference(callback_url, reference).replace("%", "%%") + "&dlr=%d&id=%F&answer=%A&at=%T"


def _receipt(fields: dict[str, str], answer: str, reference: str | None) -> tuple[Receipt, str | None]:
    """With what the SMSC said: of an SMPP receipt only state and code, as it may hold the head of the text."""
    kind = integer(fields["dlr"])
    if kind is None or kind not in KINDS:
        raise Unreadable("`dlr` is none of Kannel's kinds of receipts.")
    status, name = KINDS[kind]
    stat, err = _STAT.search(answer), _ERR.search(answer)
    code = err[1].lstrip("0") if err else ""
    refusal = without_numbers(answer.removeprefix("NACK/")) if answer.startswith("NACK/") else None
    receipt = Receipt(
        provider_id=word(fields.get("id")),
        reference=reference,
        status=status,
        provider_status=stat[1].upper() if stat else name,
        provider_code=code if code in DLT_ERRORS else str(kind),
        at=epoch(fields.get("at")),
    )
    return receipt, refusal or (err[0] if err else None)


def _text(fields: dict[str, str]) -> Text:
    return Text(
        provider_id=word(fields.get("id")),
        from_=international(fields["from"][:50]),
        to=international(fields.get("to", "")[:50]),
        text=_decoded(fields.get("text", "").encode("latin-1"), fields.get("charset", "")),
        at=epoch(fields.get("at")),
    )


def _decoded(raw: bytes, charset: str) -> str:
    """%C says UTF-8 for the GSM alphabet and UTF-16BE for UCS-2."""
    wide = charset.upper() == "UTF-16BE"
    return raw.decode("utf-16-be" if wide else "utf-8", "replace").replace("\0", "")


kannel = Kannel()
