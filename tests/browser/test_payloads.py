"""Foreign text that means harm is shown as it was typed, wherever it is shown."""

import unicodedata
from pathlib import Path

from playwright.sync_api import Browser, expect

from slm.utf8 import without_controls
from tests.browser.app_server import app_server, new_page, settled
from tests.browser.payloads import PAYLOADS
from tests.browser.watching import watched

SINKS = Path(__file__).with_name("sinks.py")


SINKS_OF_A_PAYLOAD = 15
"""Places of `sinks.py` whose text can be seen without a click."""


def plain(text: str) -> str:
    """What can be seen of a text: control characters as pictures, any blanks as one."""
    text = without_controls(text.encode("utf-8", "replace").decode())
    kept = (c for c in text if unicodedata.category(c) != "Cf" and c != "\ufffd")
    return " ".join("".join(kept).split())


def test_every_element_that_reads_markdown_shows_what_was_typed(browser: Browser, tmp_path: Path):
    with app_server(tmp_path, tmp_path / "log", script=SINKS) as served:
        page = new_page(browser)
        with watched(page.context, served.url) as watch:
            page.goto(served.url)
            expect(page.get_by_text("All payloads stand above.")).to_be_visible()
            settled(page)
            texts = page.evaluate(
                "n => [...Array(n).keys()].map(i =>"
                " document.querySelector(`.st-key-payload-${i}`).innerText)",
                len(PAYLOADS),
            )
            strange = watch.strange(page)
        page.context.close()
    counted = {
        payload.what: plain(text).count(plain(payload.text[:300]))
        for payload, text in zip(PAYLOADS, texts, strict=True)
    }
    assert {what: n for what, n in counted.items() if n < SINKS_OF_A_PAYLOAD} == {}
    assert (watch.dialogs, watch.requests, strange) == ([], [], [])
