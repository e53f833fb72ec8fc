"""The link in a mail's List-Unsubscribe header (S5, S7; RFC 8058), and the page behind it.

A GET changes nothing: link scanners and previews follow every link. A POST does, from a mail program's button (one
click, no page) or from the page's. The page needs no JavaScript and loads nothing.
"""

import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from aftercall.domain.unsubscribe import read

# Enter the recipient of this delivery of this account into the suppression list; again is as good as once.
# False: there is no such delivery.
Unsubscribe = Callable[[str, str], Awaitable[bool]]

PATH = "/unsubscribe"
FIELD, ONE_CLICK = "List-Unsubscribe", "One-Click"  # RFC 8058, 3.2

_STYLE = (
    ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}"
    "main{max-width:32rem;margin:15vh auto 0;padding:0 1.25rem}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "button{font:inherit;padding:.6rem 1.25rem;cursor:pointer}"
)
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
    "<title>{title}</title><style>" + _STYLE.replace("{", "{{").replace("}", "}}") + "</style></head>"
    "<body><main><h1>{title}</h1>{body}</main></body></html>"
)
_ASK = _PAGE.format(
    title="Unsubscribe",
    body="<p>Do you want no more of these mails?</p>"
    f'<form method="post"><input type="hidden" name="{FIELD}" value="{ONE_CLICK}">'
    '<button type="submit">Unsubscribe</button></form>',
)
_DONE = _PAGE.format(title="You are unsubscribed", body="<p>You will get no more of these mails.</p>")
_UNKNOWN = _PAGE.format(
    title="This link is not valid",
    body="<p>Please use the link in the mail as it is, or answer the mail.</p>",
)
_UNCLEAR = _PAGE.format(title="Nothing was changed", body="<p>The request could not be read.</p>")

_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def routes(keys: Iterable[bytes], unsubscribe: Unsubscribe) -> list[HTTPRouteHandler]:
    """The two routes, public: the token says who asks. `keys` are those that tokens may be signed with."""
    valid = tuple(keys)

    @get(f"{PATH}/{{token:str}}", include_in_schema=False)
    async def ask(request: Request[Any, Any, Any]) -> Response[str]:
        return _answer(200, _ASK) if read(request.path_params["token"], valid) else _answer(404, _UNKNOWN)

    @post(f"{PATH}/{{token:str}}", include_in_schema=False)
    async def do(request: Request[Any, Any, Any]) -> Response[str]:
        asked = read(request.path_params["token"], valid)
        if asked is None:
            return _answer(404, _UNKNOWN)
        if not await _is_one_click(request):
            return _answer(400, _UNCLEAR)
        found = await unsubscribe(asked.account_id, asked.delivery_id)
        return _answer(200, _DONE) if found else _answer(404, _UNKNOWN)

    return [ask, do]


async def _is_one_click(request: Request[Any, Any, Any]) -> bool:
    """As a form of either kind: mail programs send multipart, the page does not."""
    try:
        form = await request.form()
    except (HTTPException, ValueError):
        return False
    return form.get(FIELD) == ONE_CLICK


def _answer(status: int, page: str) -> Response[str]:
    return Response(page, status_code=status, media_type="text/html", headers=HEADERS)
