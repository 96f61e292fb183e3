"""A charge point on the mock board with its page in a real browser, and the reference central system at the other end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from csms.app import Csms
from csms.config import CsmsConfig
from tests.control.station import Station, station
from tests.page.browser import Page, open_page

WORD = "#evse-{evse} .word"


@dataclass
class Pole:
    """Everything that stands there."""

    station: Station
    csms: Csms
    page: Page

    async def shows(self, word: str, evse: int = 1) -> None:
        """Wait until an EVSE shows a state word."""
        selector = WORD.format(evse=evse)
        await self.page.until(f"document.querySelector('{selector}')?.textContent === {word!r}")

    async def says(self, selector: str, text: str) -> None:
        """Wait until an element contains a text."""
        await self.page.until(f"document.querySelector({selector!r})?.innerText.includes({text!r})")


@asynccontextmanager
async def pole(tmp_path: Path, devtools_url: str, overrides: dict[str, str] | None = None) -> AsyncIterator[Pole]:
    """A charge point that its central system has accepted, and its page when it has heard of that."""
    async with (
        Csms(CsmsConfig(api_host=None)) as csms,
        station(tmp_path, {"csms.url": csms.ws_url, **(overrides or {})}) as one,
        open_page(devtools_url) as page,
    ):
        await page.goto(f"{one.app.control_url}/")
        yield Pole(one, csms, page)
