"""The unsubscribe link over real HTTP (S5, S7; RFC 8058): a GET only asks, a POST does it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self

import aiohttp
import pytest
import uvicorn
from litestar import Litestar

from aftercall.api.unsubscribe import routes
from aftercall.domain.unsubscribe import sign

KEY = b"k" * 32
TOKEN = sign("ac_1", "dl_1", KEY)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class Link:
    """The routes on a loopback socket, over a list in place of a store."""

    def __init__(self) -> None:
        self.gone: list[tuple[str, str]] = []
        app = Litestar(routes([KEY], self._unsubscribe), openapi_config=None, logging_config=None)
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))

    async def _unsubscribe(self, account_id: str, delivery_id: str) -> bool:
        self.gone.append((account_id, delivery_id))
        return delivery_id == "dl_1"

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server.serve())
        async with asyncio.timeout(10):
            while not self._server.started:
                await asyncio.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self._session = aiohttp.ClientSession(f"http://127.0.0.1:{port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._server.should_exit = True
        await self._task

    async def ask(self, method: str, token: str = TOKEN, **more: Any) -> tuple[int, str, Any]:
        async with self._session.request(method, f"/unsubscribe/{token}", **more) as response:
            return response.status, await response.text(), response.headers


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    async with Link() as running:
        yield running


async def test_a_get_shows_a_button_and_changes_nothing(link: Link) -> None:
    status, page, _ = await link.ask("GET")
    assert status == 200
    assert '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">' in page
    assert link.gone == []


async def test_a_mail_programs_click_unsubscribes(link: Link) -> None:
    with aiohttp.MultipartWriter("form-data") as form:
        form.append("One-Click").set_content_disposition("form-data", name="List-Unsubscribe")
    status, _, _ = await link.ask("POST", data=form)
    assert (status, link.gone) == (200, [("ac_1", "dl_1")])


async def test_the_pages_button_unsubscribes(link: Link) -> None:
    status, page, _ = await link.ask("POST", data=ONE_CLICK)
    assert (status, link.gone) == (200, [("ac_1", "dl_1")])
    assert "You are unsubscribed" in page


@pytest.mark.parametrize(
    "body",
    [{}, {"data": {"List-Unsubscribe": "maybe"}}, {"json": ONE_CLICK}, {"data": b"\xff\xfe=%zz"},
     {"data": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
     {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}],
    ids=["empty", "other", "json", "garbage", "cut", "no boundary"],
)  # fmt: skip
async def test_a_post_of_something_else_changes_nothing(link: Link, body: dict[str, Any]) -> None:
    status, page, _ = await link.ask("POST", **body)
    assert (status, link.gone) == (400, [])
    assert "Nothing was changed" in page


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["ac_1.dl_1", TOKEN[:-1] + "!", sign("ac_1", "dl_1", b"other")])
async def test_a_link_that_is_not_ours_leads_nowhere(link: Link, method: str, token: str) -> None:
    status, page, _ = await link.ask(method, token, data=ONE_CLICK)
    assert (status, link.gone) == (404, [])
    assert "This link is not valid" in page
    assert token not in page


async def test_a_delivery_that_is_gone_leads_nowhere(link: Link) -> None:
    status, _, _ = await link.ask("POST", sign("ac_1", "dl_2", KEY), data=ONE_CLICK)
    assert status == 404


@pytest.mark.parametrize(("method", "more"), [("GET", {}), ("POST", {"data": ONE_CLICK}), ("POST", {})])
async def test_every_page_stands_alone_and_is_kept_by_nobody(link: Link, method: str, more: Any) -> None:
    _, page, headers = await link.ask(method, **more)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "<script" not in page
    assert "://" not in page
    assert "url(" not in page
