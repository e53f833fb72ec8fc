"""A gateway over HTTP that is described in the connection's settings (S3): templates out, paths and patterns in.

Nobody knows what its server's errors mean, so they are in doubt, but for statuses and codes that the admin has
described.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from aftercall.channels.sms.answers import failed, taken, unreadable
from aftercall.channels.sms.callbacks import (
    explained,
    with_reference,
)
from aftercall.channels.sms.generic_reading import items, look, receipt, text_of
from aftercall.channels.sms.generic_settings import (
    SCHEMA,
    GenericSettings,
)
from aftercall.channels.sms.settings import keys
from aftercall.domain.delivery import Outcome
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, Text
from aftercall.domain.template import compile  # noqa: A004  # its name there
from aftercall.engine.messaging import Answer, Heard, Known, Submission, Traits
from aftercall.engine.reading import decode
from aftercall.engine.signing import check
from aftercall.engine.taking import Object
from aftercall.engine.upstream import Question, Reply, Request

LOOKED_AT = 500  # characters of an answer that patterns see: no pattern can keep the server busy with so few
LATER = Known("throttled", "it is sent again later", retry=True)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class Generic:
    title: str = "The gateway"
    traits: Traits = Traits(dlt=True)
    Settings: type[msgspec.Struct] = GenericSettings
    secrets: frozenset[str] = frozenset({"password", "token", "callback_secret"})
    errors: Mapping[str, Known] = {}  # each gateway's own are in its settings

    def submit(self, submission: Submission) -> Question:
        settings: GenericSettings = submission.settings
        values = _values(submission)
        quoted = {
            name: quote(value, safe="") if type(value) is str else value for name, value in values.items()
        }
        url = str(_rendered(settings.url, quoted))
        query = _pairs(settings.query, values)
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        headers = {name: _CONTROL.sub(" ", value) for name, value in _pairs(settings.headers, values)}
        body = b""
        if settings.form:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
            body = urlencode(_pairs(settings.form, values)).encode()
        elif settings.json is not None:
            headers = {"Content-Type": "application/json"} | headers
            body = msgspec.json.encode(_without_empty(_rendered(settings.json, values)))
        return Question(method=settings.method, url=url, headers=tuple(headers.items()), body=body)

    def submitted(self, submission: Submission, answer: Answer) -> Outcome:
        settings: GenericSettings = submission.settings
        found = _Answer(answer)
        said = found.look(settings.said_path, settings.said_pattern)
        code = found.look(settings.code_path, settings.code_pattern)
        if code is not None and code not in settings.no_error:
            return failed(self, submission, answer, code=code, said=said, known=settings.codes.get(code))
        if not settings.success_from <= answer.status <= settings.success_to:
            known = LATER if answer.status in settings.retry_statuses else None
            return failed(self, submission, answer, said=said, known=known)
        id_ = found.look(settings.id_path, settings.id_pattern)
        if id_ is None and (settings.id_path or settings.id_pattern):
            return unreadable(self, submission, answer)
        return taken(answer, [id_])

    def verify(self, settings: Any, request: Request) -> None:
        secrets = keys(settings.callback_secret)
        if secrets:
            given = request.headers.get(settings.callback_header.lower())
            check(secrets, [given] if given else [], lambda secret: [secret.decode()])

    def hear(self, settings: Any, request: Request) -> Heard:
        receipts: list[Receipt] = []
        texts: list[Text] = []
        for item in items(settings, request):
            raw = receipt(settings.receipts, settings.no_error, item, request) if settings.receipts else None
            came = text_of(settings.inbound, item) if settings.inbound else None
            if raw is not None and not (came is not None and raw.status == "queued"):
                said = look(settings.receipts.said, item)
                known = settings.codes.get(raw.provider_code or "")
                receipts.append(explained(self, raw, settings, said, known))
            elif came is not None:
                texts.append(came)
            else:
                raise Unreadable(
                    "It is neither a receipt nor a text as the connection's settings describe them."
                )
        return Heard(tuple(receipts), tuple(texts), Reply(200, settings.reply.encode(), "text/plain"))


class _Answer:
    """An answer, to be looked into by path or by pattern."""

    def __init__(self, answer: Answer) -> None:
        self.head = answer.body[: 4 * LOOKED_AT].decode("utf-8", "replace")[:LOOKED_AT]
        try:
            self.value = decode(answer.body)
        except Unreadable:
            self.value = None

    def look(self, path: str, pattern: str) -> str | None:
        if path and (found := look(path, self.value)) is not None:
            return found[:200]
        match = re.search(pattern, self.head) if pattern else None
        if match is None:
            return None
        return (match[1] if match.re.groups else match[0] or "") or None


def _values(submission: Submission) -> Object:
    """What templates may name; what there is not is null."""
    settings: GenericSettings = submission.settings
    sms = submission.sms
    callback = submission.callback_url
    dlt = {} if sms.dlt is None else msgspec.to_builtins(sms.dlt)
    return {
        "to": sms.to,
        "text": sms.text,
        "sender": sms.sender or settings.sender or None,
        "reference": submission.reference,
        "callback_url": with_reference(callback, submission.reference) if callback is not None else None,
        "encoding": sms.encoding,
        "segments": sms.segments,
        "category": sms.category,
        "template_id": sms.template_id,
        "validity_seconds": sms.validity_seconds,
        "variables": list(sms.variables),
        "dlt": dlt | {"chain": ",".join(dlt.get("chain", ()))},
        "username": settings.username or None,
        "password": settings.password or None,
        "token": settings.token or None,
    }


def _rendered(template: Any, values: Object) -> Any:
    return compile(template, SCHEMA).render(values)


def _pairs(templates: Mapping[str, str], values: Object) -> list[tuple[str, str]]:
    """Names and values, without those that have none."""
    made = _rendered(dict(templates), values)
    return [(name, str(value)) for name, value in made.items() if value not in (None, "", [], {})]


def _without_empty(value: Any) -> Any:
    if type(value) is dict:
        return {name: _without_empty(one) for name, one in value.items() if one not in (None, "", [], {})}
    return [_without_empty(one) for one in value] if type(value) is list else value


generic = Generic()
