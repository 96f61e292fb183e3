"""A browser for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.interfaces import undisturbed
from tests.page.browser import chromium, find_chromium


@pytest.fixture(autouse=True)
def _interfaces_stay() -> Iterator[None]:
    with undisturbed():
        yield


@pytest.fixture(scope="session")
def devtools_url() -> Iterator[str]:
    """The DevTools socket of a running Chromium; skips where there is none."""
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine; as root: apt-get install chromium")
    with chromium() as url:
        yield url
