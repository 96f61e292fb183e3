"""The console's files: who gets them, and what the browser is allowed to do with them."""

import re
from pathlib import Path

import httpx
import pytest

from csms.app import Csms
from csms.config import CsmsConfig

CONSOLE = Path(__file__).parents[2] / "csms" / "console"
TOKEN = "a-token-for-this-test"


def root(csms: Csms) -> str:
    """Where people open it."""
    assert csms.api_url is not None
    return csms.api_url.removesuffix("/api")


async def test_the_page_may_load_its_own_files_and_nothing_else() -> None:
    """A strict policy stands on every file, and every file that the page names is there."""
    async with Csms(CsmsConfig()) as csms, httpx.AsyncClient(base_url=root(csms)) as http:
        page = await http.get("/")
        assert page.headers["content-type"].startswith("text/html")
        names = re.findall(r'(?:href|src)="(console/[^"]+)"', page.text)
        assert len(names) > 5
        for answer in [page, *[await http.get(f"/{name}") for name in names]]:
            assert answer.status_code == 200
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert (await http.get("/console", follow_redirects=False)).headers["location"] == "/"


@pytest.mark.parametrize("path", ["/console/../app.py", "/console/%2e%2e/app.py", "/console/no-such.js", "/console/js"])
async def test_only_files_of_the_console_are_given_out(path: str) -> None:
    """Nothing beside the folder, and no folder."""
    async with Csms(CsmsConfig()) as csms, httpx.AsyncClient(base_url=root(csms)) as http:
        assert (await http.get(path)).status_code == 404


async def test_with_a_token_the_files_are_free_and_what_they_show_is_not() -> None:
    """The page has to ask for the token before it shows anything."""
    async with Csms(CsmsConfig(api_token=TOKEN)) as csms, httpx.AsyncClient(base_url=root(csms)) as http:
        assert (await http.get("/")).status_code == 200
        assert (await http.get("/console/js/app.js")).status_code == 200
        assert (await http.get("/api/stations")).status_code == 401
        assert (await http.get("/api/stations", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_a_page_from_elsewhere_gets_nothing() -> None:
    """Neither by another name of this machine nor from another origin."""
    async with Csms(CsmsConfig()) as csms, httpx.AsyncClient(base_url=root(csms)) as http:
        assert (await http.get("/", headers={"Host": "evil.example"})).status_code == 403
        assert (await http.get("/", headers={"Origin": "http://evil.example"})).status_code == 403


def test_the_words_of_both_languages_are_the_same_ones() -> None:
    """No text is missing in either."""
    keys = [
        set(re.findall(r"(?:^|[\s{])(\w+): ['{]", (CONSOLE / "js" / "words" / f"{name}.js").read_text()))
        for name in ("en", "de")
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) > 50


def test_nothing_is_written_into_the_page_that_its_policy_forbids() -> None:
    """No inline script, style or handler, no address of another host."""
    for file in CONSOLE.rglob("*"):
        if file.suffix in {".js", ".html", ".css"}:
            text = file.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"innerHTML|eval\(|<script>|style=|https?://", text), file
