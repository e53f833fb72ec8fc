"""How the answers and callbacks of a described gateway are read, by the paths of its settings (S3, S6)."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from aftercall.channels.sms.callbacks import fields, international, keyword, reference_of
from aftercall.channels.sms.generic_settings import GenericSettings, Inbound, Receipts, as_template
from aftercall.domain.errors import Unreadable
from aftercall.domain.message import Receipt, Text
from aftercall.domain.template import Template, compile  # noqa: A004  # its name there
from aftercall.engine.reading import decode
from aftercall.engine.taking import epoch, many, text, word, written
from aftercall.engine.upstream import Request

MAX_ITEMS = 1000


def look(path: str, item: Any) -> str | None:
    """The text, number or truth at a path, as text."""
    value = found(path, item) if path else None
    if type(value) is bool:
        return "true" if value else "false"
    return str(value) if type(value) is float else text(value)


def found(path: str, item: Any) -> Any:
    return _finder(path).render({"it": item})


@lru_cache(maxsize=1024)
def _finder(path: str) -> Template:
    return compile(as_template(path), {"it": None})


def items(settings: GenericSettings, request: Request) -> Iterator[Any]:
    """The messages that a callback tells of. Raises Unreadable."""
    is_json = request.body.lstrip()[:1] in (b"{", b"[")
    whole = decode(request.body) if is_json else fields(request)
    if settings.json_field and type(whole) is dict:
        whole = decode(str(whole.get(settings.json_field, "")).encode(errors="replace"))
    if settings.items:
        whole = found(settings.items, whole)
    listed = many(whole) if type(whole) is list else [whole]
    if not listed or len(listed) > MAX_ITEMS:
        raise Unreadable("The callback holds no messages, or too many.")
    yield from listed


def receipt(how: Receipts, no_error: tuple[str, ...], item: Any, request: Request) -> Receipt | None:
    status = look(how.status, item)
    if status is None:
        return None
    statuses = {name.casefold(): meant for name, meant in how.statuses.items()}
    code = word(look(how.code, item))
    return Receipt(
        provider_id=word(look(how.id, item)),
        reference=word(look(how.reference, item)) or reference_of(request),
        status=statuses.get(status.casefold(), "queued"),
        provider_status=status[:50],
        provider_code=None if code in no_error else code,
        at=written(look(how.at, item)) or epoch(look(how.at, item)),
    )


def text_of(how: Inbound, item: Any) -> Text | None:
    from_, said = look(how.from_, item), look(how.text, item)
    if from_ is None or said is None:
        return None
    known = {name.casefold(): meant for name, meant in how.keywords.items()}
    return Text(
        provider_id=word(look(how.id, item)),
        from_=international(from_[:50]),
        to=international((look(how.to, item) or "")[:50]),
        text=said,
        keyword=keyword(look(how.keyword, item), known),
        at=written(look(how.at, item)) or epoch(look(how.at, item)),
    )
