"""Gupshup Enterprise, for India (S3, S5, S6). https://docs.gupshup.io/docs/send-message-to-single-number

Errors come with HTTP 200, as a line of text. Gupshup signs nothing, knows no reference of ours and cannot be asked
for a submit without an answer.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import failed, taken, unreadable
from aftercall.channels.sms.callbacks import explained
from aftercall.channels.sms.gupshup_errors import ERRORS
from aftercall.channels.sms.settings import ProviderSettings, Secret
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, ReceiptStatus, Text
from aftercall.domain.phone import digits, normalise
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.reading import decode
from aftercall.engine.taking import Object, epoch, form, integer, word
from aftercall.engine.upstream import Question, Reply, Request

API = "https://enterprise.smsgupshup.com"
SILENCE = Reply(
    200, b"", "text/plain"
)  # what an incoming text is answered with is sent to the person: nothing
# `status` of the GET, `eventType` of the POST.
STATUSES: dict[str, ReceiptStatus] = {
    "SUCCESS": "delivered", "DELIVERED": "delivered", "FAILURE": "failed", "FAILED": "failed",
    "UNKNOWN": "failed", "SUBMITTED": "sent", "SENT": "sent",
}  # fmt: skip


class GupshupSettings(ProviderSettings, frozen=True, kw_only=True):
    userid: Annotated[
        str,
        Meta(
            title="User ID",
            description="The number of the account, as Gupshup has given it out for the API.",
            pattern="^[0-9]{1,20}$",
            examples=["2000000000"],
        ),
    ]
    password: Annotated[Secret, Meta(title="Password", description="Of this user ID.")]


class Gupshup:
    title: str = "Gupshup"
    traits: Traits = Traits(dlt=True, domestic="IN")
    Settings: type[msgspec.Struct] = GupshupSettings
    secrets: frozenset[str] = frozenset({"password"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        """By POST, so that the password stands in no address."""
        settings: GupshupSettings = submission.settings
        sms = submission.sms
        body = {
            "method": "SendMessage",
            "v": "1.1",
            "auth_scheme": "plain",
            "format": "text",
            "userid": settings.userid,
            "password": settings.password,
            "send_to": digits(sms.to),
            "msg": sms.text,
            "msg_type": "Unicode_Text" if sms.encoding == "ucs2" else "TEXT",
        }
        if sender := sms.sender or settings.sender:
            body["mask"] = sender
        if sms.dlt is not None:
            body |= {"principalEntityId": sms.dlt.entity_id, "dltTemplateId": sms.dlt.template_id}
        return Question(
            method="POST",
            url=f"{settings.address(API)}/GatewayAPI/rest",
            headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            body=urlencode(body).encode(),
        )

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        """`success | 919812345678 | id`, or `error | 102 | what is wrong`."""
        line = answer.body.decode("utf-8", "replace").strip()
        verdict, *parts = (part.strip() for part in line.split("|", 2))
        if 200 <= answer.status < 300 and verdict.casefold() == "success" and len(parts) == 2:
            return taken(answer, [word(parts[1])])
        if verdict.casefold() == "error" and len(parts) == 2:
            return failed(self, submission, answer, code=parts[0][:20], said=parts[1])
        return unreadable(self, submission, answer)

    def verify(self, settings: Any, request: Request) -> None:
        """Gupshup signs nothing: the token in the callback's address is all there is."""

    def hear(self, settings: Any, request: Request) -> Heard:
        """Receipts by GET one by one, or by POST up to twenty; incoming texts by GET."""
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if request.body.strip():
            reports = list(_events(request.body))
        elif query.get("msisdn"):
            return Heard(texts=(_text(query),), reply=SILENCE)
        else:
            reports = [query] if word(query.get("externalId")) else []
        if not reports:
            raise Unreadable("It is neither a delivery report nor an incoming text.")
        receipts = [explained(self, _receipt(one), settings, word(one.get("cause"))) for one in reports]
        return Heard(receipts=tuple(receipts), reply=SILENCE)


def _events(body: bytes) -> Iterable[Object]:
    """A JSON array, bare or as the field `response` of a form or an object."""
    raw = body.strip()
    if raw[:1] not in (b"[", b"{"):
        raw = dict(form(raw)).get("response", "").encode(errors="replace")
    found = decode(raw)
    if type(found) is dict:
        found = found.get("response", [found])
    for one in found if type(found) is list else []:
        if type(one) is dict and word(one.get("externalId")):
            yield one


def _receipt(report: Object) -> Receipt:
    said = word(report.get("status")) or word(report.get("eventType")) or ""
    number = report.get("errCode")
    return Receipt(
        provider_id=word(report.get("externalId")),
        status=STATUSES.get(
            said.upper(), "sent"
        ),  # it has left Gupshup; what else a new word means is not known
        provider_status=said[:50],
        provider_code=f"{number:03d}" if type(number) is int else word(number),
        at=epoch(report.get("deliveredTS") or report.get("eventTs"), 1000.0),
        segments=integer(report.get("noOfFrags")) or None,
    )


def _text(query: Mapping[str, str]) -> Text:
    """Of a keyword at a long code: `content` is all of it. Numbers of India may come without their country."""
    return Text(
        from_=normalise(query["msisdn"][:50], "IN").best or query["msisdn"][:50],
        to=query.get("phonecode", "")[:50],
        text=query.get("content") or query.get("keyword", ""),
        at=epoch(query.get("timestamp"), 1000.0),
    )


gupshup = Gupshup()
