"""MSG91, for India (S3, S6). What has a flow goes by https://docs.msg91.com/reference/send-sms (v5); everything else
as it is written, with its DLT id, by https://api.msg91.com/apidoc/textsms/send-sms-post.php (v2).

MSG91 signs nothing and cannot be asked for a submit without an answer; its receipt brings our reference (CRQID).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from aftercall.channels.sms.answers import failed, money, taken, told, unreadable
from aftercall.channels.sms.callbacks import explained
from aftercall.channels.sms.msg91_errors import ERRORS
from aftercall.channels.sms.settings import ProviderSettings, Secret
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Invalid, Unreadable
from aftercall.domain.message import Receipt, ReceiptStatus, Sms
from aftercall.domain.phone import digits
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.reading import decode
from aftercall.engine.taking import Object, form, many, text, word
from aftercall.engine.upstream import Question, Reply, Request

FLOWS, TEXTS = "https://control.msg91.com", "https://api.msg91.com"
INDIA = ZoneInfo(
    "Asia/Kolkata"
)  # MSG91 does not say in which zone its times are; its panel shows Indian time
JSON = ("Content-Type", "application/json")
TAKEN = Reply(200, b"ok", "text/plain")
UNSAID = ("", "0")  # what CRQID is where none was given
# How refusals are worded that come without a code, and the code that means the same.
WORDS = {
    "authkey": "207", "authentication": "207", "whitelist": "418", "balance": "301", "flow": "400",
    "template": "400",
}  # fmt: skip
STATUSES: dict[str, ReceiptStatus] = {
    "1": "delivered", "2": "failed", "9": "rejected", "16": "rejected", "17": "rejected", "25": "rejected",
}  # fmt: skip
# `desc`, and the statuses of Webhook (New), which are words.
NAMES = {"delivered": "1", "failed": "2", "ndnc": "9", "rejected": "16", "blocked": "17"}


class Msg91Settings(ProviderSettings, frozen=True, kw_only=True):
    authkey: Annotated[
        Secret,
        Meta(
            title="Auth key",
            description="Under Authkey in MSG91's panel. Its list of IPs must have this server's.",
        ),
    ]
    flows: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(pattern="^[0-9A-Za-z]{1,40}$")]],
        Meta(
            title="Flows",
            description="MSG91's id of a template by its DLT template id. MSG91 fills in such a text itself; "
            "all others are sent as they are written.",
            max_length=500,
            examples=[{"1107160000000012345": "60f1a2b3c4d5e6f7a8b9c0d1"}],
        ),
    ] = msgspec.field(default_factory=dict)
    variable: Annotated[
        str,
        Meta(
            title="Variables of flows",
            description="What their names begin with: VAR for ##VAR1##, ##VAR2## and so on.",
            pattern="^[A-Za-z_]{1,20}$",
        ),
    ] = "VAR"


class Msg91:
    title: str = "MSG91"
    traits: Traits = Traits(inbound=False, dlt=True, domestic="IN")
    Settings: type[msgspec.Struct] = Msg91Settings
    secrets: frozenset[str] = frozenset({"authkey"})
    errors: Mapping[str, Known] = ERRORS

    def submit(self, submission: Submission) -> Question:
        settings: Msg91Settings = submission.settings
        sms = submission.sms
        flow = settings.flows.get(sms.dlt.template_id) if sms.dlt is not None else None
        if flow is not None:
            path, body = f"{settings.address(FLOWS)}/api/v5/flow", _flow(settings, sms, flow)
        else:
            path, body = f"{settings.address(TEXTS)}/api/v2/sendsms", _written(sms)
        if sender := sms.sender or settings.sender:
            body["sender"] = sender
        # Brought back by receipts; up to 80 letters, digits, `_`, `.` and `-`:
        # https://msg91.com/help/text-sms/custom-metadata-parameters-for-tracking-sms-requests
        body["CRQID"] = submission.reference
        return Question(
            method="POST",
            url=path,
            headers=(("authkey", settings.authkey), JSON),
            body=msgspec.json.encode(body),
        )

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        found = told(answer)
        if 200 <= answer.status < 300 and found.get("type") == "success":
            return taken(answer, [word(found.get("message"))])
        # v2 and flows say `message`; what stands before them (the key, the address) says `errors` and `apiError`.
        said = text(found.get("message")) or text(found.get("errors"))
        code = word(found.get("apiError")) or word(found.get("code"))
        if said is None and code is None:
            return unreadable(self, submission, answer)
        if code not in ERRORS:
            code = next((code for words, code in WORDS.items() if words in (said or "").casefold()), code)
        return failed(self, submission, answer, code=code, said=said)

    def verify(self, settings: Any, request: Request) -> None:
        """MSG91 signs nothing: the token in the callback's address is all there is."""

    def hear(self, settings: Any, request: Request) -> Heard:
        found = [(_receipt(report), _said(report)) for report in _reports(request.body)]
        # One that is about no text of ours must not spoil the others.
        receipts = [
            explained(self, receipt, settings, said)
            for receipt, said in found
            if receipt.provider_id is not None or receipt.reference is not None
        ]
        if not receipts:
            raise Unreadable("There is no report in it: choose webhook v2 or v3 at MSG91.")
        return Heard(receipts=tuple(receipts), reply=TAKEN)

    def probe(self, settings: Any) -> Question:
        """The credit, by POST: as a query, the key would be in logs."""
        return Question(
            method="POST",
            url=f"{settings.address(FLOWS)}/api/balance.php",
            headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            body=urlencode({"authkey": settings.authkey, "type": "4"}).encode(),  # 4: transactional
        )

    def probed(self, answer: Answer) -> str:
        """A number; an unknown key is answered with 200 and words."""
        left = money(answer.body.decode("utf-8", "replace").strip().strip('"'))
        if answer.status == 200 and left is not None:
            return f"MSG91 takes the auth key. Credit of the transactional route: {left}"
        raise Invalid(f"MSG91 does not take the auth key: {ERRORS['418'].hint}")


