"""The built-in summary mail in a real browser (S4, S7): on a phone and a desk, in light and in dark.

It is read back out of the mail as it is sent. Screenshots stay in the test's own folder.
"""

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, async_playwright

from aftercall.channels.email.mime import compose
from aftercall.channels.email.settings import Settings
from aftercall.domain.fact import Transcript, Turn
from aftercall.domain.message_context import Recipient, Told
from aftercall.domain.message_defaults import email_summary
from aftercall.domain.message_template import render_email
from tests.channels.email.conftest import NOW
from tests.domain.samples import ANSWERED, COMPLETED, but
from tests.support.programs import program

pytestmark = [pytest.mark.live, pytest.mark.slow]

LONG = "https://shop.example/" + "order" * 40
WORDS = (
    "Das ist Jürgen, guten Tag.",
    f"I ordered this: {LONG}",
    "नमस्ते, मेरा ऑर्डर कहाँ है?",
    "שלום, איפה ההזמנה שלי?",
    "<script>alert('no')</script> & more",
)
SIZES = {"phone": (360, 740), "desk": (1280, 900)}
Scheme = Literal["light", "dark"]

# For every text on the page: what it says, where it is, and the colours of the text and of what lies behind it.
TEXTS = """() => {
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!colour.endsWith(', 0)')) return colour;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    if (!text) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const { left, right, width, height } = range.getBoundingClientRect();
    const parent = walker.currentNode.parentElement;
    found.push({ text, left, right, width, height, colour: getComputedStyle(parent).color, behind: behind(parent) });
  }
  return found;
}"""


def html() -> str:
    """The HTML part of the summary mail of a call with a long transcript."""
    turns = tuple(Turn("customer" if n % 2 else "agent", said) for n, said in enumerate(WORDS * 3))
    call = but(ANSWERED, transcript=Transcript(turns=turns))
    to = Recipient(role="user", address="jordan@example.com", name="Jordan")
    told = Told(account_id="ac_1", event=COMPLETED, call=call, recipient=to)
    settings = Settings(host="mail.test", from_address="calls@example.com")
    mail = compose(render_email(email_summary("ac_1"), told), settings, "dl_1", None, NOW)
    read = message_from_bytes(mail.content, policy=default)
    assert isinstance(read, EmailMessage)
    part = read.get_body(("html",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = program("chromium")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


async def shown(browser: Browser, size: str, scheme: Scheme) -> Page:
    """The mail in a window; nothing can be loaded, as in a mail program that shows no remote content."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        java_script_enabled=True,
        offline=True,
    )
    page = await context.new_page()
    await page.set_content(html())
    return page


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_summary_can_be_read(browser: Browser, tmp_path: Path, size: str, scheme: Scheme) -> None:
    page = await shown(browser, size, scheme)
    image = await page.screenshot(path=tmp_path / f"{size}-{scheme}.png", full_page=True)
    assert len(image) > 10_000  # a blank page of this size has some 4 kB

    width = SIZES[size][0]
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    texts: list[dict[str, Any]] = await page.evaluate(TEXTS)
    assert any("Jordan" in t["text"] or "Transcript" in t["text"] for t in texts)
    for text in texts:
        assert text["width"] > 0, text
        assert text["height"] > 0, text
        assert 0 <= text["left"] <= text["right"] <= width, text
        assert contrast(text["colour"], text["behind"]) >= 4.5, text  # WCAG 2.2, 1.4.3


async def test_every_word_of_the_call_is_there_and_none_is_markup(browser: Browser) -> None:
    page = await shown(browser, "desk", "light")
    said = await page.inner_text("body")
    for words in WORDS:
        assert said.count(words) == 3
    assert await page.locator("script").count() == 0


async def test_the_mail_is_no_wider_than_can_be_read(browser: Browser) -> None:
    page = await shown(browser, "desk", "light")
    box = await page.locator("h1").bounding_box()
    assert box is not None
    assert box["width"] <= 640


async def test_nothing_is_loaded(browser: Browser) -> None:
    asked: list[str] = []
    page = await (await browser.new_context()).new_page()
    page.on("request", lambda request: asked.append(request.url))
    await page.set_content(html(), wait_until="networkidle")
    assert asked == []


def contrast(one: str, other: str) -> float:
    """The ratio of two colours as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(c) / 255 for c in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