def _flow(settings: Msg91Settings, sms: Sms, flow: str) -> Object:
    named = {f"{settings.variable}{number}": value for number, value in enumerate(sms.variables, 1)}
    return {
        "template_id": flow,
        "short_url": "0",
        "recipients": [{"mobiles": digits(sms.to), **named}],
    }


def _written(sms: Sms) -> Object:
    number = digits(sms.to)
    body: Object = {
        "route": "1" if sms.category == "promotional" else "4",
        "country": "91" if number.startswith("91") else "0",
        "unicode": int(sms.encoding == "ucs2"),
        "sms": [{"message": sms.text, "to": [number]}],
    }
    if sms.dlt is not None:
        body["DLT_TE_ID"] = sms.dlt.template_id
    return body


def _reports(body: bytes) -> Iterable[Object]:
    """Webhook v2 is a form whose field `data` is JSON, with the reports below their request; v3 is flat JSON."""
    raw = body.strip()
    if raw[:1] not in (b"{", b"["):
        data = dict(form(body)).get("data")
        if data is None:
            raise Unreadable("The form has no field `data`.")
        raw = data.encode(errors="replace")
    found = decode(raw)
    if type(found) is dict and type(found.get("data")) is str:
        found = decode(found["data"].encode(errors="replace"))
    for one in found if type(found) is list else [found]:
        if type(one) is not dict:
            continue
        for report in many(one["report"]) if "report" in one else [one]:
            if type(report) is dict and "status" in report:
                yield one | report


def _receipt(report: Object) -> Receipt:
    said = word(report.get("status")) or ""
    desc = word(report.get("desc"))
    code = said if said in STATUSES else NAMES.get((desc or said).casefold(), said)
    reference = word(report.get("CRQID")) or ""
    return Receipt(
        provider_id=word(report.get("requestId")),
        reference=None if reference in UNSAID else reference,
        status=STATUSES.get(code, "sent"),  # it has left MSG91; what else a new status means is not known
        provider_status=(desc or said)[:50],
        provider_code=code,
        at=_time(word(report.get("date")) or word(report.get("deliveryTime"))),
        price=money(report.get("amount")),
    )


def _said(report: Object) -> str | None:
    return text(report.get("failedReason")) or text(report.get("failureReason")) or text(report.get("desc"))


def _time(written: str | None) -> datetime | None:
    if written is None or not re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", written):
        return None
    try:
        return datetime.fromisoformat(written).replace(tzinfo=INDIA).astimezone(UTC)
    except ValueError:
        return None


msg91 = Msg91()
